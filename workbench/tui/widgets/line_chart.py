"""A live line chart that writes only the cells that changed; zoomed, panned and read at a cursor by keys.

It draws the lines that it is given, and knows nothing of runs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from workbench.tui import actions
from workbench.tui.clean import safe
from workbench.tui.sentences import keyed
from workbench.tui.widgets import chart_ink as ink
from workbench.tui.widgets import chart_lines
from workbench.tui.widgets.chart_ink import LABEL_STYLE
from workbench.tui.widgets.chart_lines import Line, Look, Reading
from workbench.tui.widgets.plot import Series, View
from workbench.tui.widgets.surface import Row, Surface, blank, put, put_cells

ZOOM = 2.0
PAN = 0.5
LEAP = 0.25
"""The share of the chart that a large step of the cursor goes."""
NARROW = 24
"""A chart of no more cells has no axis of values."""
AXIS_CELLS = 8
"""What such an axis takes, about."""
KEYS_HINT = (
    "{arrow:chart.left}{arrow:chart.right} read  {arrow:chart.closer}{arrow:chart.wider} zoom  "
    "{key:chart.pan_left}{key:chart.pan_right} pan  {key:chart.whole} whole"
)
FURTHEST_IN = 4.0
"""The narrowest part of the axis that is shown, in its own unit."""


class LineChart(Surface, can_focus=True):
    """Several lines over one axis, with their last values, or those at the cursor, as legend.

    Args:
        title: Stands in the border.
        log: Show the values by their logarithm, unless some are zero or less.
        unit: `bytes` labels the values as sizes.
        x_unit: `seconds` labels the axis as time; another word names what is counted, steps without it.
    """

    scope: ClassVar[str] = "chart"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("chart")

    @dataclass
    class Zoomed(Message):
        """Another part of the axis is shown."""

        chart: LineChart
        low: float
        high: float

        @property
        def control(self) -> LineChart:
            """The chart, for `@on` with a selector."""
            return self.chart

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, LineChart.Zoomed) and message.chart is self.chart

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
        self._note = ""
        self._lines: dict[str, Line] = {}
        self._front: str | None = None
        self._x_limit: float | None = None
        self._window: tuple[float, float] | None = None
        self._follows = False
        self._cursor: float | None = None
        self._left = 0
        self._traces: dict[tuple[str, bool], tuple[Series, object, ink.Trace]] = {}

    # What is drawn

    @property
    def series_names(self) -> tuple[str, ...]:
        """The lines that have points, in the order they were first given."""
        return tuple(line.name for line in self._shown)

    def points(self, name: str) -> Series:
        """The measured values of a line."""
        return self._lines[name].points

    @property
    def x_limit(self) -> float | None:
        """Where the axis ends, such as the run's last step; None lets it follow the points."""
        return self._x_limit

    @x_limit.setter
    def x_limit(self, value: float | None) -> None:
        if value != self._x_limit:
            self._x_limit = value
            self.redraw()

    def show_lines(
        self,
        lines: Iterable[Line],
        front: str | None = None,
        *,
        x_limit: float | None = None,
        anew: bool = False,
    ) -> None:
        """Show these lines and no others; they may share their series with whoever makes them grow.

        `front` names the one that is drawn over the others. With `anew` zoom and cursor are left: they were
        of other lines.
        """
        self._lines = {line.name: line for line in lines}
        self._front, self._x_limit = front, x_limit
        if anew:
            self._window, self._cursor = None, None
        self.redraw()

    def set_series(self, name: str, points: Iterable[tuple[float, float]]) -> None:
        """Replace the points `(x, y)` of a series; a NaN is drawn as a gap with a mark."""
        self._line(name).series = Series()
        self.extend(name, points)

    def extend(self, name: str, points: Iterable[tuple[float, float]]) -> None:
        """Append points; one at or before the last x first cuts what stood from there on."""
        self._line(name).series.extend(points)
        self.redraw()

    def _line(self, name: str) -> Line:
        number = len(self._lines)
        fresh = Line(name, Series(), colour=number, mark=number, unit=self.unit)
        return self._lines.setdefault(name, fresh)

    def clear(self, name: str | None = None) -> None:
        """Forget one series, or all, and with all of them what was looked at."""
        if name is None:
            self.show_lines((), x_limit=self._x_limit, anew=True)
        elif self._lines.pop(name, None) is not None:
            self.redraw()

    @property
    def note(self) -> str:
        """What must be known of what is drawn; stands in the border."""
        return self._note

    @note.setter
    def note(self, text: str) -> None:
        if text != self._note:
            self._note = text
            self._write_border()

    def copy_text(self) -> str:
        """The last values, or those at the cursor, one series per line."""
        found = [(line, self._reading.index(line.points)) for line in self._shown]
        return "\n".join(
            f"{line.name}\t{line.points.ys[index]}" for line, index in found if index is not None
        )

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show which keys read the chart, while they do."""
        super().watch_has_focus(has_focus)
        self._write_border()

    def _write_border(self) -> None:
        hint = keyed(self, KEYS_HINT) if self.has_focus else ""
        self.border_subtitle = safe(keyed(self, self._note) or hint, "$warning" if self._note else "")

    # Drawing

    def draw(self, width: int, height: int) -> list[Row]:
        """Legend, plot and axes for this size; axes are left out where they would leave no room."""
        rows = [blank(width) for _ in range(height)]
        lines = self._shown
        if not lines:
            empty = keyed(self, self.empty)
            put(rows[height // 2], max((width - len(empty)) // 2, 0), empty, LABEL_STYLE)
            return rows
        front = next((line for line in lines if line.name == self._front), lines[0])
        room = width - (AXIS_CELLS if width > NARROW else 0)
        legend = chart_lines.legend(lines, self._reading, self._look, room, height) if height > 3 else []
        top, bottom = len(legend), 2 if height > 6 else 0
        body = rows[top : height - bottom]
        x = self._x_view()
        views = chart_lines.views(lines, x, len(body), log=self.log_scale)
        labels = chart_lines.y_labels(views[front.scale], len(body), front.unit)
        left = max((len(text) for text in labels.values()), default=0) + 2 if width > NARROW else 0
        self._left = left
        for row, entries in zip(rows, legend, strict=False):
            put_cells(row, left, entries)
        if left:
            ink.y_axis(body, labels, left)
        if bottom:
            seconds = self.x_unit == "seconds"
            ink.x_axis(rows[height - bottom :], views[front.scale], left, seconds=seconds)
        if self._cursor is not None:
            ink.cursor(body, views[front.scale].column(self._cursor, width - left), left)
        self._draw_lines(body, sorted(lines, key=lambda line: line is front), views)
        return rows

    @property
    def _shown(self) -> list[Line]:
        return [line for line in self._lines.values() if line.series.xs]

    @property
    def _look(self) -> Look:
        return Look(self.signs.braille, self.colourless)

    @property
    def _reading(self) -> Reading:
        return Reading(self._cursor, lambda x: chart_lines.axis_text(x, self.x_unit))

    def _draw_lines(self, rows: Sequence[Row], lines: Sequence[Line], views: dict[str, View]) -> None:
        """Draw the lines, the last in front; what is faint lies under all of them."""
        look = self._look
        before, self._traces = self._traces, {}
        inks: list[tuple[ink.Trace, ink.Ink]] = []
        for faint in (True, False):
            for line in lines:
                series, view = line.raw if faint else line.series, views[line.scale]
                if series is None:
                    continue
                own = look.ink(line, len(lines), faint=faint)
                size = (len(rows[0]) - self._left, len(rows))
                key = (series.changes, view, size, own.dash)
                known = before.get((line.name, faint))
                if known is None or known[0] is not series or known[1] != key:
                    traced = ink.trace(series, view, *size, dash=own.dash, braille=look.braille)
                    known = (series, key, traced)
                self._traces[line.name, faint] = known
                inks.append((known[2], own))
        # One line's gap never hides another line.
        ink.mark_gaps(rows, {column for traced, _ in inks for column in traced.gaps}, self._left)
        taken = set[tuple[int, int]]()
        for traced, own in inks:
            ink.stamp(rows, traced, self._left, own, taken, braille=look.braille)

    # Zoom and cursor

    def _whole(self) -> tuple[float, float]:
        return chart_lines.x_range(self._shown, self._x_limit)

    def _x_view(self) -> tuple[float, float]:
        """The part of the axis that is shown; one that held the last point goes on with it, in leaps."""
        if self._window is None:
            return self._whole()
        low, high = self._window
        last = max(line.points.xs[-1] for line in self._shown)
        if self._follows and last > high:
            leap = last - high + LEAP * (high - low)
            self._window = (low + leap, high + leap)
        return self._window

    def _zoom(self, low: float, high: float) -> None:
        """Show a part of the axis, kept within the whole of it."""
        start, end = self._whole()
        span = max(min(high - low, end - start), min(FURTHEST_IN, end - start))
        low = min(max((low + high - span) / 2, start), end - span)
        self._window = None if span >= end - start else (low, low + span)
        self._follows = low + span >= max(line.points.xs[-1] for line in self._shown)
        self.redraw()
        self.post_message(self.Zoomed(self, low, low + span))

    def _scale_by(self, factor: float) -> None:
        if self._shown:
            low, high = self._x_view()
            centre = self._cursor if self._cursor is not None else (low + high) / 2
            self._zoom(centre - (centre - low) * factor, centre + (high - centre) * factor)

    def _pan(self, share: float) -> None:
        if self._shown:
            low, high = self._x_view()
            self._zoom(low + share * (high - low), high + share * (high - low))

    def _move(self, columns: float) -> None:
        """Take the cursor some columns on, and to the next value that lies there or beyond."""
        if not self._shown:
            return
        low, high = self._x_view()
        xs = self._longest.xs
        if self._cursor is None:
            within = bisect_left(xs, low) if columns > 0 else bisect_right(xs, high) - 1
            self._read_at(xs[min(max(within, 0), len(xs) - 1)])
            return
        target = self._cursor + columns * (high - low) / self._columns
        index = bisect_left(xs, target) if columns > 0 else bisect_right(xs, target) - 1
        self._read_at(xs[min(max(index, 0), len(xs) - 1)])

    @property
    def _columns(self) -> int:
        return max(self.size.width - self._left, 1)

    @property
    def _longest(self) -> Series:
        """The measured values at which the cursor stops."""
        return max((line.points for line in self._shown), key=lambda points: len(points.xs))

    def _read_at(self, x: float) -> None:
        self._cursor = x
        low, high = self._x_view()
        if low <= x <= high:
            self.redraw()
        else:
            self._zoom(*((x - high + low, x) if x > high else (x, x + high - low)))

    def on_click(self, event: events.Click) -> None:
        """Read the values where the chart was clicked."""
        offset = event.get_content_offset(self)
        if offset is not None and self._shown:
            low, high = self._x_view()
            points = self._longest
            index = points.nearest(low + (offset.x - self._left + 0.5) * (high - low) / self._columns)
            self._read_at(points.xs[index or 0])

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        event.stop()
        self.action_closer()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        event.stop()
        self.action_wider()

    def action_right(self) -> None:
        """Read the next values."""
        self._move(1)

    def action_left(self) -> None:
        """Read the values before."""
        self._move(-1)

    def action_half_on(self) -> None:
        """Read further on."""
        self._move(LEAP * self._columns)

    def action_half_back(self) -> None:
        """Read further back."""
        self._move(-LEAP * self._columns)

    def action_first(self) -> None:
        """Read the first values."""
        if self._shown:
            self._read_at(self._longest.xs[0])

    def action_last(self) -> None:
        """Read the last values."""
        if self._shown:
            self._read_at(self._longest.xs[-1])

    def action_closer(self) -> None:
        """Zoom in, around the cursor where there is one."""
        self._scale_by(1 / ZOOM)

    def action_wider(self) -> None:
        """Zoom out."""
        self._scale_by(ZOOM)

    def action_pan_right(self) -> None:
        """Show what lies to the right."""
        self._pan(PAN)

    def action_pan_left(self) -> None:
        """Show what lies to the left."""
        self._pan(-PAN)

    def action_whole(self) -> None:
        """Show the whole axis."""
        self._window = None
        self.redraw()

    async def action_drop(self) -> None:
        """Leave the cursor, then the zoom, then the chart."""
        if self._cursor is not None:
            self._cursor = None
        elif self._window is not None:
            self._window = None
        else:
            await self.app.run_action("back")
        self.redraw()
