"""The catalog screen of a noun with any number of records: only those that are seen are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from textual import on

from workbench.tui.screens.catalog import CatalogScreen, Record
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.live_table import Cell, LiveTable
from workbench.tui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError

T = TypeVar("T", bound=Record)
KEPT_RECORDS = 2000
"""So many records are kept of those that were seen."""
FIRST_RECORDS = 60
"""So many of a list are read together with its names."""


@dataclass(frozen=True)
class Names:
    """What a list holds, and what it was read for: a filter, and how often the records had changed."""

    key: tuple[str, int]
    names: list[str]


class PagedCatalogScreen(CatalogScreen[T]):
    """A list of names, whose records come as they are seen."""

    SCOPED_CSS = False

    def __init__(self) -> None:
        super().__init__()
        self._names_known: tuple[str, int] | None = None

    def read_names(self, store: Store, text: str) -> list[str]:
        """The names of the records in which a regular expression finds something, off the loop."""
        raise NotImplementedError

    def read_some(self, store: Store, names: Sequence[str]) -> Sequence[T]:
        """The records of these names, in any order, off the loop."""
        raise NotImplementedError

    def row_of(self, record: T) -> Sequence[Cell]:
        """A record in the list."""
        raise NotImplementedError

    def make_table(self) -> LiveTable:
        """A table that asks for what it shows."""
        title = f"{self.noun}s"
        return PagedTable(
            self.columns, self._row_of, title=title, empty=self.empty, id="list", classes="pane"
        )

    def go_to(self, key: str, row: int | None = None) -> None:
        """Put the cursor on a record; one that the filter hides brings all of them back."""
        if self._table.filter_text and key not in self._table.keys:
            self.apply_filter("")
        super().go_to(key, row)

    def is_at(self, key: str) -> bool:
        """Whether the cursor is on a record, and that has been read."""
        return super().is_at(key) and key in self._records

    def apply_filter(self, text: str) -> None:
        """Show only the records in which a regular expression finds something, looked for off the loop."""
        table = self._table
        if table.filter_text != text:
            table.show_filter(text)
            self._refresh()

    def recall(self, saved: Saved) -> None:
        """Come back to the list; its filter is applied as when it was typed."""
        tables = chosen(saved, "tables", dict, {})
        kept = chosen(tables, "list", dict, {})
        unfiltered = {name: value for name, value in kept.items() if name != "filter"}
        super().recall({**saved, "tables": {**tables, "list": unfiltered}})
        self.apply_filter(chosen(kept, "filter", str, ""))

    def show_ages(self) -> None:
        """The same in the list."""
        super().show_ages()
        self._table.renew()

    @property
    def _table(self) -> PagedTable:
        return self.query_one("#list", PagedTable)

    def _row_of(self, name: str) -> Sequence[Cell] | None:
        record = self._records.get(name)
        return self.row_of(record) if record is not None else None

    def _refresh(self, show: str | None = None) -> None:
        if not self.query("#list"):
            self.call_after_refresh(self._refresh, show)  # shown before its list is there
            return
        table, known = self._table, self._names_known
        text, seen = table.filter_text, [*table.seen_keys, *sorted(table.marked), *([show] if show else [])]

        def read(store: Store) -> tuple[Names | None, list[T]]:
            key = (text, store.changed.counts()[f"{self.noun}s"])
            names = Names(key, self.read_names(store, text)) if key != known else None
            wanted = dict.fromkeys((*seen, *(names.names[:FIRST_RECORDS] if names is not None else ())))
            return names, list(self.read_some(store, list(wanted)))

        self.ask(read, lambda found: self._found(text, *found, show))

    def _found(self, text: str, names: Names | None, records: list[T], show: str | None) -> None:
        if not self.query("#list"):
            return  # closed meanwhile
        table = self._table
        if text != table.filter_text:
            return  # another filter was typed meanwhile, and its names are on their way
        selected = self.selected
        if names is None:
            self._read(records)
        else:
            self._names_known = names.key
            self._records = {record.name: record for record in records}
            self.set_class(not names.names and not text, "-empty")
            table.set_keys(names.names)
        if show is not None:
            table.move_to(show)
        if self.selected != selected:
            self.show_record()

    @on(PagedTable.Needed, "#list")
    def _needed(self, message: PagedTable.Needed) -> None:
        names = [key for key in self._table.seen_keys if key not in self._records] or message.keys

        def failed(error: StoreError) -> None:
            message.table.ask_again()
            self.workbench.tell(error)

        self.ask(lambda store: self.read_some(store, names), self._read, failed=failed)

    def _read(self, records: Sequence[T]) -> None:
        if not self.query("#list"):
            return  # closed meanwhile
        table = self._table
        if len(self._records) + len(records) > KEPT_RECORDS:
            kept = {*table.seen_keys, *table.marked}
            self._records = {name: record for name, record in self._records.items() if name in kept}
        known = self.selected
        self._records |= {record.name: record for record in records}
        table.renew()
        if self.selected is not known:
            self.show_record()
