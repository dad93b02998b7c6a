"""The Datasets screen: the datasets of the store and their rows, of which only a page is ever read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.content import Content
from textual.widget import Widget

from store import Store
from store.datasets import Dataset
from workbench.tui.clean import safe
from workbench.tui.present import datasets as present
from workbench.tui.present.cells import Row
from workbench.tui.screens.catalog import CatalogScreen
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import Notice

PAGE_ROWS = 100
BAD_LINES_SHOWN = 20


@dataclass(frozen=True)
class Page:
    """Some rows of one split."""

    dataset: Dataset
    split: str
    start: int
    rows: list[dict[str, Any]]


class DatasetsScreen(CatalogScreen[Dataset]):
    """The list, the selected dataset, and a page of its rows."""

    scope = "datasets"
    noun = "dataset"
    empty = present.EMPTY
    source_label = "A file, or a folder with a file per split:"
    source_help = "JSONL, JSON, CSV, TSV, Parquet or text. Lines that cannot be read are left out and told."
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
        #catalog { height: 2fr; }
        #rows { height: 3fr; }
        &.-short #catalog { height: 8; }
        &.-short #list, &.-short #detail { width: 1fr; }
        &.-narrow.-short #catalog { layout: horizontal; }
        &.-empty #rows { display: none; }
    }
    """
    )

    def __init__(self) -> None:
        super().__init__()
        self._page: Page | None = None

    def compose_body(self) -> Iterable[Widget]:
        """List and detail above, rows below."""
        yield from super().compose_body()
        yield LiveTable([], title="rows", empty="This split has no rows.", id="rows", classes="pane")

    def read(self, store: Store) -> Sequence[Dataset]:
        """All datasets."""
        return store.datasets.list()

    def rows(self, records: Sequence[Dataset]) -> list[Row]:
        """The list."""
        return present.table(records)

    def describe(self, store: Store, record: Dataset) -> Content:
        """Everything about a dataset, with the first lines that were left out."""
        bad = store.datasets.bad_lines(record.name)[:BAD_LINES_SHOWN]
        return present.detail(record, bad, time.time())

    def bring_in(self, store: Store, source: str, progress: Callable[[str], None]) -> Dataset:
        """Read and copy a file or a folder; lines that cannot be read are left out."""
        return store.datasets.add(source, on_bad="skip", progress=lambda rows: progress(f"{rows:,} rows"))

    def take_out(self, store: Store, name: str) -> None:
        """Remove a dataset."""
        store.datasets.remove(name)

    def why_not(self, name: str) -> str | None:
        """Paging ends at the ends."""
        if name in ("next_page", "previous_page"):
            return None if self._start_of(name) is not None else "there are no more rows that way"
        return None

    def show_record(self) -> None:
        """Show the dataset under the cursor, and its first rows when it is another one."""
        super().show_record()
        dataset = self.selected
        if dataset is not None and (self._page is None or self._page.dataset != dataset):
            self._read_page(dataset, next(iter(dataset.splits)), 0)

    def action_next_split(self) -> None:
        """Show the next split's first rows."""
        if self._page is not None:
            names = list(self._page.dataset.splits)
            after = names[(names.index(self._page.split) + 1) % len(names)]
            self._read_page(self._page.dataset, after, 0)

    def action_next_page(self) -> None:
        """Show the next rows."""
        self._turn("next_page")

    def action_previous_page(self) -> None:
        """Show the rows before."""
        self._turn("previous_page")

    @on(LiveTable.Selected, "#rows")
    def _row_opened(self, message: LiveTable.Selected) -> None:
        if self._page is not None:
            row = self._page.rows[int(message.key) - self._page.start]
            self.app.push_screen(Notice(f"row {message.key} of {self._page.split}", present.whole_row(row)))

    def _start_of(self, name: str) -> int | None:
        if self._page is None:
            return None
        start = self._page.start + (PAGE_ROWS if name == "next_page" else -PAGE_ROWS)
        return start if 0 <= start < self._page.dataset.splits[self._page.split] else None

    def _turn(self, name: str) -> None:
        start = self._start_of(name)
        if self._page is not None and start is not None:
            self._read_page(self._page.dataset, self._page.split, start)

    def _read_page(self, dataset: Dataset, split: str, start: int) -> None:
        def read(store: Store) -> Page:
            return Page(
                dataset, split, start, list(store.datasets.rows(dataset.name, split, start, PAGE_ROWS))
            )

        self.ask(read, self._show_page, lane="rows")

    def _show_page(self, page: Page) -> None:
        if self.selected is None or self.selected.name != page.dataset.name:
            return
        self._page = page
        table = self.query_one("#rows", LiveTable)
        columns = [Column(f"column-{at}", name, minimum=12) for at, name in enumerate(page.dataset.columns)]
        table.columns = (Column("number", "#", 8, align="right"), *columns)
        table.border_title = safe(present.page_title(page.dataset, page.split, page.start, len(page.rows)))
        table.set_rows(present.preview(page.rows, page.dataset.columns, page.start))
        self.refresh_chrome()
