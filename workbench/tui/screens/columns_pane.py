"""Figures of a dataset's columns: of a sample at once, of all rows as soon as they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from workbench.tui.clean import safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import columns as present
from workbench.tui.sentences import keyed
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import Notice

if TYPE_CHECKING:
    from store import Store
    from store.datasets import Dataset
    from store.errors import StoreError
    from workbench.tui.screen import Workbench

LANE = "columns"
SAMPLE_ROWS = 20_000
"""So many rows are counted in the time of a key press or two."""
TICK_SECONDS = 0.5
COLUMNS = (
    Column("name", "column", minimum=12),
    Column("kinds", "kind", minimum=6),
    Column("missing", "missing", 7, align="right"),
    Column("empty", "empty", 5, align="right"),
    Column("distinct", "different", 12, align="right"),
    Column("sizes", "range", minimum=17),
    Column("values", "most frequent", minimum=16, hide_below=90),
)


class ColumnsPane(LiveTable):
    """A line for each column of one dataset; counting ends when it is left."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(COLUMNS, id=id, classes="pane")
        self._dataset: Dataset | None = None
        self._figures: present.Figures | None = None
        self._read = 0
        self._asked = 0

    def on_mount(self) -> None:
        """Keep telling how far the counting is."""
        self.set_interval(TICK_SECONDS, self._tell)

    def show(self, dataset: Dataset) -> None:
        """Count the columns of a dataset."""
        if self._dataset is dataset:
            return
        self._dataset, self._figures, self._read = dataset, None, 0
        self._asked += 1
        self.empty = "counting…"
        self.set_rows([])
        self._count(dataset, SAMPLE_ROWS if dataset.rows > SAMPLE_ROWS else None)
        self._tell()

    def leave(self) -> None:
        """Stop counting."""
        self._dataset = None
        self._asked += 1

    def open(self, name: str) -> None:
        """Show everything that was counted of one column."""
        if self._figures is not None:
            told = present.detail(self._figures["columns"][name], self._figures["read"], glyphs(self))
            self.app.push_screen(Notice(f"column {name}", told))

    def _count(self, dataset: Dataset, limit: int | None) -> None:
        asked = self._asked

        def is_stale() -> bool:
            return self._asked != asked

        def progress(read: int) -> None:
            self._read = read

        def work(store: Store) -> present.Figures:
            return store.datasets.statistics(dataset.name, limit=limit, progress=progress, stop=is_stale)

        def came(figures: present.Figures) -> None:
            if is_stale():
                return
            self._figures = figures
            self.set_rows(present.table(figures))
            if figures["read"] < figures["rows"]:
                self._read = 0
                self._count(dataset, None)
            self._tell()

        def failed(error: StoreError) -> None:
            if not is_stale():
                self.leave()
                self._workbench.tell(error)

        self._workbench.ask(LANE, work, came, failed)

    def _tell(self) -> None:
        dataset, figures = self._dataset, self._figures
        if dataset is None:
            return
        self.border_title = safe(present.title(dataset.name, figures))
        done = figures is not None and figures["read"] == figures["rows"]
        told = (
            "{key:table.select} tells more  {key:datasets.figures} rows"
            if done
            else present.counting(self._read, dataset.rows)
        )
        self.border_subtitle = safe(keyed(self, told))

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self.app)
