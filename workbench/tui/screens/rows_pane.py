"""The rows of one split: a grid over all of them, what a search finds, and one row in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical

from store import patterns
from workbench.tui.clean import clean, safe
from workbench.tui.present import rows as present
from workbench.tui.screens.row_feed import MOST_HITS, PAGE_LANE, RowFeed, Subject
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.modal import Prompt
from workbench.tui.widgets.row_grid import NoLines, RowGrid
from workbench.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from store import Store
    from store.datasets import Dataset
    from store.errors import StoreError
    from workbench.tui.screen import Workbench

T = TypeVar("T")


class RowsPane(Vertical):
    """Shows a dataset's split; the grid and the open row take turns in it."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    RowsPane {
        RowGrid { height: 1fr; }
        TextView { height: 1fr; display: none; }
        &.-reading RowGrid { display: none; }
        &.-reading TextView { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.dataset: Dataset | None = None
        self.split = ""
        self._feed = RowFeed(self._ask, self._came, self._failed)
        self._places: dict[tuple[str, str], int] = {}
        self._before_search = 0
        self._sought_row: tuple[str, int] | None = None
        self._to_end = False
        self._recalled: Saved = {}

    def compose(self) -> ComposeResult:
        """The grid, and the open row in its place."""
        yield RowGrid(id="grid")
        yield TextView(id="row")

    @property
    def reading(self) -> bool:
        """Whether a row is open."""
        return self.has_class("-reading")

    @property
    def searched(self) -> bool:
        """Whether only the rows that contain a text are shown."""
        return self._feed.search is not None

    @property
    def filter_text(self) -> str:
        """What is looked for: in the open row, else in all rows."""
        if self.reading:
            return self._text.search_text
        return self._feed.search.text if self._feed.search is not None else ""

    def enter(self) -> None:
        """Put the focus here."""
        (self._text if self.reading else self._grid).focus()

    def show(self, dataset: Dataset, split: str) -> None:
        """Show a split, where it was left if it was shown before."""
        self._keep_place()
        self._close()
        self.dataset, self.split = dataset, split
        self._feed.open(Subject(dataset.name, split, dataset.splits[split], dataset.columns))
        self._grid.empty = "This split has no rows."
        self._grid.highlight(None)
        place = self._places.get((dataset.fingerprint, split), 0)
        self._grid.show(self._feed, dataset.columns, place)
        self._tell_place()
        self._go_to_wanted()

    @property
    def row(self) -> int | None:
        """The number of the row under the cursor."""
        return self._feed.number(self._grid.position)

    def want(self, dataset: str, row: int | None) -> None:
        """Go to a row of a dataset, now or when that is shown."""
        self._sought_row = (dataset, row) if row is not None else None
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        if self._sought_row is None or self.dataset is None or self.dataset.name != self._sought_row[0]:
            return
        row, self._sought_row = self._sought_row[1], None
        self._look_for("")
        self._close()
        self._grid.go(row)
        self._grid.focus()

    @property
    def remembered(self) -> dict[str, Any]:
        """The split and the row under the cursor, for another session."""
        if self.dataset is None:
            return dict(self._recalled)
        row = self._feed.number(self._grid.position) or 0
        return {"fingerprint": self.dataset.fingerprint, "split": self.split, "row": row}

    def recall(self, saved: Saved) -> None:
        """Show a split's rows from where an earlier session left them, once its dataset is shown."""
        self._recalled = saved
        place = chosen(saved, "fingerprint", str, ""), chosen(saved, "split", str, "")
        self._places[place] = max(chosen(saved, "row", int, 0), 0)

    def recalled_split(self, dataset: Dataset) -> str | None:
        """The split of this dataset that an earlier session showed; None where it is not known."""
        saved, split = self._recalled, chosen(self._recalled, "split", str, "")
        same = saved.get("fingerprint") == dataset.fingerprint
        return split if same and split in dataset.splits else None

    def clear(self) -> None:
        """Show nothing."""
        self._close()
        self.dataset, self.split = None, ""
        self._feed.open(Subject("", "", 0, ()))
        self._grid.show(NoLines(), ())
        self._tell_place()

    def filter(self, text: str) -> None:
        """Look for a regular expression in the open row, or show only the rows that it finds."""
        if self.reading:
            self._text.search(text)
        else:
            self._look_for(text)

    def filter_undo(self) -> Callable[[], None]:
        """What brings back the search of now, and without one the row."""
        text, place = self.filter_text, self._grid.position

        def undo() -> None:
            self.filter(text)
            if not text and not self.reading:
                self._grid.go(place)

        return undo

    def leave(self) -> bool:
        """Leave the search; False when there is none."""
        searched = self.searched
        self._look_for("")
        return searched

    def step_match(self, step: int) -> None:
        """Go to the next match or the one before: of the open row, else among the rows."""
        if self.reading:
            self._text.step_hit(step)
        else:
            self._grid.go(self._grid.position + step)

    def ask_row(self) -> None:
        """Ask for a row's number and go there."""
        rows = self._feed.subject.rows

        def problem(text: str) -> str | None:
            number = _number(text)
            return None if number is not None and number < rows else f"give a number from 0 to {rows - 1:,}"

        def entered(text: str | None) -> None:
            number = _number(text or "")
            if number is not None:
                self._look_for("")
                self._grid.go(number)
                if self.reading:
                    self._open_row()

        label = f"Number of the row in {clean(self.split, 40)}, from 0 to {rows - 1:,}:"
        self.app.push_screen(Prompt("go to a row", label, check=problem), entered)

    def copy(self, *, whole_row: bool) -> None:
        """Copy the cell under the cursor in full, or the whole row as JSON."""
        number = self._feed.number(self._grid.position)
        if self.dataset is None or number is None:
            self._workbench.say("there is no row to copy", "warning")
            return
        column = self.dataset.columns[self._text.section if self.reading else self._grid.column]

        def copy(row: dict[str, Any]) -> None:
            what = f"row {number:,} as JSON" if whole_row else f"{column} of row {number:,}"
            self._workbench.copy(present.whole(row if whole_row else row[column]), what)

        self._read_row(number, copy)

    # What the grid and the open row say

    @on(RowGrid.Wanted)
    def _wanted(self, message: RowGrid.Wanted) -> None:
        self._feed.want(message.first, message.end)

    @on(RowGrid.Moved)
    def _moved(self, message: RowGrid.Moved) -> None:
        self._to_end = message.to_end
        if message.to_end:
            self._feed.search_to(MOST_HITS)
        self._tell_place()

    @on(RowGrid.Opened)
    def _open_row(self) -> None:
        number = self._feed.number(self._grid.position)
        if number is None or self.dataset is None:
            return
        columns = self.dataset.columns

        def show(row: dict[str, Any]) -> None:
            if number != self._feed.number(self._grid.position):
                return
            found, searched = present.sections(row, columns), self.filter_text
            section = self._text.section if self.reading else self._grid.column
            if not self.reading:
                self.add_class("-reading")
                self._text.focus()
            self._text.show(found, section, searched)

        self._read_row(number, show)

    @on(RowGrid.Copied)
    @on(TextView.Copied)
    def _copied(self) -> None:
        self.copy(whole_row=False)

    @on(TextView.Turned)
    def _turned(self, message: TextView.Turned) -> None:
        before = self._grid.position
        self._grid.go(before + message.step)
        if self._grid.position == before:
            self._workbench.say(f"this is the {'last' if message.step > 0 else 'first'} row")
            return
        # The grid is not drawn meanwhile, so it does not say what it wants itself.
        self._feed.want(self._grid.position, self._grid.position + 1)
        self._open_row()

    @on(TextView.Closed)
    def _stop_reading(self) -> None:
        self._close()
        self._grid.focus()

    @on(TextView.Moved)
    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _tell_place(self) -> None:
        self.border_title = safe(self._title())
        self.border_subtitle = safe(self._subtitle())

    # The feed

    def _came(self) -> None:
        self._grid.empty = self._nothing_found()
        self._grid.came(to_end=self._to_end)
        self._tell_place()

    def _failed(self, error: StoreError) -> None:
        self._grid.empty = f"{clean(error.what)}: {clean(error.remedy)}"
        self._grid.came()
        self._workbench.tell(error)

    def _look_for(self, text: str) -> None:
        before = self._feed.search.text if self._feed.search is not None else ""
        if self.dataset is None or text == before:
            return
        # Whoever leaves the search stays at the row that was found.
        number = self._feed.number(self._grid.position)
        if not before:
            self._before_search = number or 0
        self._feed.look_for(text)
        self._to_end = False
        self._grid.empty = self._nothing_found()
        self._grid.highlight(patterns.lenient(text) if text else None)
        place = 0 if text else self._before_search if number is None else number
        self._grid.show(self._feed, self.dataset.columns, place)
        self._tell_place()

    def _nothing_found(self) -> str:
        search = self._feed.search
        if search is None:
            return "This split has no rows."
        if not self._feed.searched_all:
            rows = self._feed.subject.rows
            return present.search_state(len(search.hits), search.reached, rows, searching=True)
        return f"no row matches “{clean(search.text, 40)}”"

    # Words

    def _title(self) -> str:
        if self.dataset is None:
            return "rows"
        name, split, position = self.dataset.name, self.split, self._grid.position
        search, number = self._feed.search, self._feed.number(position)
        if search is None:
            title = present.place(name, split, position, self._feed.count)
        else:
            title = present.hit_place(name, split, search.text, position, len(search.hits), number)
        return f"{title} · {self._text.match}" if self.reading and self._text.match else title

    def _subtitle(self) -> str:
        if self.dataset is None:
            return ""
        if not self.has_focus_within:
            return keyed(self, "{key:table.select} goes to the rows")
        if self.reading:
            return keyed(self, READING_KEYS)
        search = self._feed.search
        if search is not None:
            rows = self._feed.subject.rows
            return present.search_state(len(search.hits), search.reached, rows, searching=search.running)
        columns = self.dataset.columns
        at = min(self._grid.column, len(columns) - 1)
        return keyed(self, GRID_KEYS) + f"{clean(columns[at], 40)}, column {at + 1} of {len(columns)}"

    # Places and rows

    def _keep_place(self) -> None:
        if self.dataset is not None:
            number = self._feed.number(self._grid.position)
            self._places[self.dataset.fingerprint, self.split] = number or 0

    def _close(self) -> None:
        if self.reading:
            self._grid.column = self._text.section
            self.remove_class("-reading")
            self._tell_place()

    def _read_row(self, number: int, then: Callable[[dict[str, Any]], None]) -> None:
        name, split = self._feed.subject.dataset, self._feed.subject.split
        self._ask(PAGE_LANE, lambda store: store.datasets.row(name, split, number), then)

    def _ask(
        self,
        lane: str,
        work: Callable[[Store], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._workbench.ask(lane, work, then, failed)

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self.app)

    @property
    def _grid(self) -> RowGrid:
        return self.query_one(RowGrid)

    @property
    def _text(self) -> TextView:
        return self.query_one(TextView)


GRID_KEYS = "{key:grid.select} read  {key:app.filter} search  "
READING_KEYS = (
    "{arrow:reader.previous_section}{arrow:reader.next_section} column  "
    "{key:reader.previous_text} {key:reader.next_text} row  {key:app.filter} search  "
    "{key:app.copy} copy  {key:datasets.copy_row} copy row  {key:reader.close} back"
)


def _number(text: str) -> int | None:
    """A row's number as people write it, such as `1,204`; None when it is none."""
    digits = text.strip().replace(",", "").replace("_", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
