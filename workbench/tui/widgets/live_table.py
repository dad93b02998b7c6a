"""A table of live rows: keeps its cursor by key, filters, marks, and redraws only the cells that differ."""

from __future__ import annotations

import textwrap
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message

from store import patterns
from workbench.tui import actions
from workbench.tui.clean import clean, safe
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved, chosen, texts
from workbench.tui.widgets.counted import Counted
from workbench.tui.widgets.surface import CellText, Row, blank, cells, fit, put, restyle

Cell = CellText
"""A cell: a plain string counts as text from outside and is cleaned; content is drawn as it is."""

GAP = 2
MOST_AIR = 12
"""A column grows this much wider than its cells; a wide screen does not tear its rows apart."""
CURSOR_STYLE = "on $block-cursor-background"
BLURRED_CURSOR_STYLE = "on $panel"
HEADER_STYLE = "$muted"
EMPTY_STYLE = "$muted"
EARLY_SECONDS = 3.0
"""Keys that come so long before the rows are for these: a list of a screen just opened is being read."""
MOST_EARLY = 100


@dataclass(frozen=True)
class Column:
    """One column.

    Without a width it shares what the fixed columns leave. In a table narrower than `hide_below` cells it is
    left out.
    """

    key: str
    label: str
    width: int | None = None
    align: Literal["left", "right"] = "left"
    minimum: int = 4
    hide_below: int = 0


def column_widths(columns: Sequence[Column], width: int, needs: Mapping[str, int]) -> dict[str, int]:
    """How many cells each shown column gets in a table of this width, by column key in order.

    Args:
        columns: All columns.
        width: The cells there are.
        needs: The widest cell of each column; where all cannot have it, the narrow ones have it first.
    """
    shown = [column for column in columns if width >= column.hide_below]
    free = width - GAP * max(len(shown) - 1, 0) - sum(column.width or 0 for column in shown)
    flexible = [column for column in shown if column.width is None]
    widths = {column.key: column.width or 0 for column in shown}
    for index, column in enumerate(sorted(flexible, key=lambda column: needs.get(column.key, 0))):
        share, need = free // (len(flexible) - index), needs.get(column.key, 0)
        widths[column.key] = max(min(need, share), min(need, column.minimum))
        free -= widths[column.key]
    for index, column in enumerate(flexible):
        extra = min(max(free, 0) // (len(flexible) - index), MOST_AIR)
        widths[column.key] += extra
        free -= extra
    return widths


class LiveTable(Counted, can_focus=True):
    """Rows by key, one line each, under a line of column labels.

    Args:
        columns: What the cells of a row are, in order.
        title: Stands in the border.
        empty: What to do when there is no row; shown in place of the rows.
    """

    scope: ClassVar[str] = "table"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("table")

    @dataclass
    class Highlighted(Message):
        """The cursor came to another row (`key` None: no row)."""

        table: LiveTable
        key: str | None

        @property
        def control(self) -> LiveTable:
            """The table, for `@on` with a selector."""
            return self.table

    @dataclass
    class Selected(Message):
        """A row was opened."""

        table: LiveTable
        key: str

        @property
        def control(self) -> LiveTable:
            """The table, for `@on` with a selector."""
            return self.table

    @dataclass
    class Marked(Message):
        """The set of marked rows changed."""

        table: LiveTable
        marked: frozenset[str]

        @property
        def control(self) -> LiveTable:
            """The table, for `@on` with a selector."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        title: str = "",
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.border_title = safe(title) if title else None
        self.empty = empty
        self.marked: frozenset[str] = frozenset()
        self._cells: dict[str, list[Cell]] = {}
        self._needs: dict[str, int] = {}
        self._keys: tuple[str, ...] = ()
        self._place = 0
        self._cursor: str | None = None
        self._top = 0
        self._filter = ""
        self._wanted: str | None = None
        self.led = False
        """Another widget has the keys and leads the cursor, which is drawn as one in focus."""
        self._passes: Callable[[str], bool] | None = None
        self.mark_signs: Mapping[str, tuple[str, str]] = {}
        self._recalled: Saved | None = None
        self._laid_out_for = 0
        self._early: deque[tuple[float, Callable[[], object]]] = deque(maxlen=MOST_EARLY)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 (Textual's)
        """As many lines as there are rows, filtered or not, under the labels."""
        return self._total + 1

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None without rows."""
        return self._cursor

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the rows that pass the filter, in order."""
        return self._keys

    @property
    def row_count(self) -> int:
        """How many rows pass the filter."""
        return len(self._keys)

    @property
    def filter_text(self) -> str:
        """Only rows in which this regular expression finds something are shown."""
        return self._filter

    @filter_text.setter
    def filter_text(self, text: str) -> None:
        self.filter_by(text, None)

    def filter_by(self, text: str, passes: Callable[[str], bool] | None) -> None:
        """Show only the rows whose key passes, or without a rule those in which the text finds something."""
        self._filter, self._passes = text, passes
        self.border_subtitle = safe(f"/{text}") if text else None
        self._arrange(self._index)

    def set_rows(self, rows: Iterable[tuple[str, Sequence[Cell]]]) -> None:
        """Show these rows, each a key and one cell per column; cursor and marks stay with their keys."""
        index = self._index
        self._cells = {key: list(row) for key, row in rows}
        self._needs = self._widest(self._cells.values())
        self._arrange(index)
        self._rows_came()

    def _rows_came(self) -> None:
        """Go where the cursor is wanted, forget marks of what is gone, and come back to what was recalled."""
        if self.styles.is_auto_height and self._total != self._laid_out_for:
            self._laid_out_for = self._total
            self.refresh(layout=True)
        if self._wanted is not None and self.move_to(self._wanted):
            self._wanted = None
        marked = self._known(self.marked)
        if marked != self.marked:
            self._set_marked(marked)
        if self._recalled is not None and self._has_come:
            self.recall(self._recalled)
        if self._early and self._has_come:
            early, self._early = self._early, deque(maxlen=MOST_EARLY)
            for came, act in early:
                if time.monotonic() - came < EARLY_SECONDS:
                    act()

    @property
    def remembered(self) -> Saved:
        """Where the cursor is, what is marked and what is filtered by, for another session."""
        if self._recalled is not None:
            return self._recalled
        return {"cursor": self._cursor or "", "marked": sorted(self.marked), "filter": self._filter}

    def recall(self, saved: Saved) -> None:
        """Go back to what an earlier session remembered, as far as its rows are still there."""
        if not self._has_come:
            self._recalled = saved  # as soon as there are rows
            return
        self._recalled = None
        text = chosen(saved, "filter", str, self._filter)
        if text != self._filter and self._passes is None:
            self.filter_text = text
        if "marked" in saved:
            self.mark(texts(saved, "marked"))
        self.move_to(chosen(saved, "cursor", str, ""))

    def set_cells(self, changes: Mapping[tuple[str, str], Cell]) -> None:
        """Change cells by `(row key, column key)`; rows and columns that are not there are passed over."""
        places = {column.key: index for index, column in enumerate(self.columns)}
        for (key, column), cell in changes.items():
            if key in self._cells and column in places:
                self._cells[key][places[column]] = cell
        self.redraw()

    def move_to(self, key: str) -> bool:
        """Put the cursor on a row; False when no shown row has this key."""
        if key not in self._keys:
            return False
        self._go(self._keys.index(key))
        return True

    def want(self, key: str) -> None:
        """Put the cursor on a row, now or when it has come."""
        self._wanted = None if self.move_to(key) else key

    def copy_text(self) -> str | None:
        """The row under the cursor, its cells separated by tabs."""
        if self._cursor is None:
            return None
        return "\t".join(_plain(cell) for cell in self._row_cells(self._cursor))

    def draw(self, width: int, height: int) -> list[Row]:
        """Labels, then the rows around the cursor."""
        page = max(height - 1, 1)
        self._scroll(page)
        gutter = 2 if self.marked else 0
        widths = column_widths(self.columns, width - gutter - 1, self._needs)
        rows = [self._header(widths, width, gutter)]
        if not self._keys:
            return rows + self._empty_rows(width, page)
        shown = self._keys[self._top : self._top + page]
        rows += [self._row(key, widths, width, gutter) for key in shown]
        rows += [blank(width) for _ in range(height - len(rows))]
        self._draw_position(rows[1:], page)
        return rows[:height]

    # Drawing

    def _widest(self, rows: Collection[Sequence[Cell]]) -> dict[str, int]:
        """The widest cell of each column that has no width of its own."""
        return {
            column.key: max([len(column.label), *(_length(row[place]) for row in rows)])
            for place, column in enumerate(self.columns)
            if column.width is None
        }

    def _header(self, widths: Mapping[str, int], width: int, gutter: int) -> Row:
        labels = {column.key: cells(Content(column.label), HEADER_STYLE) for column in self.columns}
        return self._line(labels, widths, width, gutter)

    def _row(self, key: str, widths: Mapping[str, int], width: int, gutter: int) -> Row:
        row = self._plain_row(key, widths, width, gutter)
        if key in self.marked:
            put(row, 0, *self.mark_signs.get(key, (self.signs.mark, "$accent")))
        return restyle(row, self._cursor_style) if key == self._cursor else row

    def _plain_row(self, key: str, widths: Mapping[str, int], width: int, gutter: int) -> Row:
        """A row without its mark and without the cursor, which the caller may draw into."""
        texts = {
            column.key: cells(cell)
            for column, cell in zip(self.columns, self._row_cells(key), strict=True)
            if column.key in widths
        }
        return self._line(texts, widths, width, gutter)

    @property
    def _cursor_style(self) -> str:
        active = self.has_focus or self.led
        if active:
            return "reverse" if self.reverses else CURSOR_STYLE
        return "underline" if self.underlines else BLURRED_CURSOR_STYLE

    def _line(self, texts: Mapping[str, Row], widths: Mapping[str, int], width: int, gutter: int) -> Row:
        line = blank(gutter)
        for column in self.columns:
            if column.key not in widths:
                continue
            if len(line) > gutter:
                line += blank(GAP)
            line += fit(
                texts[column.key], widths[column.key], align=column.align, ellipsis=self.signs.ellipsis
            )
        return (line + blank(width))[:width]

    def _empty_rows(self, width: int, page: int) -> list[Row]:
        rows = [blank(width) for _ in range(page)]
        text = (
            f"no row matches “{clean(self._filter, 40)}”"
            if self._filter and self._has_rows
            else keyed(self, self.empty)
        )
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, max(width, 1)) or [""]]
        for row, line in zip(rows[1 if page > len(lines) else 0 :], lines, strict=False):
            put(row, 0, line, EMPTY_STYLE)
        return rows

    def _draw_position(self, rows: Sequence[Row], page: int) -> None:
        """A short bar on the right that shows which part of a long list is seen."""
        count = len(self._keys)
        if count <= page or not rows:
            return
        length = max(page * page // count, 1)
        start = round(self._top * (page - length) / max(count - page, 1))
        for row in rows[start : start + length]:
            row[-1] = ("▐", "$border")

    # Rows and cursor

    def _known(self, keys: frozenset[str]) -> frozenset[str]:
        """Those that have a row, shown or not."""
        return keys & self._cells.keys()

    def _row_cells(self, key: str) -> Sequence[Cell]:
        """The cells of a row."""
        return self._cells[key]

    @property
    def _has_come(self) -> bool:
        """Whether rows have been given."""
        return bool(self._cells)

    @property
    def _total(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._cells)

    @property
    def _has_rows(self) -> bool:
        """Whether there are rows, shown or not."""
        return bool(self._cells)

    def _filtered(self) -> tuple[str, ...]:
        """The keys of the rows that pass the filter."""
        finds = patterns.lenient(self._filter).search
        return tuple(
            key
            for key, row in self._cells.items()
            if (
                self._passes(key)
                if self._passes is not None
                else not self._filter or any(finds(_plain(cell)) for cell in row)
            )
        )

    @property
    def _index(self) -> int:
        # A search through a hundred thousand keys is for when they have moved.
        if not (self._place < len(self._keys) and self._keys[self._place] == self._cursor):
            self._place = self._keys.index(self._cursor) if self._cursor in self._keys else 0
        return self._place

    def _arrange(self, index: int) -> None:
        """Filter again; a cursor whose row is gone goes to the one now at its place."""
        self._keys = self._filtered()
        if self._cursor in self._keys:
            self.redraw()
        else:
            self._go(index)

    def _go(self, index: int) -> None:
        self._place = max(min(index, len(self._keys) - 1), 0)
        key = self._keys[self._place] if self._keys else None
        moved, self._cursor = key != self._cursor, key
        self.redraw()
        if moved:
            self.post_message(self.Highlighted(self, key))

    def _scroll(self, page: int) -> None:
        index = self._index
        self._top = min(max(self._top, index - page + 1, 0), index)
        self._top = max(min(self._top, len(self._keys) - page), 0)

    def _set_marked(self, marked: frozenset[str]) -> None:
        self.marked = marked
        self.redraw()
        self.post_message(self.Marked(self, marked))

    # Keys and mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        event.stop()
        self._go(self._index + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        event.stop()
        self._go(self._index - 3)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row; a second click opens it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0 or self._top + offset.y - 1 >= len(self._keys):
            return
        self._go(self._top + offset.y - 1)
        if event.chain == 2:
            self.action_select()

    def action_cursor_down(self) -> None:
        """Next row."""
        self._move(self.times)

    def action_cursor_up(self) -> None:
        """Previous row."""
        self._move(-self.times)

    def action_first(self) -> None:
        """First row, or the one of the number typed before."""
        self._when_come(partial(self._go, 0 if self.count is None else self.count - 1))

    def action_last(self) -> None:
        """Last row, or the one of the number typed before."""
        count = self.count
        self._when_come(lambda: self._go((len(self._keys) if count is None else count) - 1))

    def action_half_down(self) -> None:
        """Half a page down."""
        self._move(self.times * max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._move(-self.times * max(self.size.height // 2, 1))

    def action_select(self) -> None:
        """Open the row under the cursor."""
        self._when_come(self._select)

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next; or so many rows."""
        self._when_come(partial(self._mark_next, self.times))

    def _when_come(self, act: Callable[[], object]) -> None:
        """Do what a key asks for, or once there are rows: one may type faster than a list is read."""
        if self._has_come:
            act()
        else:
            self._early.append((time.monotonic(), act))

    def _move(self, rows: int) -> None:
        self._when_come(lambda: self._go(self._index + rows))

    def _select(self) -> None:
        if self._cursor is not None:
            self.post_message(self.Selected(self, self._cursor))

    def _mark_next(self, times: int) -> None:
        if self._cursor is not None:
            index = self._index
            self._set_marked(self.marked ^ set(self._keys[index : index + times]))
            self._go(index + times)

    def mark(self, keys: Iterable[str]) -> None:
        """Mark these rows and no others."""
        marked = self._known(frozenset(keys))
        if marked != self.marked:
            self._set_marked(marked)


def _plain(cell: Cell) -> str:
    return clean(cell) if isinstance(cell, str) else cell.plain


def _length(cell: Cell) -> int:
    return cell_len(cell) if isinstance(cell, str) else cell.cell_length
