"""The Datasets screen: the datasets of the store, everything about one, and all its rows a page at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from textual import events, on
from textual.content import Content
from textual.widget import Widget

from store import Store
from store.datasets import Dataset, Division
from workbench.tui.inbox import InboxChanged
from workbench.tui.keyboard import Place
from workbench.tui.present import datasets as present
from workbench.tui.present import division
from workbench.tui.present.cells import Row
from workbench.tui.screens import dialogs
from workbench.tui.screens.activity import Activity
from workbench.tui.screens.catalog import IMPORT_LANE, CatalogScreen
from workbench.tui.screens.columns_pane import ColumnsPane
from workbench.tui.screens.inbox_line import InboxLine
from workbench.tui.screens.rows_pane import RowsPane
from workbench.tui.screens.split_dialog import SplitDialog
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.live_table import Column, LiveTable

BAD_LINES_SHOWN = 20


class DatasetsScreen(CatalogScreen[Dataset]):
    """The list, the selected dataset, and below them its rows or the figures of its columns."""

    scope = "datasets"
    noun = "dataset"
    empty = present.EMPTY
    source_label = "A file, a folder, or a Hub id:"
    source_help = present.SOURCE_HELP
    columns = (
        Column("name", "name", minimum=12),
        Column("rows", "rows", 10, align="right"),
        Column("splits", "splits", minimum=12),
        Column("columns", "columns", 7, align="right", hide_below=60),
        Column("format", "format", 8, hide_below=70),
        Column("bytes", "size", 8, align="right", hide_below=50),
        Column("bad", "bad", 5, align="right", hide_below=70),
    )
    CSS = (
        CatalogScreen.CSS
        + """
    DatasetsScreen {
        #catalog { height: 13; }
        #rows, #columns { height: 1fr; }
        #columns { display: none; }
        &.-columns #rows { display: none; }
        &.-columns #columns { display: block; }
        &.-short #catalog { height: 8; }
        &.-short #list, &.-short #detail { width: 1fr; }
        &.-narrow.-short #catalog { layout: horizontal; }
        &.-narrow.-short #list { height: 1fr; max-height: 100%; }
        &.-short.-browsing #catalog { display: none; }
        &.-empty #catalog { height: 1fr; }
        &.-empty #rows, &.-empty #columns { display: none; }
    }
    """
    )

    def compose_body(self) -> Iterable[Widget]:
        """List and detail above, rows or figures below."""
        yield InboxLine()
        yield from super().compose_body()
        yield RowsPane(id="rows")
        yield ColumnsPane(id="columns")

    def read(self, store: Store) -> Sequence[Dataset]:
        """All datasets."""
        return store.datasets.list()

    def rows(self, records: Sequence[Dataset]) -> list[Row]:
        """The list."""
        return present.table(records)

    def remember(self) -> dict[str, Any]:
        """The split, and the row under the cursor in it."""
        return super().remember() | {"place": self._rows.remembered}

    def recall(self, saved: Saved) -> None:
        """Show the same rows."""
        self._rows.recall(chosen(saved, "place", dict, {}))
        super().recall(saved)

    def describe(self, store: Store, record: Dataset) -> Content:
        """Everything about a dataset, with the first lines that were left out."""
        bad = store.datasets.bad_lines(record.name)[:BAD_LINES_SHOWN]
        return present.detail(record, bad, time.time(), keyed(self, "{key:datasets.figures}"))

    def bring_in(self, store: Store, source: str, progress: Callable[[str], None]) -> Dataset:
        """Bring in a file, a folder or a dataset of the Hub; lines that cannot be read are left out."""
        return store.datasets.add(
            source, on_bad="skip", progress=lambda rows: progress(f"{rows:,} rows"), tell=progress
        )

    def take_out(self, store: Store, name: str) -> None:
        """Remove a dataset."""
        store.datasets.remove(name)

    def why_not(self, name: str) -> str | None:
        """What needs rows, another split or a search."""
        # The footer may be drawn, and ask, before the panes are there.
        pane = next(iter(self.query(RowsPane)), None)
        if name in ("add", "inbox", "remove"):
            return None
        if pane is None or pane.dataset is None:
            return "there is no dataset; {key:datasets.add} adds one"
        dataset = pane.dataset
        if name in ("next_split", "previous_split") and len(dataset.splits) == 1:
            return "this dataset has only one split; {key:datasets.split} makes more"
        if name in ("next_match", "previous_match") and not pane.filter_text:
            return "nothing is looked for; press {key:app.filter} in the rows first"
        return division.why_not(dataset) if name == "split" else None

    def show_record(self) -> None:
        """Show the dataset under the cursor, and its rows when it is another one."""
        super().show_record()
        dataset, pane = self.selected, self._rows
        if dataset is None:
            pane.clear()
        elif pane.dataset is None or pane.dataset.fingerprint != dataset.fingerprint:
            kept = pane.dataset is not None and pane.dataset.name == dataset.name
            first = pane.recalled_split(dataset) or next(iter(dataset.splits))
            pane.show(dataset, pane.split if kept and pane.split in dataset.splits else first)
            if self._shows_columns:
                self._columns.show(dataset)

    @property
    def place(self) -> Place:
        """The dataset, and the row where those have the keys."""
        return replace(super().place, row=self._rows.row if self._is_in(self._rows) else None)

    def go_to(self, key: str, row: int | None = None) -> None:
        """Go to a dataset, and to a row of the split that is shown first or was shown last."""
        super().go_to(key)
        self._rows.want(key, row)

    # Focus and filter: `/` and escape mean what has the focus, the list or what stands below it

    @property
    def filter_text(self) -> str:
        """What is looked for where the focus is."""
        return self._rows.filter_text if self._is_in(self._rows) else super().filter_text

    def apply_filter(self, text: str) -> None:
        """Show only what a regular expression finds: datasets, rows or columns."""
        if self._is_in(self._rows):
            self._rows.filter(text)
            self.refresh_chrome()
        else:
            super().apply_filter(text)

    def filter_undo(self) -> Callable[[], None]:
        """What brings back what is shown now, and the cursor."""
        return self._rows.filter_undo() if self._is_in(self._rows) else super().filter_undo()

    def leave(self) -> None:
        """Leave the search, then the figures or the rows, then the list's filter."""
        if self._is_in(self._columns) and not self._columns.filter_text:
            self.action_figures()
        elif not self._is_in(self._rows):
            super().leave()
        elif not self._rows.leave():
            self.query_one("#list").focus()

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        """Give the rows of a small screen all of it while they have the focus."""
        below = {self._rows, self._columns}
        self.set_class(not below.isdisjoint(event.widget.ancestors_with_self), "-browsing")

    @on(LiveTable.Selected, "#list")
    def _opened(self) -> None:
        if self._shows_columns:
            self._columns.focus()
        else:
            self._rows.enter()

    @on(LiveTable.Selected, "#columns")
    def _column_opened(self, message: LiveTable.Selected) -> None:
        self._columns.open(message.key)

    @on(InboxChanged)
    def _inbox_changed(self, message: InboxChanged) -> None:
        self.query_one(InboxLine).take(message.state)

    # Actions

    def action_compose(self) -> None:
        """Go to Compose with the selected dataset, where templates for it are offered."""
        if self.selected is not None:
            self.workbench.compose_for(self.selected.name)

    def action_inbox(self) -> None:
        """Show what lies in the inbox and what became of it."""
        self.query_one(InboxLine).open()

    def action_figures(self) -> None:
        """Show the figures of the columns, or the rows again."""
        shown = not self._shows_columns
        self.set_class(shown, "-columns")
        if not shown:
            self._columns.leave()
            self._rows.enter()
        elif self._rows.dataset is not None:
            self._columns.show(self._rows.dataset)
            self._columns.focus()

    def action_split(self) -> None:
        """Ask how to divide the dataset, and divide it."""
        dataset = self._rows.dataset
        if dataset is None:
            return

        def asked(wanted: division.Request | None) -> None:
            if wanted is not None:
                self._divide(dataset, wanted)

        self.app.push_screen(SplitDialog(dataset, self._rows.split), asked)

    def _divide(self, dataset: Dataset, wanted: division.Request) -> None:
        def work(store: Store, tell: Callable[[str], None]) -> Division:
            return store.datasets.split(
                dataset.name,
                wanted.shares,
                seed=wanted.seed,
                source=wanted.source,
                by=wanted.by,
                progress=lambda rows: tell(f"{rows:,} rows"),
            )

        def done(made: Division) -> None:
            self.workbench.say(division.became(made), title=f"{dataset.name} is divided")
            self._refresh(dataset.name)

        self.query_one(Activity).follow(IMPORT_LANE, f"dividing {dataset.name}", work, done)

    def action_unsplit(self) -> None:
        """Ask, then take the last division of the dataset back."""
        dataset = self._rows.dataset
        if dataset is None:
            return
        name = dataset.name

        def undo() -> None:
            self.ask(lambda store: store.datasets.unsplit(name), lambda _: self._refresh(name))

        question = f"The splits of {name} become what they were before it was last divided."
        dialogs.confirm(self.app, f"Take the division of {name} back?", question, ("take back", "keep"), undo)

    def action_next_split(self) -> None:
        """Show the next split's rows."""
        self._turn_split(1)

    def action_previous_split(self) -> None:
        """Show the rows of the split before."""
        self._turn_split(-1)

    def _turn_split(self, step: int) -> None:
        dataset = self._rows.dataset
        if dataset is not None:
            names = list(dataset.splits)
            self._rows.show(dataset, names[(names.index(self._rows.split) + step) % len(names)])
            self.refresh_chrome()

    def action_go_to_row(self) -> None:
        """Ask for a row's number and go there."""
        if self._shows_columns:
            self.action_figures()
        self._rows.enter()
        self._rows.ask_row()

    def action_copy_row(self) -> None:
        """Copy the row under the cursor as JSON."""
        self._rows.copy(whole_row=True)

    def action_next_match(self) -> None:
        """Go to the next match."""
        self._rows.step_match(1)

    def action_previous_match(self) -> None:
        """Go to the match before."""
        self._rows.step_match(-1)

    def _is_in(self, pane: Widget) -> bool:
        return self.focused is not None and pane in self.focused.ancestors_with_self

    @property
    def _shows_columns(self) -> bool:
        return self.has_class("-columns")

    @property
    def _rows(self) -> RowsPane:
        return self.query_one(RowsPane)

    @property
    def _columns(self) -> ColumnsPane:
        return self.query_one(ColumnsPane)
