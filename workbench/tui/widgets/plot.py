"""The arithmetic of a line chart: ranges, ticks, decimation and dots. Pure; it knows no widget.

A sub-column is the smallest step to the right that the drawing can show. Within it only the first, least,
greatest and last value are kept, so that no spike is ever lost.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
AXIS_ENDS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Series:
    """Points in order of x; values that are no number are kept as gaps."""

    def __init__(self) -> None:
        self.xs = array("d")
        self.ys = array("d")
        self.gaps: list[int] = []
        """Indices of the values that are NaN or infinite."""
        self.changes = 0
        """How often it was added to or cut: what was worked out from it is good until then."""
        self._low = math.inf
        self._high = -math.inf

    def extend(self, points: Iterable[tuple[float, float]]) -> None:
        """Append points; one at or before the last x first cuts the series there: a run that went back."""
        for x, y in points:
            if self.xs and x <= self.xs[-1]:
                self._cut(bisect_left(self.xs, x))
            self.add(x, y)

    def add(self, x: float, y: float) -> None:
        """Append one point, whose x is at least the last one's."""
        self.changes += 1
        if math.isfinite(y):
            self._low, self._high = min(self._low, y), max(self._high, y)
        else:
            self.gaps.append(len(self.xs))
        self.xs.append(x)
        self.ys.append(y)

    def _cut(self, index: int) -> None:
        self.changes += 1
        del self.xs[index:], self.ys[index:]
        del self.gaps[bisect_left(self.gaps, index) :]
        finite = [y for y in self.ys if math.isfinite(y)]
        self._low, self._high = min(finite, default=math.inf), max(finite, default=-math.inf)

    @property
    def last(self) -> float | None:
        """The newest value, which may be NaN; None without any."""
        return self.ys[-1] if self.ys else None

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and greatest finite value."""
        return (self._low, self._high) if self._low <= self._high else None

    def nearest(self, x: float) -> int | None:
        """The index of the point closest to an x; None without any."""
        if not self.xs:
            return None
        after = min(bisect_left(self.xs, x), len(self.xs) - 1)
        before = max(after - 1, 0)
        return before if x - self.xs[before] < self.xs[after] - x else after

    def within(self, low: float, high: float) -> Series:
        """The part in a range of x, led on to its edges where the line goes beyond them."""
        if not self.xs or (low <= self.xs[0] and self.xs[-1] <= high):
            return self
        start, stop = bisect_left(self.xs, low), bisect_right(self.xs, high)
        first, last = self._between(start, low), self._between(stop, high)
        part = Series()
        if first is not None:
            part.add(low, first)
        part._take(self, start, stop)
        if last is not None:
            part.add(high, last)
        return part

    def _take(self, other: Series, start: int, stop: int) -> None:
        """Append a slice of another series; done for each drawing of a zoomed chart, hence not by point."""
        values, _, _ = _finite(other, start, stop)
        if values:
            self._low, self._high = min(self._low, min(values)), max(self._high, max(values))
        gaps = other.gaps[bisect_left(other.gaps, start) : bisect_left(other.gaps, stop)]
        self.gaps += [len(self.xs) + index - start for index in gaps]
        self.xs += other.xs[start:stop]
        self.ys += other.ys[start:stop]
        self.changes += 1

    def _between(self, index: int, x: float) -> float | None:
        """The height of the line from the point before `index` to the one at it."""
        if not 0 < index < len(self.xs) or self.xs[index] == self.xs[index - 1]:
            return None
        before, after = self.ys[index - 1], self.ys[index]
        if not (math.isfinite(before) and math.isfinite(after)):
            return None
        return before + (after - before) * (x - self.xs[index - 1]) / (self.xs[index] - self.xs[index - 1])


@dataclass(frozen=True)
class View:
    """The part of the plane that is shown; with `log` the values are shown by their logarithm."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    log: bool = False

    def row(self, y: float, rows: int) -> int:
        """The row from the top, of `rows`, in which a value lies."""
        return self.row_finder(rows)(y)

    def row_finder(self, rows: int) -> Callable[[float], int]:
        """The same for many values: a chart asks for thousands at each drawing."""
        low, high = self._scaled(self.y_low), self._scaled(self.y_high)
        last = rows - 1
        factor = last / ((high - low) or 1.0)
        log10 = math.log10

        def linear(y: float) -> int:
            row = round(last - (y - low) * factor)
            return 0 if row < 0 else last if row > last else row

        def logarithmic(y: float) -> int:
            return linear(log10(y if y > 1e-300 else 1e-300))

        return logarithmic if self.log else linear

    def column(self, x: float, columns: int) -> int:
        """The column, of `columns`, in which a step lies."""
        share = (x - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        return min(max(int(share * columns), 0), columns - 1)

    def _scaled(self, y: float) -> float:
        return math.log10(max(y, 1e-300)) if self.log else y


@dataclass(frozen=True)
class Bin:
    """What one sub-column holds of a series."""

    column: int
    first: float
    low: float
    high: float
    last: float
    joined: bool
    """Whether a line leads here from the bin before: no gap lies between."""


def bins(series: Series, view: View, columns: int) -> tuple[list[Bin], list[int]]:
    """Decimate a series to `columns` sub-columns.

    Returns:
        The bins that hold values, and the sub-columns that hold a gap.
    """
    kept: list[Bin] = []
    start, joined = 0, False
    count, per_column = len(series.xs), (view.x_high - view.x_low) / columns or 1.0
    gap_columns = sorted({view.column(series.xs[index], columns) for index in series.gaps})
    while start < count:
        column = min(max(int((series.xs[start] - view.x_low) / per_column), 0), columns - 1)
        edge = view.x_low + (column + 1) * per_column
        stop = count if column == columns - 1 else max(bisect_left(series.xs, edge, start), start + 1)
        values, broken_before, broken_after = _finite(series, start, stop)
        if values:
            joined = joined and not broken_before
            kept.append(Bin(column, values[0], min(values), max(values), values[-1], joined))
        joined = bool(values) and not broken_after
        start = stop
    return kept, gap_columns


def _finite(series: Series, start: int, stop: int) -> tuple[array[float], bool, bool]:
    """The finite values of a slice, and whether a gap stands before the first and after the last of them."""
    values = series.ys[start:stop]
    if not series.gaps or bisect_left(series.gaps, start) == bisect_left(series.gaps, stop):
        return values, False, False
    finite = array("d", (value for value in values if math.isfinite(value)))
    return finite, not math.isfinite(values[0]), not math.isfinite(values[-1])


def dots(kept: Iterable[Bin], view: View, rows: int) -> Iterator[tuple[int, int, int]]:
    """The line through the bins as vertical strokes `(sub-column, top row, bottom row)`, both included."""
    before: tuple[int, int] | None = None
    row = view.row_finder(rows)
    for item in kept:
        if before is not None and item.joined:
            yield from _joint(before, (item.column, row(item.first)))
        yield item.column, row(item.high), row(item.low)
        before = (item.column, row(item.last))


def _joint(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Strokes that lead from one dot to another one to its right."""
    (column, row), (last_column, last_row) = start, end
    steps = last_column - column
    previous = row
    for step in range(1, steps + 1):
        here = round(row + (last_row - row) * step / steps)
        inner = previous + (1 if here > previous else -1 if here < previous else 0)
        yield column + step, min(inner, here), max(inner, here)
        previous = here


def nice_step(span: float, count: int) -> float:
    """A step of 1, 2, 2.5 or 5 times a power of ten that divides a span into about `count` parts."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step for step in TICK_STEPS if step * power >= raw * 0.999) * power


def nice_range(low: float, high: float, count: int) -> tuple[float, float]:
    """A range around the values that ends on ticks."""
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = nice_step(high - low, count)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def binary_scale(high: float) -> float:
    """The largest power of 1024 that is not above a value, at least 1: the unit of an axis of bytes."""
    return 1024.0 ** max(math.floor(math.log(high, 1024)), 0) if high > 1 else 1.0


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round values within a range, about `count` of them."""
    if high <= low:
        return [low]
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def time_ticks(low: float, high: float, count: int) -> list[float]:
    """Whole seconds, minutes, hours or days within a range of seconds, about `count` of them."""
    raw = (high - low) / max(count, 1)
    step = next((float(step) for step in TIME_STEPS if step >= raw), math.ceil(raw / 86_400) * 86_400.0)
    return [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The powers of ten within a range, or its ends where there are none."""
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    return [10.0**power for power in powers] or [low, high]


def axis_end(last: float) -> float:
    """The next round end of an axis, so that a growing series does not redraw the chart at every point."""
    if last <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(last))
    return next(end for end in AXIS_ENDS if end * power >= last) * power


def tick_labels(values: list[float]) -> list[str]:
    """Labels with as many decimals as tell the ticks apart."""
    if len(values) > 1:
        gap = abs(values[1] - values[0])
        largest = max(abs(value) for value in values)
        if largest >= 100_000 or (gap and gap < 1e-4):
            return [f"{value:.1e}" if value else "0" for value in values]
        decimals = max(0, math.ceil(-math.log10(gap) - 1e-9)) if gap else 0
        if gap and round(gap, decimals) != round(gap, decimals + 1):
            decimals += 1
        return [f"{value:.{decimals}f}" for value in values]
    return [f"{value:.4g}" for value in values]
