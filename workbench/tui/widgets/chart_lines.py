"""The lines of a chart: each one's scale, how it is told from the others, what the legend says. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from store.sizes import bytes_text
from workbench.tui.clean import clean
from workbench.tui.glyphs import count_text, duration, number_text
from workbench.tui.widgets import chart_ink as ink
from workbench.tui.widgets import plot
from workbench.tui.widgets.chart_ink import GAP_STYLE, LABEL_STYLE, Ink
from workbench.tui.widgets.plot import Series, View
from workbench.tui.widgets.surface import Row, blank, cells

NAME_LIMIT = 40
LEGEND_GAP = 3
LEGEND_ROWS = 4
TICK_ROWS = 3
"""About so many rows lie between two labels of the axis of values."""
ENDS_PER_TICK = 2
"""An axis ends on such a part of what lies between two labels: a low chart is not left half empty."""


@dataclass
class Line:
    """What is drawn under one name.

    Lines of one `scale` share an axis of values, others lie on their own. `mark` tells lines apart where
    there is no colour, `dash` where there is.
    """

    name: str
    series: Series
    raw: Series | None = None
    """The unsmoothed curve, drawn faintly beneath."""
    colour: int = 0
    dash: int = 0
    mark: int = 0
    scale: str = ""
    unit: str = ""

    @property
    def points(self) -> Series:
        """The measured values."""
        return self.raw if self.raw is not None else self.series


@dataclass(frozen=True)
class Look:
    """What the terminal can show."""

    braille: bool
    colourless: bool

    def ink(self, line: Line, lines: int, *, faint: bool = False) -> Ink:
        """How one of so many lines is drawn."""
        style = ink.line_style(line.colour, faint=faint)
        if faint:
            return Ink(f"{style} dim" if self.colourless else style, mark=ink.ASCII_RAW, faint=True)
        alone = lines == 1 and line.raw is None
        mark = "" if alone else ink.ASCII_MARKS[line.mark % len(ink.ASCII_MARKS)]
        dash = line.mark if self.colourless else line.dash
        return Ink(style, dash if self.braille else 0, mark)

    def sample(self, line: Line, lines: int) -> str:
        """Two cells of a line for the legend."""
        own = self.ink(line, lines)
        return ink.SAMPLES[own.dash % len(ink.SAMPLES)] if self.braille else (own.mark or "-") * 2


@dataclass(frozen=True)
class Reading:
    """Which values the legend tells: the last ones, or those at a cursor."""

    cursor: float | None
    x_text: Callable[[float], str]
    """A place on the axis in words."""

    def index(self, points: Series) -> int | None:
        """The point whose value is told."""
        return len(points.xs) - 1 if self.cursor is None else points.nearest(self.cursor)


def x_range(lines: Sequence[Line], limit: float | None) -> tuple[float, float]:
    """All of the axis: what was measured, and what is still to come where that is known."""
    first, last = min(line.points.xs[0] for line in lines), max(line.points.xs[-1] for line in lines)
    start = 0.0 if first <= 0.2 * last else first
    end = limit if limit and limit >= last else plot.axis_end(last)
    return start, max(end, start + 1.0)


def views(lines: Sequence[Line], x: tuple[float, float], rows: int, *, log: bool) -> dict[str, View]:
    """The part of the plane that each scale shows, by the scale's name.

    Args:
        lines: The lines.
        x: The part of the axis.
        rows: How high the plot is.
        log: Show values by their logarithm; a scale that reaches zero or less is linear all the same.
    """
    found: dict[str, View] = {}
    for line in lines:
        if line.scale not in found:
            own = [each for other in lines if other.scale == line.scale for each in (other.raw, other.series)]
            ranges = [each.within(*x).range for each in own if each is not None]
            known = [each for each in ranges if each is not None]
            low = min((low for low, _ in known), default=0.0)
            high = max((high for _, high in known), default=1.0)
            found[line.scale] = _view(x, low, high, _tick_count(rows), log=log, unit=line.unit)
    return found


def _view(x: tuple[float, float], low: float, high: float, ticks: int, *, log: bool, unit: str) -> View:
    log = log and low > 0
    if log:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
    elif unit == "bytes":
        scale = plot.binary_scale(high)
        low, high = 0.0, plot.nice_range(0.0, high / scale, ticks)[1] * scale
    else:
        low, high = plot.nice_range(low, high, ENDS_PER_TICK * ticks)
    return View(*x, low, high if high > low else low + 1.0, log)


def y_labels(view: View, rows: int, unit: str) -> dict[int, str]:
    """Tick labels by the row they stand in."""
    scale = plot.binary_scale(view.y_high) if unit == "bytes" else 1.0
    if view.log:
        values = plot.log_ticks(view.y_low, view.y_high)
    else:
        values = [scale * tick for tick in _ticks(view.y_low / scale, view.y_high / scale, rows)]
    if unit in ("bytes", "count") or view.log:
        texts = [value_text(value, unit) for value in values]
    else:
        texts = plot.tick_labels(values)
    width = max(map(len, texts))
    return {view.row(value, rows): f"{text:>{width}}" for value, text in zip(values, texts, strict=True)}


def _ticks(low: float, high: float, rows: int) -> list[float]:
    """Two values to label at least: one alone tells no scale."""
    found = plot.ticks(low, high, _tick_count(rows))
    return found if len(found) > 1 else plot.ticks(low, high, ENDS_PER_TICK * _tick_count(rows))


def _tick_count(rows: int) -> int:
    return max(rows // TICK_ROWS, 2)


def value_text(value: float, unit: str) -> str:
    """A value in its unit; one that is no number is named."""
    if math.isfinite(value) and unit in ("bytes", "count"):
        return bytes_text(value) if unit == "bytes" else count_text(value)
    return number_text(value)


def legend(lines: Sequence[Line], reading: Reading, look: Look, width: int, height: int) -> list[Row]:
    """The lines with their values, in as many rows as a chart of this height has to spare."""
    most = min(1 + max(height - 7, 0) // 4, LEGEND_ROWS)
    entries = [cells(_entry(line, lines, reading, look)) for line in lines]
    if reading.cursor is not None:
        entries.insert(0, cells(Content.styled(reading.x_text(reading.cursor), "bold $accent")))
    rows: list[Row] = []
    left_out = len(entries)
    for entry in entries:
        if rows and len(rows[-1]) + LEGEND_GAP + len(entry) <= width:
            rows[-1] += blank(LEGEND_GAP) + entry
        elif len(rows) < most and (not rows or len(entry) <= width):
            rows.append(entry)
        else:
            break
        left_out -= 1
    more = cells(Content.styled(f" +{left_out}", LABEL_STYLE))
    if rows and left_out and len(rows[-1]) + len(more) <= width:
        rows[-1] += more
    return rows


def _entry(line: Line, lines: Sequence[Line], reading: Reading, look: Look) -> Content:
    """A line's sample, name and value, and where that was measured when it is not at the cursor."""
    points = line.points
    index = reading.index(points)
    value = points.ys[index] if index is not None else math.nan
    finite = math.isfinite(value)
    gaps = f" ×{len(points.gaps)} NaN" if points.gaps and finite and reading.cursor is None else ""
    elsewhere = reading.cursor is not None and index is not None and points.xs[index] != reading.cursor
    smoothed = line.series.ys[index] if line.raw is not None and index is not None else math.nan
    return Content.assemble(
        (look.sample(line, len(lines)), ink.line_style(line.colour)),
        (f" {clean(line.name, NAME_LIMIT)} ", LABEL_STYLE),
        (value_text(value, line.unit), "bold" if finite else f"bold {GAP_STYLE}"),
        (f" ≈{value_text(smoothed, line.unit)}" if math.isfinite(smoothed) else "", LABEL_STYLE),
        (f" @{reading.x_text(points.xs[index])}" if elsewhere and index is not None else "", LABEL_STYLE),
        (gaps, GAP_STYLE),
    )


def axis_text(x: float, unit: str) -> str:
    """A place on an axis of steps, of seconds, or of a count of something."""
    if unit == "seconds":
        return duration(x)
    return f"{unit or 'step'} {x:,.0f}"
