"""A grid over any number of rows, of which only those in sight are needed; it asks for what it lacks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.tui import actions
from workbench.tui.clean import clean
from workbench.tui.pages import Cell, Line
from workbench.tui.widgets import row_columns as columns
from workbench.tui.widgets.counted import Counted
from workbench.tui.widgets.live_table import (
    BLURRED_CURSOR_STYLE,
    CURSOR_STYLE,
    EMPTY_STYLE,
    GAP,
    HEADER_STYLE,
)
from workbench.tui.widgets.surface import Row, blank, cells, fit, put, restyle

WIDTH_STEP = 8
NARROWEST, WIDEST = 4, 300
HIT_STYLE = "underline bold $warning"
CELL_STYLES = {"text": "", "other": "", "number": "", "null": "$faint"}
WHEEL_ROWS = 3


class Lines(Protocol):
    """What a grid shows."""

    @property
    def count(self) -> int:
        """How many positions there are."""
        ...

    @property
    def last_number(self) -> int:
        """The largest number that a line may have."""
        ...

    def line(self, position: int) -> Line | None:
        """The line at a position; None while it is not there."""
        ...

    def place(self, number: int) -> int:
        """The position of the row with a number, or of one near to it."""
        ...


class NoLines:
    """Nothing to show."""

    count = 0
    last_number = 0

    def line(self, position: int) -> Line | None:  # noqa: ARG002 (the protocol's)
        """Nothing."""
        return None

    def place(self, number: int) -> int:  # noqa: ARG002 (the protocol's)
        """Nowhere."""
        return 0


class RowGrid(Counted, can_focus=True):
    """Rows by position, their numbers at the left, a cursor over rows and columns."""

    scope: ClassVar[str] = "grid"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("grid")

    @dataclass
    class Moved(Message):
        """The cursor came to another cell; `to_end`: by asking for the last row."""

        grid: RowGrid
        to_end: bool = False

    @dataclass
    class Wanted(Message):
        """Positions from `first` up to `end` are in sight."""

        grid: RowGrid
        first: int
        end: int

    @dataclass
    class Opened(Message):
        """A row was opened."""

        grid: RowGrid

    @dataclass
    class Copied(Message):
        """What is under the cursor is to be copied."""

        grid: RowGrid

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = ""
        self.position = 0
        """The row under the cursor, by position."""
        self.column = 0
        """The index of the column under the cursor."""
        self._lines: Lines = NoLines()
        self._labels: tuple[str, ...] = ()
        self._needs: dict[str, int] = {}
        self._chosen: dict[str, int] = {}
        self._sought: re.Pattern[str] | None = None
        self._top = 0
        self._left = 0
        self._told = (-1, -1)

    def show(self, lines: Lines, labels: Sequence[str], position: int = 0) -> None:
        """Show other rows, the cursor on one of them; columns of the same names keep their widths."""
        self._lines = lines
        if tuple(labels) != self._labels:
            self._labels = tuple(labels)
            self._chosen, self._needs = {}, {}
            self.column, self._left = 0, 0
        self._told = (-1, -1)
        self._top = max(position - self._page // 2, 0)
        self.go(position)

    def highlight(self, sought: re.Pattern[str] | None) -> None:
        """Mark what a pattern finds."""
        self._sought = sought
        self.redraw()

    def came(self, *, to_end: bool = False) -> None:
        """Draw the lines that have come meanwhile, and follow their end if that is asked for."""
        self._place(self._lines.count - 1 if to_end else self.position)

    def go(self, position: int) -> None:
        """Put the cursor on a row, or as near as there is one."""
        self._place(position)
        self.post_message(self.Moved(self))

    def _place(self, position: int) -> None:
        self.position = max(min(position, self._lines.count - 1), 0)
        self.redraw()

    def request_copy(self) -> None:
        """Have what is under the cursor copied in full, which is more than is shown."""
        self.post_message(self.Copied(self))

    # Drawing

    def draw(self, width: int, height: int) -> list[Row]:
        """Labels, then the rows around the cursor."""
        page = max(height - 1, 1)
        count = self._lines.count
        self._top = min(max(self._top, self.position - page + 1, 0), self.position)
        self._top = max(min(self._top, count - page), 0)
        stop = min(self._top + page, count)
        self._want(self._top, stop)
        held = [self._lines.line(position) for position in range(self._top, stop)]
        self._measure(held)
        number_width = max(len(f"{self._lines.last_number:,}"), 3)
        spans = self._spans(width - 1, number_width + GAP)
        right = {index for index, _, _ in spans if _is_number(held, index)}
        rows = [self._header(spans, right, width, number_width)]
        if not count:
            return (rows + self._empty_rows(width, page))[:height]
        for position, line in enumerate(held, start=self._top):
            rows.append(self._row(position, line, spans, right, width, number_width))
        rows += [blank(width) for _ in range(height - len(rows))]
        self._draw_position(rows[1:], page)
        return rows[:height]

    def _want(self, first: int, stop: int) -> None:
        if (first, stop) != self._told and stop > first:
            self._told = (first, stop)
            self.post_message(self.Wanted(self, first, stop))

    def _measure(self, held: Sequence[Line | None]) -> None:
        """Let the columns be as wide as the widest cell seen so far: they do not shrink while one pages."""
        for index, label in enumerate(self._labels):
            key, widest = str(index), self._needs.get(str(index), cell_len(clean(label)))
            for line in held:
                if line is not None and index < len(line.cells) and len(line.cells[index].text) * 2 > widest:
                    widest = max(widest, cell_len(line.cells[index].text))
            self._needs[key] = widest

    def _widths(self, room: int) -> list[int]:
        return columns.widths(self._labels, room, self._needs, self._chosen)

    def _spans(self, width: int, begin: int) -> list[columns.Span]:
        """The columns in sight, the cursor's always among them."""
        widths = self._widths(width - begin)
        self.column = max(min(self.column, len(widths) - 1), 0)
        self._left = columns.leftmost(widths, self._left, self.column, width - begin)
        return columns.in_sight(widths, self._left, begin, width)

    def _header(self, spans: Sequence[columns.Span], right: Collection[int], width: int, number: int) -> Row:
        row = blank(width)
        put(row, number - 3, "row", HEADER_STYLE)
        for index, start, end in spans:
            style = "bold $accent" if index == self.column and self.has_focus else HEADER_STYLE
            label = cells(Content(clean(self._labels[index])), style)
            row[start:end] = self._fit(label, end - start, right=index in right)
        if self._left:
            put(row, number + 1, self.signs.left, "bold $accent")
        if spans and (spans[-1][0] + 1 < len(self._labels)):
            put(row, width - 1, self.signs.right, "bold $accent")
        return row

    def _row(
        self,
        position: int,
        line: Line | None,
        spans: Sequence[columns.Span],
        right: Collection[int],
        width: int,
        number: int,
    ) -> Row:
        row = blank(width)
        current = position == self.position
        if line is None:
            put(row, number + GAP, self.signs.ellipsis, "$faint")
        else:
            text = f"{line.number:,}"
            put(row, number - len(text), text, "$foreground" if current else "$muted")
            for index, start, end in spans:
                content = self._content(line.cells[index], end - start)
                row[start:end] = self._fit(cells(content), end - start, right=index in right)
        if not current:
            return row
        start, end = next(((start, end) for at, start, end in spans if at == self.column), (0, 0))
        if not self.has_focus:
            start, end = 0, 0
        quiet, loud = self._cursor_styles
        return restyle(row[:start], quiet) + restyle(row[start:end], loud) + restyle(row[end:], quiet)

    @property
    def _cursor_styles(self) -> tuple[str, str]:
        """Of the cursor's row, and of its cell."""
        quiet = "underline" if self.underlines else BLURRED_CURSOR_STYLE
        return quiet, "reverse" if self.reverses else CURSOR_STYLE

    def _content(self, cell: Cell, width: int) -> Content:
        """A cell, from where what is looked for can be seen."""
        text = cell.text
        found = [] if self._sought is None or cell.kind == "null" else self._sought.finditer(text)
        hits = [hit for hit in found if hit.end() > hit.start()]
        begin = 0
        if hits and len(text) > width and hits[0].end() >= width:
            begin = max(min(hits[0].start() - width // 3, len(text) - width + 2), 0)
            text = self.signs.ellipsis + text[begin + 1 :]
        content = Content.styled(text[: width + 1], CELL_STYLES[cell.kind])
        for hit in hits:
            if hit.start() > begin or not begin:
                content = content.stylize(HIT_STYLE, hit.start() - begin, hit.end() - begin)
        return content

    def _fit(self, row: Row, width: int, *, right: bool) -> Row:
        return fit(row, width, align="right" if right else "left", ellipsis=self.signs.ellipsis)

    def _empty_rows(self, width: int, page: int) -> list[Row]:
        rows = [blank(width) for _ in range(page)]
        told = [part for text in self.empty.splitlines() for part in textwrap.wrap(text, max(width, 1))]
        for row, text in zip(rows[1 if page > len(told) else 0 :], told, strict=False):
            put(row, 0, text, EMPTY_STYLE)
        return rows

    def _draw_position(self, rows: Sequence[Row], page: int) -> None:
        count = self._lines.count
        if count <= page or not rows:
            return
        length = max(page * page // count, 1)
        start = round(self._top * (page - length) / max(count - page, 1))
        for row in rows[start : start + length]:
            row[-1] = ("▐", "$border")

    # Keys and mouse

    @property
    def _page(self) -> int:
        return max(self.size.height - 1, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        event.stop()
        self.go(self.position + WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        event.stop()
        self.go(self.position - WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the cell; a second click opens the row."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0 or self._top + offset.y - 1 >= self._lines.count:
            return
        number = max(len(f"{self._lines.last_number:,}"), 3)
        for index, start, end in self._spans(self.size.width - 1, number + GAP):
            if start <= offset.x < end + GAP:
                self.column = index
        self.go(self._top + offset.y - 1)
        if event.chain == 2:
            self.action_select()

    def action_cursor_down(self) -> None:
        """Next row."""
        self.go(self.position + self.times)

    def action_cursor_up(self) -> None:
        """Row before."""
        self.go(self.position - self.times)

    def action_first(self) -> None:
        """First row, or the one of the number typed before."""
        self.go(0 if self.count is None else self._lines.place(self.count))

    def action_last(self) -> None:
        """Last row, or the one of the number typed before."""
        if self.count is not None:
            self.go(self._lines.place(self.count))
            return
        self._place(self._lines.count - 1)
        self.post_message(self.Moved(self, to_end=True))

    def action_half_down(self) -> None:
        """Half a page down."""
        self.go(self.position + self.times * max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self.go(self.position - self.times * max(self.size.height // 2, 1))

    def action_right(self) -> None:
        """Column to the right."""
        self._to_column(self.column + self.times)

    def action_left(self) -> None:
        """Column to the left."""
        self._to_column(self.column - self.times)

    def _to_column(self, index: int) -> None:
        self.column = max(min(index, len(self._labels) - 1), 0)
        self.go(self.position)

    def action_wider(self) -> None:
        """Make the column wider."""
        self._widen(WIDTH_STEP)

    def action_narrower(self) -> None:
        """Make the column narrower."""
        self._widen(-WIDTH_STEP)

    def _widen(self, step: int) -> None:
        widths = self._widths(self.size.width - max(len(f"{self._lines.last_number:,}"), 3) - GAP - 1)
        if widths:
            self._chosen[str(self.column)] = min(max(widths[self.column] + step, NARROWEST), WIDEST)
            self.redraw()

    def action_select(self) -> None:
        """Open the row."""
        if self._lines.count:
            self.post_message(self.Opened(self))


def _is_number(held: Sequence[Line | None], index: int) -> bool:
    """Whether a column holds numbers, by the first line in sight that has a value there."""
    kinds = (line.cells[index].kind for line in held if line is not None)
    return next((kind for kind in kinds if kind != "null"), "text") == "number"
