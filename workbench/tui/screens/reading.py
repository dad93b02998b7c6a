"""The rows of one evaluation by score, and the answers to one of them word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from workbench.tui.clean import safe
from workbench.tui.present import inspect as present
from workbench.tui.present import pair as present_pair
from workbench.tui.present.inspect import METRICS, ORDERS, Metric, Order, Pair
from workbench.tui.present.pair import Explanation
from workbench.tui.screens import scoring
from workbench.tui.screens.pair_view import PairView
from workbench.tui.screens.scoring import Opened
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from workbench.tui.screen import Workbench

LANE = "inspect"
SYSTEM_WIDTH = 9


def columns_for(systems: Sequence[str]) -> tuple[Column, ...]:
    """A column per system, and one for the difference of the last and the first where there are several."""
    labels = [name[:SYSTEM_WIDTH] for name in systems]
    scores = [Column(f"s{at}", label, SYSTEM_WIDTH, align="right") for at, label in enumerate(labels)]
    gain = [Column("gain", "gain", 7, align="right")] if len(systems) > 1 else []
    number, reference = (
        Column("row", "row", 4, align="right"),
        Column("reference", "reference", minimum=8, hide_below=60),
    )
    return (number, *scores, *gain, reference)


class Reading(Horizontal):
    """Rows at the left, answers at the right; on a narrow screen the one or the other."""

    DEFAULT_CSS = """
    Reading {
        height: 1fr;
        #pairs { width: 2fr; height: 1fr; }
        PairView { width: 3fr; height: 1fr; }
    }
    """

    class Scored(Message):
        """There are rows to look at, or other ones than before."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Opened | None = None
        self.pairs: dict[str, Pair] = {}
        """The rows by key; a row that not every system has answered yet is not among them."""
        self._metric: Metric = "rouge1"
        self._order: Order = "row"

    def compose(self) -> ComposeResult:
        """Rows and answers."""
        empty = "No row is answered yet."
        yield LiveTable(columns_for(["score"]), title="rows", empty=empty, id="pairs", classes="pane")
        yield PairView()

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    @property
    def table(self) -> LiveTable:
        """The rows."""
        return self.query_one("#pairs", LiveTable)

    def open(self, opened: Opened, row: int | None = None) -> None:
        """Show these answers.

        Args:
            opened: Who answered what.
            row: The row to begin with; left out, the cursor stays where it is.
        """
        self.opened = opened
        self._score(row)

    def next_metric(self) -> None:
        """Score by the next metric."""
        self._metric = METRICS[(METRICS.index(self._metric) + 1) % len(METRICS)]
        self._score()

    def next_order(self) -> None:
        """Order the rows in the next way."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._list()

    def read(self) -> None:
        """Put the focus on the first answer."""
        for view in self.query(".prediction").results():
            view.focus()
            break

    @on(LiveTable.Highlighted)
    def _highlighted(self, message: LiveTable.Highlighted) -> None:
        message.stop()
        self._explain()

    def _score(self, row: int | None = None) -> None:
        opened, metric = self.opened, self._metric
        if opened is None:
            return

        def scored(pairs: list[Pair]) -> None:
            if self.opened is opened and self._metric == metric:
                self.pairs = {str(pair.index): pair for pair in pairs}
                self.table.set_rows([])
                self.table.columns = columns_for(opened.systems)
                self._list()
                if row is not None:
                    self.table.move_to(str(row))
                self._explain()
                self.post_message(self.Scored())

        self.workbench.ask(LANE, lambda _: scoring.score(opened, metric), scored)

    def _list(self) -> None:
        ordered = present.ordered(self.pairs.values(), self._order)
        self.table.border_title = safe(present.rows_title(len(ordered), self._order, self._metric))
        self.table.set_rows(present.rows(ordered))

    def _explain(self) -> None:
        pair, opened, metric = self.pairs.get(self.table.cursor_key or ""), self.opened, self._metric
        if pair is None or opened is None:
            return

        def work(_: object) -> list[Explanation]:
            said = zip(opened.systems, pair.predictions, strict=True)
            return [present_pair.explain(system, text, pair.references, metric) for system, text in said]

        async def show(found: list[Explanation]) -> None:
            if self.table.cursor_key == str(pair.index):
                await self.query_one(PairView).show(pair.prompt, found)

        def explained(found: list[Explanation]) -> None:
            self.call_later(show, found)

        self.workbench.ask(LANE, work, explained)
