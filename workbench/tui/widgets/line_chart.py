"""A live line chart in braille that writes only the cells that changed; it draws what it is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from textual.content import Content

from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import bytes_text, count_text, duration, number_text
from workbench.tui.widgets import plot
from workbench.tui.widgets.plot import Series, View
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put, put_cells

SERIES_STYLES = ("$series-1", "$series-2", "$series-3", "$series-4", "$series-5", "$series-6")
GAP_STYLE = "$error"
AXIS_STYLE = "$faint"
LABEL_STYLE = "$muted"

_BRAILLE = 0x2800
_LEFT_DOTS = (0x01, 0x02, 0x04, 0x40)
_RIGHT_DOTS = (0x08, 0x10, 0x20, 0x80)
_ASCII_THIRDS = {1: "'", 2: "-", 4: ".", 3: "'", 6: ".", 5: ":", 7: "|"}


class LineChart(Surface, can_focus=True):
    """Several series over one axis of steps, with the last values as legend.

    Args:
        title: Stands in the border.
        log: Show the values by their logarithm; values of zero or less are left out of the range.
        unit: `bytes` labels the values as sizes.
        x_unit: `seconds` labels the axis as time.
    """

    scope = "chart"

    def __init__(
        self,
        title: str = "",
        *,
        log: bool = False,
        unit: str = "",
        x_unit: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = safe(title) if title else None
        self.empty = "no points yet"
        self.log_scale = log
        self.unit = unit
        self.x_unit = x_unit
        self._series: dict[str, Series] = {}
        self._front: str | None = None
        self._x_limit: float | None = None

    @property
    def series_names(self) -> tuple[str, ...]:
        """The series in the order they were first given."""
        return tuple(self._series)

    @property
    def x_limit(self) -> float | None:
        """Where the axis ends, such as the run's last step; None lets it follow the points."""
        return self._x_limit

    @x_limit.setter
    def x_limit(self, value: float | None) -> None:
        if value != self._x_limit:
            self._x_limit = value
            self.redraw()

    def set_series(self, name: str, points: Iterable[tuple[float, float]]) -> None:
        """Replace the points `(x, y)` of a series; a NaN is drawn as a gap with a mark."""
        self._series[name] = Series()
        self.extend(name, points)

    def extend(self, name: str, points: Iterable[tuple[float, float]]) -> None:
        """Append points; one at or before the last x first cuts what stood from there on."""
        self._series.setdefault(name, Series()).extend(points)
        self.redraw()

    def clear(self, name: str | None = None) -> None:
        """Forget one series, or all."""
        if name is None:
            self._series.clear()
        else:
            self._series.pop(name, None)
        self.redraw()

    def focus_series(self, name: str | None) -> None:
        """Draw this series over the others; without a choice the first one is."""
        self._front = name
        self.redraw()

    def copy_text(self) -> str:
        """The last values, one series per line."""
        return "\n".join(f"{name}\t{series.last}" for name, series in self._series.items() if series.ys)

    def draw(self, width: int, height: int) -> list[Row]:
        """Legend, plot and axes for this size; axes are left out where they would leave no room."""
        rows = [blank(width) for _ in range(height)]
        view = self._view(max(height - 3, 1))
        if view is None:
            put(rows[height // 2], max((width - len(self.empty)) // 2, 0), self.empty, LABEL_STYLE)
            return rows
        top = 1 if height > 3 else 0
        bottom = 2 if height > 6 else 0
        plot_height = height - top - bottom
        labels = self._y_labels(view, plot_height)
        left = max((len(text) for text in labels.values()), default=0) + 2 if width > 24 else 0
        if top:
            self._draw_legend(rows[0], left)
        if left:
            _draw_y_axis(rows[top : top + plot_height], labels, left)
        if bottom:
            _draw_x_axis(rows[top + plot_height :], view, left, seconds=self.x_unit == "seconds")
        self._draw_series(rows[top : top + plot_height], view, left)
        return rows

    def _view(self, rows: int) -> View | None:
        found = [series for series in self._series.values() if series.xs]
        if not found:
            return None
        ranges = [series.range for series in found if series.range is not None]
        low = min((low for low, _ in ranges), default=0.0)
        high = max((high for _, high in ranges), default=1.0)
        log = self.log_scale and low > 0
        if self.unit == "bytes":
            scale = plot.binary_scale(high)
            low, high = 0.0, plot.nice_range(0.0, high / scale, max(rows // 4, 2))[1] * scale
        elif log:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        else:
            low, high = plot.nice_range(low, high, max(rows // 4, 2))
        first, last = min(series.xs[0] for series in found), max(series.xs[-1] for series in found)
        start = 0.0 if first <= 0.2 * last else first
        end = self._x_limit if self._x_limit and self._x_limit >= last else plot.axis_end(last)
        return View(start, max(end, start + 1.0), low, high if high > low else low + 1.0, log)

    def _y_labels(self, view: View, rows: int) -> dict[int, str]:
        """Tick labels by the row they stand in."""
        scale = plot.binary_scale(view.y_high) if self.unit == "bytes" else 1.0
        values = (
            plot.log_ticks(view.y_low, view.y_high)
            if view.log
            else [
                scale * tick
                for tick in plot.ticks(view.y_low / scale, view.y_high / scale, max(rows // 4, 2))
            ]
        )
        if self.unit == "bytes":
            texts = [bytes_text(value) for value in values]
        elif view.log:
            texts = [number_text(value) for value in values]
        else:
            texts = plot.tick_labels(values)
        width = max(map(len, texts))
        return {view.row(value, rows): f"{text:>{width}}" for value, text in zip(values, texts, strict=True)}

    def _draw_legend(self, row: Row, left: int) -> None:
        """The series with their last values, as many as there is room for."""
        x = left
        line = "── " if self.signs.braille else "-- "
        for index, (name, series) in enumerate(self._series.items()):
            if series.last is None:
                continue
            value = bytes_text(series.last) if self.unit == "bytes" else number_text(series.last)
            finite = math.isfinite(series.last)
            gaps = f" ×{len(series.gaps)} NaN" if series.gaps and finite else ""
            drawn = cells(
                Content.assemble(
                    (line, _style(index)),
                    (f"{clean(name, 40)} ", LABEL_STYLE),
                    (value, "bold" if finite else f"bold {GAP_STYLE}"),
                    (gaps, GAP_STYLE),
                )
            )
            if x + len(drawn) > len(row):
                return
            put_cells(row, x, drawn)
            x += len(drawn) + 3

    def _draw_series(self, rows: Sequence[Row], view: View, left: int) -> None:
        names = list(self._series)
        front = self._front if self._front in self._series else names[0]
        order = sorted(range(len(names)), key=lambda index: names[index] == front)
        canvas = _braille if self.signs.braille else _ascii
        for index in order:
            canvas(rows, self._series[names[index]], view, left, _style(index))


def _style(index: int) -> str:
    return SERIES_STYLES[index % len(SERIES_STYLES)]


def _braille(rows: Sequence[Row], series: Series, view: View, left: int, style: str) -> None:
    """Two by four dots per cell; where series meet, both are seen in the colour of the one in front."""
    width, height = len(rows[0]) - left, len(rows)
    kept, gaps = plot.bins(series, view, width * 2)
    masks: dict[tuple[int, int], int] = {}
    for column, top, bottom in plot.dots(kept, view, height * 4):
        bits = _RIGHT_DOTS if column % 2 else _LEFT_DOTS
        for dot in range(top, bottom + 1):
            cell = (dot // 4, column // 2)
            masks[cell] = masks.get(cell, 0) | bits[dot % 4]
    _mark_gaps(rows, {column // 2 for column in gaps}, left)
    for (y, x), mask in masks.items():
        below = ord(rows[y][left + x][0]) - _BRAILLE
        rows[y][left + x] = (chr(_BRAILLE | mask | (below if 0 < below < 256 else 0)), style)


def _ascii(rows: Sequence[Row], series: Series, view: View, left: int, style: str) -> None:
    """One by three dots per cell, in characters that every terminal has."""
    width, height = len(rows[0]) - left, len(rows)
    kept, gaps = plot.bins(series, view, width)
    masks: dict[tuple[int, int], int] = {}
    for column, top, bottom in plot.dots(kept, view, height * 3):
        for dot in range(top, bottom + 1):
            cell = (dot // 3, column)
            masks[cell] = masks.get(cell, 0) | 1 << dot % 3
    _mark_gaps(rows, set(gaps), left)
    for (y, x), mask in masks.items():
        rows[y][left + x] = (_ASCII_THIRDS[mask], style)


def _mark_gaps(rows: Sequence[Row], columns: Iterable[int], left: int) -> None:
    for column in columns:
        for row in rows[:-1]:
            row[left + column] = ("╎", GAP_STYLE)
        rows[-1][left + column] = ("×", GAP_STYLE)


def _draw_y_axis(rows: Sequence[Row], labels: dict[int, str], left: int) -> None:
    for y, row in enumerate(rows):
        label = labels.get(y)
        if label is not None:
            put(row, left - 2 - len(label), label, LABEL_STYLE)
        put(row, left - 1, "┤" if label is not None else "│", AXIS_STYLE)


def _draw_x_axis(rows: Sequence[Row], view: View, left: int, *, seconds: bool) -> None:
    line, names = rows[0], rows[1]
    width = len(line) - left
    put(line, max(left - 1, 0), "╰" if left else "─", AXIS_STYLE)
    put(line, left, "─" * width, AXIS_STYLE)
    free = 0
    find, name = (plot.time_ticks, duration) if seconds else (plot.ticks, count_text)
    for value in find(view.x_low, view.x_high, max(width // 12, 2)):
        label = name(value)
        x = left + view.column(value, width)
        start = min(max(x - len(label) // 2, free), len(line) - len(label))
        if start < free or value != int(value):
            continue
        put(line, x, "┬", AXIS_STYLE)
        free = put(names, start, label, LABEL_STYLE) + 1
