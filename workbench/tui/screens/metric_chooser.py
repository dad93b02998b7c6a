"""The list of metrics to draw: a regular expression is typed, and one metric or several are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from store import patterns
from workbench.tui import actions
from workbench.tui.present import metrics as present
from workbench.tui.present.metrics import Known
from workbench.tui.widgets.fields import PatternFault
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import Dialog, OneField

MOST_ROWS = 12
COLUMNS = (
    Column("name", "metric", minimum=16),
    Column("value", "newest", 10, align="right"),
    Column("runs", "of", 22),
)


class Pattern(Input):
    """A field for a regular expression; the space bar is left to the list under it."""

    @dataclass
    class Marking(Message):
        """The space bar was pressed."""

    def on_key(self, event: events.Key) -> None:
        """Hand the space bar on: no metric has a space in its name."""
        if event.key == "space":
            event.stop()
            event.prevent_default()
            self.post_message(self.Marking())


class MetricChooser(Dialog[tuple[str, ...] | None], OneField[tuple[str, ...] | None]):
    """Asks which metrics to draw: the marked ones, or the one at the cursor where no mark was changed.

    Args:
        known: The metrics there are.
        shown: Those drawn now, at least one, whether they have been measured or not.
    """

    scope: ClassVar[str] = "chooser"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("chooser")
    CSS = """
    MetricChooser { align: center middle; }
    MetricChooser .foot-prefix { padding: 0; }
    MetricChooser LiveTable { margin-top: 1; }
    """

    def __init__(self, known: Sequence[Known], shown: Sequence[str]) -> None:
        super().__init__(
            "metrics",
            "{arrow:chooser.cursor_up}{arrow:chooser.cursor_down} move  "
            "space mark  enter draw  {key:chooser.leave} leave",
        )
        self._listed = present.listed(known, shown)
        self._shown = frozenset(shown)
        self._order = tuple(dict.fromkeys([*shown, *(each.name for each in self._listed)]))

    def compose_body(self) -> ComposeResult:
        """The field over the list."""
        with Horizontal(classes="foot-line"):
            yield Static("/", classes="foot-prefix", markup=False)
            yield Pattern(compact=True, max_length=patterns.LIMIT, placeholder="type a regular expression")
        yield PatternFault()
        table = LiveTable(COLUMNS)
        table.can_focus, table.led = False, True
        yield table

    async def on_mount(self) -> None:
        """Fill the list, the metrics drawn now marked."""
        table = self._table
        table.styles.height = min(len(self._listed), MOST_ROWS) + 1
        table.set_rows(present.rows(self._listed))
        table.mark(self._shown)
        table.move_to(next(each.name for each in self._listed if each.name in self._shown))

    async def take_key(self, event: events.Key) -> None:
        """Take a key that went past the field; the space bar is the list's, once that is filled."""
        if event.key != "space":
            await super().take_key(event)
        elif self._table_is_filled:
            self.action_mark()
        else:
            self._early.append(event)

    @property
    def _table_is_filled(self) -> bool:
        return any(table.row_count for table in self.query(LiveTable))

    @property
    def _table(self) -> LiveTable:
        return self.query_one(LiveTable)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        text = event.value
        if not self.query_one(PatternFault).is_pattern(text):
            return  # what the last good one has found stays
        wanted = patterns.pattern(text)
        self._table.filter_by(text, (lambda key: wanted.search(key) is not None) if text else None)
        self._table.action_first()

    @on(Input.Submitted)
    def _entered(self) -> None:
        marked, under = self._table.marked, self._table.cursor_key
        if marked != self._shown and marked:
            self.dismiss(tuple(name for name in self._order if name in marked))
        else:
            self.dismiss((under,) if under is not None else None)

    @on(Pattern.Marking)
    def action_mark(self) -> None:
        """Draw the metric at the cursor too, or no longer."""
        self._table.action_mark()

    def action_cursor_down(self) -> None:
        """Next metric."""
        self._table.action_cursor_down()

    def action_cursor_up(self) -> None:
        """Metric before."""
        self._table.action_cursor_up()
