"""What lies over a screen when a user asks: the help overlay, the rows of the palette, and the `/` line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from store import patterns
from workbench.tui import actions
from workbench.tui.actions import Action
from workbench.tui.clean import clean
from workbench.tui.sentences import keyed
from workbench.tui.widgets.fields import Field, PatternFault
from workbench.tui.widgets.fitted import FittedScreen, Modal
from workbench.tui.widgets.modal import OneField

HELP_COLUMN = 68
HELP_KEYS = 13
HELP_GAP = 4
HELP_FRAME = 8
"""What border, padding and scroll bar take of the width."""

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


class HelpOverlay(Modal[None]):
    """The keys that work where the focus is."""

    scope: ClassVar[str] = "help"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("help")

    def __init__(self, shown: Groups, asked_on: Screen[Any]) -> None:
        super().__init__()
        self._shown = shown
        self._asked_on = asked_on
        self._room = 0

    def compose(self) -> ComposeResult:
        """A box of at most two columns, each one text: a widget per row would take long to mount."""
        box = Vertical(classes="dialog", id="help")
        box.border_title = Content("keys")
        box.border_subtitle = Content(keyed(self, "{key:help.leave} close"))
        columns = Static(), Static()
        self._set(box, columns, self.app.size.width)
        with box, VerticalScroll(can_focus=False), Horizontal():
            yield from columns

    @on(events.Resize)
    def _resized(self, event: events.Resize) -> None:
        box = self.query_one("#help", Vertical)
        self._set(box, tuple(box.query(Static)), event.size.width)

    def _set(self, box: Vertical, columns: tuple[Static, ...], width: int) -> None:
        """Set a block per scope in as many columns as a window of this width has room for."""
        room = width * 96 // 100 - HELP_FRAME
        if room == self._room:
            return
        self._room = room
        width = min(room, HELP_COLUMN)
        blocks = [self._block(title, rows, width) for title, rows in self._shown]
        told = _side_by_side(blocks) if room >= 2 * HELP_COLUMN + HELP_GAP else [blocks]
        box.styles.width = len(told) * (width + HELP_GAP) - HELP_GAP + HELP_FRAME
        for at, column in enumerate(columns):
            lines = [line for block in told[at] for line in block] if at < len(told) else []
            column.display = bool(lines)
            column.update(Content("\n").join(lines[:-1]))

    def _block(self, title: str, rows: Sequence[Action], width: int) -> list[Content]:
        """The lines of a scope, and an empty one."""
        told = [line for action in rows for line in self._row(action, width)]
        return [Content.styled(title, "bold"), *told, Content()]

    def _row(self, action: Action, width: int) -> list[Content]:
        why = actions.reason(action, self._asked_on)
        text = action.help if why is None else f"{action.help}: {clean(why)}"
        key = actions.key_text(action, all_keys=True) or f":{action.name}"
        wrapped = textwrap.wrap(text, max(width - HELP_KEYS, 10)) or [""]
        styles = ("bold $accent", "") if why is None else ("$faint", "$muted")
        # What has no key is called by its name, which may be longer than the column of keys.
        texts = wrapped if len(key) < HELP_KEYS else ["", *wrapped]
        return [
            Content.assemble((f"{key if index == 0 else '':<{HELP_KEYS}}", styles[0]), (line, styles[1]))
            for index, line in enumerate(texts)
        ]

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_line_down(self) -> None:
        """Next line."""
        self._text.scroll_down(animate=False)

    def action_line_up(self) -> None:
        """Previous line."""
        self._text.scroll_up(animate=False)

    def action_first(self) -> None:
        """The beginning."""
        self._text.scroll_home(animate=False)

    def action_last(self) -> None:
        """The end."""
        self._text.scroll_end(animate=False)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._text.scroll_relative(y=self._half, animate=False)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._text.scroll_relative(y=-self._half, animate=False)

    @property
    def _text(self) -> VerticalScroll:
        return self.query_one(VerticalScroll)

    @property
    def _half(self) -> int:
        return max(self._text.size.height // 2, 1)


def _side_by_side(blocks: list[list[Content]]) -> list[list[list[Content]]]:
    """Two columns of blocks, as equal in height as their order allows."""
    cuts = range(1, len(blocks))
    cut = min(cuts, key=lambda at: max(sum(map(len, blocks[:at])), sum(map(len, blocks[at:]))), default=1)
    return [blocks[:cut], blocks[cut:]]


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
            yield PatternFault()
            with Horizontal(classes="foot-line"):
                yield Static("/", classes="foot-prefix", markup=False)
                yield Field(self._value, max_length=patterns.LIMIT, select_on_focus=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if self.query_one(PatternFault).is_pattern(event.value):
            self._apply(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.dismiss(None)

    def action_leave(self) -> None:
        """Show what was shown before, and close."""
        self._restore()
        self.dismiss(None)


class Palette(CommandPalette, FittedScreen[None]):
    """All actions, to be searched."""


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
