"""The `:` line: an action by its name, and where it takes one the name of a run, a model or the like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from store.errors import near
from workbench.tui import actions, keyboard
from workbench.tui.actions import Action
from workbench.tui.clean import clean
from workbench.tui.keyboard import Kept
from workbench.tui.widgets.fields import Field
from workbench.tui.widgets.modal import OneField

if TYPE_CHECKING:
    from store import Store
    from store.naming import Named
    from workbench.tui.screen import Workbench

LINE_LIMIT = 500
SHOWN_MATCHES = 6
NAME_CELLS = 16
MOST_NAMES = 50
NAMES_LANE = "names"


@dataclass(frozen=True)
class Command:
    """What was typed: an action, and the name after it; empty where there is none."""

    action: Action
    name: str
    line: str


def matches(text: str, offered: Sequence[Action]) -> list[Action]:
    """The actions whose name fits what was typed: the very name first, then those that begin so."""
    wanted = _as_name(text)
    ranked = [
        (0 if action.name == wanted else 1 if action.name.startswith(wanted) else 2, index, action)
        for index, action in enumerate(offered)
        if wanted in action.name or wanted in action.label.lower().replace(" ", "_")
    ]
    return [action for _, _, action in sorted(ranked, key=lambda entry: entry[:2])]


def split(text: str, offered: Sequence[Action]) -> tuple[Action, str] | None:
    """An action that takes a name, and what was typed of that; None while no such action is written out."""
    word, space, rest = text.lstrip().partition(" ")
    named = [action for action in offered if action.takes and action.name == word.lower()]
    if not space or not named:
        return None
    # `compare all` may be the beginning of an action's own name.
    goes_on = rest.strip() and any(action.name.startswith(_as_name(text)) for action in offered)
    return None if goes_on else (named[0], rest.strip())


def _as_name(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def unknown(text: str, offered: Sequence[Action]) -> str:
    """What to say to a line that is no action."""
    word = text.strip().partition(" ")[0]
    nearest = near(word.lower(), [action.name for action in offered])
    meant = f"did you mean {nearest}?" if nearest else "backspace, and what there is stands here"
    return f"no action {clean(word, 40)!r}, {meant}"


class CommandLine(OneField[Command | None]):
    """A line at the foot of the screen.

    Args:
        offered: The actions that there are on the screen.
        asked_on: The screen, which says what cannot be done now.
    """

    scope: ClassVar[str] = "line"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("line")

    def __init__(self, offered: Sequence[Action], asked_on: Screen[Any]) -> None:
        super().__init__()
        self._offered = tuple(offered)
        self._asked_on = asked_on
        self._names: tuple[str, str, list[tuple[str, str]]] = ("", "", [])
        """Of what kind, beginning with what; and those names, with what else is known of each."""
        self._completions: list[str] = []
        """What the tab key writes out by turns; empty after any other key."""
        self._lines: list[str] = []
        """The history, the latest last, and after it what is being typed."""
        self._place = 0
        self._told = ""

    def compose(self) -> ComposeResult:
        """The matches over the line."""
        with Vertical(classes="foot"):
            yield Static(id="matches", markup=False)
            with Horizontal(classes="foot-line"):
                yield Static(":", classes="foot-prefix", markup=False)
                yield Field(max_length=LINE_LIMIT)

    async def on_mount(self) -> None:
        """Show what can be typed, and have the history read."""
        self._show()
        self._ask(keyboard.LANE, lambda store: keyboard.read(store.root), self._take_history)

    @property
    def _line(self) -> Input:
        return self.query_one(Input)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if event.value not in self._completions:
            self._completions = []
        self._told = ""
        self._show()

    # What is offered

    def _show(self) -> None:
        text = self._line.value
        found = split(text, self._offered)
        if found is None:
            fitting = matches(text, self._offered)
            width = _column(action.name for action in fitting)
            self._show_lines([self._of_action(action, width) for action in fitting], text)
            return
        action, beginning = found
        if self._names[:2] != (action.takes, beginning):
            self._ask(NAMES_LANE, partial(_names, action.takes, beginning), self._take_names)
            return
        width = _column(clean(name) for name, _ in self._names[2])
        self._show_lines([self._of_name(*each, width) for each in self._names[2]], text)

    def _show_lines(self, lines: list[Content], text: str) -> None:
        if self._told:
            lines = [Content.styled(self._told, "$warning")]
        elif not lines:
            found = split(text, self._offered)
            told = unknown(text, self._offered) if found is None else f"no {found[0].takes} begins so"
            lines = [Content.styled(told, "$warning")]
        self.query_one("#matches", Static).update(Content("\n").join(lines[:SHOWN_MATCHES]))

    def _of_action(self, action: Action, width: int) -> Content:
        why = actions.reason(action, self._asked_on)
        return Content.assemble(
            (f"{action.name:<{width}}", "bold" if why is None else "$faint"),
            (f"{actions.key_text(action):>5}  ", "$accent" if why is None else "$faint"),
            (clean(why) if why else action.help, "$muted"),
        )

    def _of_name(self, name: str, about: str, width: int) -> Content:
        return Content.assemble((f"{clean(name):<{width}}", "bold"), ("  ", ""), (clean(about), "$muted"))

    def _take_names(self, found: tuple[str, str, list[tuple[str, str]]]) -> None:
        self._names = found
        wanted = split(self._line.value, self._offered)
        if wanted is not None and (wanted[0].takes, wanted[1]) == found[:2]:
            self._show()

    # Keys

    def action_complete(self) -> None:
        """Write the best match out; again, the next one."""
        line = self._line
        if not self._completions:
            found = split(line.value, self._offered)
            if found is None:
                fitting = matches(line.value, self._offered)
                self._completions = [f"{each.name}{' ' if each.takes else ''}" for each in fitting]
            elif self._names[:2] == (found[0].takes, found[1]):
                self._completions = [f"{found[0].name} {name}" for name, _ in self._names[2]]
        if self._completions:
            turn = self._completions
            self._write(turn[(turn.index(line.value) + 1) % len(turn)] if line.value in turn else turn[0])

    def action_older(self) -> None:
        """The line that was typed before."""
        self._step(-1)

    def action_newer(self) -> None:
        """The line that was typed after."""
        self._step(1)

    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def _take_history(self, kept: Kept) -> None:
        self._lines = [*kept.commands, ""]
        self._place = len(kept.commands)

    def _step(self, step: int) -> None:
        if not 0 <= self._place + step < len(self._lines):
            return
        if self._place == len(self._lines) - 1:
            self._lines[-1] = self._line.value
        self._place += step
        self._write(self._lines[self._place])

    def _write(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        named = split(event.value, self._offered)
        found = matches(text, self._offered) if text else []
        if named is not None and named[1]:
            self.dismiss(Command(*named, f"{named[0].name} {named[1]}"))
        elif found:
            self.dismiss(Command(found[0], "", found[0].name))
        elif text:
            self._told = unknown(text, self._offered)
            self._show()
        else:
            self.dismiss(None)

    def _ask(self, lane: str, work: Callable[[Store], Any], then: Callable[[Any], None]) -> None:
        cast("Workbench", self.app).ask(lane, work, then)


def _column(names: Iterable[str]) -> int:
    """The cells of a column for the names that are shown; that of short ones does not change as one types."""
    return max([NAME_CELLS, *map(len, islice(names, SHOWN_MATCHES))])


def _names(noun: str, beginning: str, store: Store) -> tuple[str, str, list[tuple[str, str]]]:
    found = store.names(cast("Named", noun), beginning, MOST_NAMES)
    return noun, beginning, sorted(found, key=lambda each: beginning not in each)  # the very name first
