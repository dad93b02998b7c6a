"""A table of any number of rows: it holds their keys, and asks for the rows that are seen as it draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from textual.message import Message

from store import patterns
from workbench.tui.clean import safe
from workbench.tui.widgets.live_table import Cell, Column, LiveTable
from workbench.tui.widgets.surface import Row

MEASURED = 100
"""So many of the first rows say how wide a column is to be, and those that were seen."""

MOST_DRAWN = 1000
"""So many rows are remembered as they were drawn."""

MakeRow = Callable[[str], Sequence[Cell] | None]
"""Makes the cells of the row of a key, as it is to be drawn now; None where it has not been read yet."""


class PagedTable(LiveTable):
    """Rows that are made when they are drawn; one that has not been read yet is drawn as its key.

    Args:
        columns: What the cells of a row are, in order; the key stands in the first.
        make_row: Makes the cells of a row.
        options: As a `LiveTable` takes them.
    """

    @dataclass
    class Needed(Message):
        """Rows are seen that have not been read; `redraw` once they are."""

        table: PagedTable
        keys: tuple[str, ...]

        @property
        def control(self) -> PagedTable:
            """The table, for `@on` with a selector."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Rows that went by are not asked for."""
            return isinstance(message, PagedTable.Needed) and message.table is self.table

    def __init__(self, columns: Sequence[Column], make_row: MakeRow, **options: str | None) -> None:
        super().__init__(columns, **cast("dict[str, Any]", options))
        self._make_row = make_row
        self._all: tuple[str, ...] = ()
        self._asked: tuple[str, ...] = ()
        self._made: dict[str, Sequence[Cell]] = {}
        self._drawn: dict[str, Row] = {}
        self._drawn_for: object = None

    def set_keys(self, keys: Sequence[str]) -> None:
        """Show the rows of these keys, in this order; cursor and marks stay with their keys."""
        index, others = self._index, tuple(keys)
        self._asked = ()
        same = others == self._all
        if not same or self._passes is not None:
            self._all = others
            self._arrange(index)
        if len(others) <= MEASURED:
            self._needs = {}
        self._forget()
        if not same or len(others) <= MEASURED:
            self._measure(others[:MEASURED])  # of the same long list, drawing measures what is seen
        self._rows_came()
        self.redraw()

    def renew(self, keys: Collection[str] | None = None) -> None:
        """Make rows anew and draw what differs; `redraw` alone is for the cursor and the marks.

        Args:
            keys: Of these rows alone, which the filter looks at again; None: of all, which pass it as before.
        """
        if keys is None:
            self._forget()
        else:
            for key in keys:
                self._made.pop(key, None)
                self._drawn.pop(key, None)
            passes, shown = self._passes, set(self._keys) if self._passes is not None else set()
            if passes is not None and any(passes(key) != (key in shown) for key in keys):
                self._arrange(self._index)
        self.redraw()

    def ask_again(self) -> None:
        """Ask at the next drawing for what is missing: it was asked for, and could not be read."""
        self._asked = ()

    def words(self, key: str) -> str:
        """What of a row a filter without a rule looks into."""
        return key

    def filter_by(self, text: str, passes: Callable[[str], bool] | None) -> None:
        """Show only the rows whose key passes, or without a rule those in whose words the text is found."""
        if passes is None and text:
            finds = patterns.lenient(text).search
            super().filter_by(text, lambda key: bool(finds(self.words(key))))
        else:
            super().filter_by(text, passes)

    def show_filter(self, text: str) -> None:
        """Tell the filter that the keys have passed which are given next."""
        self._filter, self._passes = text, None
        self.border_subtitle = safe(f"/{text}") if text else None

    @property
    def seen_keys(self) -> tuple[str, ...]:
        """The keys of the rows within the window, and of a page before and after it."""
        page = max(self.size.height, 1)
        return self._keys[max(self._top - page, 0) : self._top + 2 * page]

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """The keys of the rows within the window."""
        return self._keys[self._top : self._top + max(self.size.height - 1, 1)]

    def draw(self, width: int, height: int) -> list[Row]:
        """Labels and rows; what of them is not there yet is asked for."""
        self._scroll(max(height - 1, 1))
        shown = self.shown_keys
        self._measure(key for key in shown if key not in self._made)
        missing = tuple(key for key in shown if key not in self._made)
        if missing and missing != self._asked:
            self._asked = missing
            self.post_message(self.Needed(self, missing))
        return super().draw(width, height)

    def _measure(self, keys: Iterable[str]) -> None:
        """Let the columns grow with what is seen; they never shrink, so that scrolling moves no column."""
        made = {key: row for key in keys if (row := self._make_row(key)) is not None}
        self._made |= made
        widest = self._widest(made.values())
        self._needs = {key: max(need, self._needs.get(key, 0)) for key, need in widest.items()}

    def _forget(self) -> None:
        self._made, self._drawn = {}, {}

    def _plain_row(self, key: str, widths: Mapping[str, int], width: int, gutter: int) -> Row:
        """What a row looks like is worked out once; a cursor that goes by changes only its colour."""
        look = (dict(widths), width, gutter)
        if look != self._drawn_for:
            self._drawn, self._drawn_for = {}, look
        if key not in self._drawn:
            if len(self._drawn) > MOST_DRAWN:
                self._forget()
            self._drawn[key] = super()._plain_row(key, widths, width, gutter)
        return list(self._drawn[key])  # the mark and the bar on the right are drawn into it

    def _row_cells(self, key: str) -> Sequence[Cell]:
        row = self._made.get(key) or self._make_row(key)
        return row if row is not None else [key, *("" for _ in self.columns[1:])]

    @property
    def _has_come(self) -> bool:
        return bool(self._all)

    @property
    def _total(self) -> int:
        return len(self._all)

    @property
    def _has_rows(self) -> bool:
        return bool(self._all) or bool(self._filter)

    def _filtered(self) -> tuple[str, ...]:
        if self._passes is None:
            return self._all
        return tuple(key for key in self._all if self._passes(key))

    def _known(self, keys: frozenset[str]) -> frozenset[str]:
        # Which rows there are besides is not known of a list that was filtered elsewhere.
        filtered_elsewhere = bool(self._filter) and self._passes is None
        return keys if filtered_elsewhere or not keys else keys.intersection(self._all)
