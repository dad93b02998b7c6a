"""The rows of one evaluation by score, and the answers to one of them word by word."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from store.row_scores import Sort
from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import glyphs
from workbench.tui.pages import Line, Window
from workbench.tui.present import scored_rows as present
from workbench.tui.present.inspect import METRICS, Metric
from workbench.tui.present.pair import Explanation
from workbench.tui.screens import scoring
from workbench.tui.screens.overview import Overview
from workbench.tui.screens.pair_view import PairView
from workbench.tui.screens.scoring import Opened, Ordered
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.row_grid import RowGrid

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from store.row_scores import ScoredRow
    from workbench.tui.screen import Workbench

T = TypeVar("T")
LANE = "inspect"
LOOK_SECONDS = 1.0
"""While rows are being scored, those that are done are looked for this often."""


class ScoredLines:
    """The rows in an order, of which only those around the cursor are held."""

    def __init__(self, indexes: array[int], columns: int, last: int = 0) -> None:
        self.indexes = indexes
        self.window = Window(columns)
        self.last_number = last

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.indexes)

    def place(self, number: int) -> int:
        """The position of the row with a number, or with the number nearest to it."""
        return min(range(self.count), key=lambda at: abs(self.indexes[at] - number), default=0)

    def line(self, position: int) -> Line | None:
        """The row at a position; None while it is not there."""
        return self.window.get(position)


class Reading(Horizontal):
    """Rows at the left, answers at the right; on a narrow screen the one or the other."""

    DEFAULT_CSS = """
    Reading {
        height: 1fr;
        #pairs { width: 2fr; height: 1fr; }
        PairView, Overview { width: 3fr; height: 1fr; }
        Overview { display: none; }
        &.-overview PairView { display: none; }
        &.-overview Overview { display: block; }
    }
    """

    class Scored(Message):
        """There are rows to look at, or other ones than before."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Opened | None = None
        self.filter_text = ""
        self._lines = ScoredLines(array("q"), 1)
        self._columns: tuple[present.GridColumn, ...] = ()
        self._metric: Metric = "rouge1"
        self._sort = Sort()
        self._unscored = 0
        self._wanted: int | None = None
        self._explaining: tuple[Opened, int, Metric] | None = None
        self._explained: tuple[Opened, int, Metric] | None = None
        self._scoring: Opened | None = None

    def compose(self) -> ComposeResult:
        """Rows, and answers or the overview."""
        yield RowGrid(id="pairs", classes="pane")
        yield PairView()
        yield Overview()

    def on_mount(self) -> None:
        """Look for scores while there are some to come."""
        self.table.empty = "No row is answered yet."
        self.table.border_title = "rows"
        self.set_interval(LOOK_SECONDS, self._look)

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    @property
    def table(self) -> RowGrid:
        """The rows."""
        return self.query_one("#pairs", RowGrid)

    @property
    def keys(self) -> tuple[int, ...]:
        """The indexes of the rows in the order that is shown."""
        return tuple(self._lines.indexes)

    @property
    def row(self) -> int | None:
        """The index of the row under the cursor."""
        return self._lines.indexes[self.table.position] if self._lines.count else None

    def open(self, opened: Opened, row: int | None = None) -> None:
        """Show these answers.

        Args:
            opened: Who answered what.
            row: The row to begin with; left out, the cursor stays where it is.
        """
        self._wanted = row
        self.opened = opened
        self._explained = None  # there may be more answers to the same row
        self._read()

    @property
    def remembered(self) -> dict[str, Any]:
        """How the rows are scored, sorted and filtered, for another session."""
        return {"metric": self._metric, "sort": asdict(self._sort), "filter": self.filter_text}

    def recall(self, saved: Saved) -> None:
        """Score, sort and filter as in an earlier session; to be called before anything is opened."""
        self._metric = next((each for each in METRICS if each == saved.get("metric")), self._metric)
        self._sort = present.recalled_sort(chosen(saved, "sort", dict, {}))
        self.filter_text = chosen(saved, "filter", str, "")

    def close(self) -> None:
        """Show nothing: what was looked into is gone."""
        self.opened = self._scoring = self._explained = None
        self._lines = ScoredLines(array("q"), 1)
        self.table.show(self._lines, [])

    def next_metric(self, step: int = 1) -> None:
        """Score by the next metric, or the one before."""
        self._metric = METRICS[(METRICS.index(self._metric) + step) % len(METRICS)]
        self._read(anew=True)

    def sort_by_column(self) -> None:
        """Sort by the column under the cursor: greatest first, least first, in order."""
        if self._columns:
            self._sort = present.next_sort(self._columns[self.table.column], self._sort)
            self._read()

    def sort_by_gain(self) -> None:
        """Sort by the difference of the systems, or by the score of the only one."""
        column = next((each for each in self._columns if each.sort.less is not None), None)
        if column is not None:
            self._sort = present.next_sort(column, self._sort)
            self._read()

    @property
    def compares(self) -> bool:
        """Whether several systems are beside each other."""
        return self.opened is not None and len(self.opened.systems) > 1

    def filter(self, text: str, row: int | None = None) -> None:
        """Show only the rows in which a regular expression finds something.

        Args:
            text: The regular expression; all rows where it is empty.
            row: The row to go to; left out, the cursor stays where it is.
        """
        self._wanted = row
        self.filter_text = text
        self._read()

    def show_overview(self) -> None:
        """Show how the scores are spread, or the answers again."""
        shown = not self.has_class("-overview")
        self.set_class(shown, "-overview")
        self._overlook()
        # On a small screen the one hides the other, and what is hidden has no focus.
        (self.query_one(Overview) if shown else self.table).focus()

    def read(self) -> None:
        """Put the focus on the first answer."""
        self.remove_class("-overview")
        for view in self.query(".prediction").results():
            view.focus()
            break

    def _ask(
        self,
        work: Callable[[Store], T],
        then: Callable[[T], None],
        failed: Callable[[StoreError], None] | None = None,
        *,
        lane: str = LANE,
    ) -> None:
        """Have the store asked; an answer that comes while one leaves, when the rows are gone, is dropped."""

        def came(value: T) -> None:
            if self.query(RowGrid):
                then(value)

        self.workbench.ask(lane, work, came, failed)

    def _overlook(self) -> None:
        if self.has_class("-overview") and self.opened is not None:
            self.query_one(Overview).show(self.opened, self._metric)

    @on(RowGrid.Moved)
    def _moved(self, message: RowGrid.Moved) -> None:
        message.stop()
        # The rows are what was asked for: they are drawn before the answers below the cursor are looked at.
        self.call_after_refresh(self._explain_another)

    @on(RowGrid.Wanted)
    def _in_sight(self, message: RowGrid.Wanted) -> None:
        message.stop()
        if all(self._lines.line(position) for position in range(message.first, message.end)):
            self.call_after_refresh(self._page, message.first, message.end)
        else:
            self._page(message.first, message.end)

    def _look(self) -> None:
        if self._scoring is not None and self._scoring is self.opened:
            self._read()

    def _read(self, *, anew: bool = False) -> None:
        """Put the rows in their order; where nothing has come or changed, what is shown stays."""
        opened, sort, text = self.opened, self._sort, self.filter_text
        if opened is None:
            return
        columns = present.columns(opened.systems, self._metric)
        sort = self._sort = self._sort_among(columns, sort)
        row = self._row_to_show

        def ordered(found: Ordered) -> None:
            if (self.opened, self._sort, self.filter_text) == (opened, sort, text):
                now = self._row_to_show
                place = found.place if now == row else scoring.place_of(now, found.indexes)
                self._show(found, columns, place, anew=anew)

        self._ask(lambda store: scoring.order(store, opened, sort, text, row), ordered)

    @property
    def _row_to_show(self) -> int | None:
        return self.row if self._wanted is None else self._wanted

    def _sort_among(self, columns: tuple[present.GridColumn, ...], sort: Sort) -> Sort:
        """The same order by the metric that is shown, as far as these systems have it."""
        metric = present.score_of(self._metric)
        name = metric if sort.name in map(present.score_of, METRICS) else sort.name
        same = Sort(name, sort.system, sort.less, sort.descending)
        known = {(each.sort.name, each.sort.system, each.sort.less) for each in columns}
        return same if (same.name, same.system, same.less) in known else Sort()

    def _show(
        self, found: Ordered, columns: tuple[present.GridColumn, ...], place: int, *, anew: bool
    ) -> None:
        same = (
            columns == self._columns
            and found.indexes == self._lines.indexes
            and found.unscored == self._unscored
            and not anew
        )
        self._unscored = found.unscored
        self._columns = columns
        order = present.order_text(columns, self._sort)
        title = present.title(len(found.indexes), self._metric, order, self.filter_text)
        if found.unscored:
            title += f", scoring{glyphs(self).ellipsis}"
        self.table.border_title = safe(clean(title))
        if found.unscored:
            self._have_scored()
        if same and self._wanted is None:
            self._explain()
            return
        self._wanted = None
        lines = self._lines = ScoredLines(found.indexes, len(columns), found.last)
        lines.window.put(found.first, [present.line(row, columns) for row in found.rows])
        empty = "No row matches that." if self.filter_text else "No row is answered yet."
        self.table.empty = empty
        self.table.show(self._lines, [each.label for each in columns], place)
        self._overlook()
        self.post_message(self.Scored())

    def _have_scored(self) -> None:
        opened = self.opened
        if opened is None or self._scoring is opened:
            return
        self._scoring = opened

        def scored(_: None) -> None:
            if self._scoring is opened:
                self._scoring = None
                self._read()

        self._ask(lambda store: scoring.score(store, opened), scored, lane=scoring.LANE)

    def _page(self, first: int, end: int) -> None:
        lines, columns, opened = self._lines, self._columns, self.opened
        positions = lines.window.missing(first, end, lines.count)
        if positions is None or opened is None:
            return
        indexes = lines.indexes[positions.start : positions.stop]

        def came(rows: list[ScoredRow]) -> None:
            if self._lines is lines:
                lines.window.put(positions.start, [present.line(row, columns) for row in rows])
                if positions.start < end and positions.stop > first:
                    self.table.came()
                self.call_after_refresh(self._page, first, end)

        self._ask(lambda store: scoring.page(store, opened, indexes), came)

    def _explain_another(self) -> None:
        """Explain the row under the cursor, unless it is the one that is explained."""
        if (self.opened, self.row, self._metric) != self._explained:
            self._explain()

    def _explain(self) -> None:
        """Explain the row under the cursor; while one is worked on, only the newest wish is kept."""
        row, opened, metric = self.row, self.opened, self._metric
        if row is None or opened is None or self._explaining is not None:
            return
        wish = self._explaining = (opened, row, metric)

        def work(store: Store) -> tuple[str, list[Explanation]]:
            return scoring.explain(store, opened, row, metric)

        async def show(prompt: str, found: list[Explanation]) -> None:
            await self.query_one(PairView).show(prompt, found)

        def explained(answer: tuple[str, list[Explanation]]) -> None:
            self._explaining = None
            if (self.opened, self.row, self._metric) == wish:
                self._explained = wish
                self.call_later(show, *answer)
            else:
                self._explain()

        def failed(error: StoreError) -> None:
            self._explaining = None
            self.workbench.tell(error)

        self._ask(work, explained, failed)
