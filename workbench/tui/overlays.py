"""What the action table looks like to a user who asks: the help overlay, the `:` line and the palette.

The `/` line is here too: it is the same one-line field at the foot of the screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from store import patterns
from store.errors import BadInput
from workbench.tui import actions
from workbench.tui.actions import Action
from workbench.tui.clean import clean
from workbench.tui.widgets.modal import OneField

LINE_LIMIT = 500
SHOWN_MATCHES = 6
HELP_WIDTH = 70
HELP_KEYS = 16

Groups = Sequence[tuple[str, Sequence[Action]]]
SCOPE_TITLES = {"app": "everywhere", "table": "list", "tokens": "text", "answer": "answers"}


def scopes(screen: Screen[Any]) -> list[str]:
    """The scopes whose keys work now, nearest first: what has focus, what it lies in, the screen, the app."""
    found: list[str] = []
    node = screen.focused if screen.focused is not None else screen
    for ancestor in node.ancestors_with_self:
        scope = getattr(ancestor, "scope", "")
        if scope and scope not in found:
            found.append(scope)
    return [*found, "app"]


def groups(screen: Screen[Any]) -> Groups:
    """The actions that work now, by scope title, the screen's own first."""
    order = sorted(scopes(screen), key=lambda scope: scope != getattr(screen, "scope", ""))
    table = actions.table(screen)
    named = [(SCOPE_TITLES.get(scope, scope), actions.in_scope(scope, table)) for scope in order]
    return [(title, rows) for title, rows in named if rows]


def commands(screen: Screen[Any]) -> list[Action]:
    """What the palette and the `:` line offer: everything but the movement keys of widgets."""
    table = actions.table(screen)
    return [*actions.in_scope(getattr(screen, "scope", ""), table), *actions.in_scope("app", table)]


def matches(text: str, offered: Sequence[Action]) -> list[Action]:
    """The actions whose name fits what was typed: the very name first, then those that begin so."""
    wanted = text.strip().lower().replace(" ", "_").replace("-", "_")
    ranked = [
        (0 if action.name == wanted else 1 if action.name.startswith(wanted) else 2, index, action)
        for index, action in enumerate(offered)
        if wanted in action.name or wanted in action.label.lower().replace(" ", "_")
    ]
    return [action for _, _, action in sorted(ranked, key=lambda entry: entry[:2])]


class HelpOverlay(ModalScreen[None]):
    """The keys that work where the focus is."""

    scope: ClassVar[str] = "help"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("help")

    def __init__(self, shown: Groups, asked_on: Screen[Any]) -> None:
        super().__init__()
        self._shown = shown
        self._asked_on = asked_on

    def compose(self) -> ComposeResult:
        """One block per scope."""
        box = Vertical(classes="dialog", id="help")
        box.border_title = Content("keys")
        box.border_subtitle = Content("esc close")
        with box, VerticalScroll():
            yield Static(self._keys(min(self.app.size.width - 8, HELP_WIDTH)))

    def _keys(self, width: int) -> Content:
        # One text for all: a widget per row would take the better part of a second to mount.
        lines: list[Content] = []
        for title, rows in self._shown:
            lines += [Content(), Content.styled(title, "bold $accent")]
            for action in rows:
                lines += self._row(action, width)
        return Content("\n").join(lines[1:])

    def _row(self, action: Action, width: int) -> list[Content]:
        why = actions.reason(action, self._asked_on)
        text = action.help if why is None else f"{action.help}: {clean(why)}"
        key = actions.key_text(action, all_keys=True) or f":{action.name}"
        wrapped = textwrap.wrap(text, max(width - HELP_KEYS, 10)) or [""]
        styles = ("bold", "") if why is None else ("$faint", "$muted")
        return [
            Content.assemble((f"{key if index == 0 else '':<{HELP_KEYS}}", styles[0]), (line, styles[1]))
            for index, line in enumerate(wrapped)
        ]

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


class CommandLine(OneField[Action | None]):
    """A line at the foot of the screen that takes an action by its name."""

    scope: ClassVar[str] = "line"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("line")

    def __init__(self, offered: Sequence[Action], asked_on: Screen[Any]) -> None:
        super().__init__()
        self._offered = tuple(offered)
        self._asked_on = asked_on

    def compose(self) -> ComposeResult:
        """The matches over the line."""
        with Vertical(classes="foot"):
            yield Static(id="matches", markup=False)
            with Horizontal(classes="foot-line"):
                yield Static(":", classes="foot-prefix", markup=False)
                yield Input(compact=True, max_length=LINE_LIMIT)

    async def on_mount(self) -> None:
        """Show what can be typed."""
        self._show()

    @on(Input.Changed)
    def _show(self) -> None:
        found = matches(self.query_one(Input).value, self._offered)[:SHOWN_MATCHES]
        lines = [self._line(action) for action in found] or [Content.styled("no such action", "$warning")]
        self.query_one("#matches", Static).update(Content("\n").join(lines))

    def _line(self, action: Action) -> Content:
        why = actions.reason(action, self._asked_on)
        return Content.assemble(
            (f"{action.name:<16}", "bold" if why is None else "$faint"),
            (f"{actions.key_text(action):>5}  ", "$accent" if why is None else "$faint"),
            (clean(why) if why else action.help, "$muted"),
        )

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        found = matches(event.value, self._offered) if event.value.strip() else []
        self.dismiss(found[0] if found else None)

    def action_complete(self) -> None:
        """Write the best match out."""
        line = self.query_one(Input)
        found = matches(line.value, self._offered)
        if found:
            line.value = found[0].name
            line.cursor_position = len(line.value)

    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)


class FilterLine(OneField[None]):
    """A line at the foot of the screen; the regular expression typed in it is handed on at every key.

    Args:
        apply: Takes every text that is a regular expression; what is none yet is told, and changes nothing.
        restore: Brings back what was shown before.
        value: What stands in the line at first.
    """

    scope: ClassVar[str] = "filter"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("filter")

    def __init__(self, apply: Callable[[str], None], restore: Callable[[], None], value: str = "") -> None:
        super().__init__()
        self._apply = apply
        self._restore = restore
        self._value = value

    def compose(self) -> ComposeResult:
        """The line, and over it what is wrong with what stands in it."""
        with Vertical(classes="foot"):
            yield Static(id="fault", markup=False)
            with Horizontal(classes="foot-line"):
                yield Static("/", classes="foot-prefix", markup=False)
                yield Input(self._value, compact=True, max_length=patterns.LIMIT, select_on_focus=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        fault = self.query_one("#fault", Static)
        try:
            patterns.pattern(event.value)
        except BadInput as error:
            fault.update(Content.styled(f"{clean(error.what)}; {clean(error.remedy)}", "$warning"))
            fault.display = True
        else:
            fault.display = False
            self._apply(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.dismiss(None)

    def action_leave(self) -> None:
        """Show what was shown before, and close."""
        self._restore()
        self.dismiss(None)


class ActionProvider(Provider):
    """The palette's rows, from the action table."""

    async def discover(self) -> Hits:
        """Everything that can be done here, before anything is typed."""
        for action in commands(self.screen):
            yield DiscoveryHit(_title(action), self._call(action), action.label, help=self._help(action))

    async def search(self, query: str) -> Hits:
        """What fits the query."""
        matcher = self.matcher(query)
        for action in commands(self.screen):
            title = _title(action)
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._call(action), title, self._help(action))

    def _call(self, action: Action) -> Callable[[], Any]:
        return partial(cast("Any", self.app).action_perform, action.scope, action.name)

    def _help(self, action: Action) -> str:
        key = actions.key_text(action)
        why = actions.reason(action, self.screen)
        return why or (f"key {key}" if key else f":{action.name}")


def _title(action: Action) -> str:
    return f"{action.help} ({action.name})"
