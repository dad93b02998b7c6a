"""One metric of one run as it is measured, and as it is drawn: raw and smoothed, over steps or anything else.

Pure; it knows no widget, no store and no words.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

from workbench.tui.widgets.plot import Series

Measured = tuple[float, float, float]
"""A point: step, value, and seconds since the epoch."""
Place = Callable[[float, float], float | None]
"""From a point's step and time to its x; None where it has none."""

MOST_POINTS = 20_000
"""A curve that has grown beyond this is thinned, spikes and gaps apart."""
THIN_SPANS = 2_000


class Average:
    """An exponential moving average without the pull towards zero at its beginning (Adam's correction).

    Args:
        weight: What the average so far counts against a new value, 0 to below 1.
    """

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._total = 0.0
        self._left = 1.0

    def add(self, value: float) -> float:
        """Take a value and return the average; one that is no number comes back and is not counted."""
        if not math.isfinite(value):
            return value
        self._total = self._weight * self._total + (1.0 - self._weight) * value
        self._left *= self._weight
        return self._total / (1.0 - self._left)


class Curve:
    """Points in order of steps; one at or before the last step first cuts the curve there: a run went back.

    Args:
        points: What is known at first.
    """

    def __init__(self, points: Iterable[Measured] = ()) -> None:
        self.steps = array("d")
        self.values = array("d")
        self.times = array("d")
        self._series: tuple[object, Place, Average | None, Series, Series | None] | None = None
        self._drawn = 0
        self.extend(points)

    def extend(self, points: Iterable[Measured]) -> None:
        """Append points."""
        for step, value, time in points:
            if self.steps and step <= self.steps[-1]:
                self._replace(bisect_left(self.steps, step), len(self.steps), ())
            self.steps.append(step)
            self.values.append(value)
            self.times.append(time)
        if len(self.steps) > MOST_POINTS:
            self._replace(0, len(self.steps), thinned(list(self), THIN_SPANS))

    def refine(self, points: list[Measured]) -> None:
        """Put finer points in the place of those between the first and the last of them."""
        if points:
            start, stop = bisect_left(self.steps, points[0][0]), bisect_right(self.steps, points[-1][0])
            if stop - start < len(points):
                self._replace(start, stop, points)

    def series(self, kind: object, place: Place, weight: float) -> tuple[Series, Series | None]:
        """The curve over an axis, and smoothed unless the weight is 0; only what is new is worked out.

        Args:
            kind: Names the axis and weight; with another one all is worked out again.
            place: Where on the axis a point lies.
            weight: Of the moving average.
        """
        if self._series is None or self._series[0] != kind:
            smooth = (Average(weight), Series()) if weight else (None, None)
            self._series = (kind, place, smooth[0], Series(), smooth[1])
            self._drawn = 0
        _, _, average, raw, smoothed = self._series
        for index in range(self._drawn, len(self.steps)):
            x = place(self.steps[index], self.times[index])
            if x is None:
                continue
            x = max(x, raw.xs[-1]) if raw.xs else x  # a clock may be set back
            raw.add(x, self.values[index])
            if average is not None and smoothed is not None:
                smoothed.add(x, average.add(self.values[index]))
        self._drawn = len(self.steps)
        return raw, smoothed

    def at(self, step: float) -> float | None:
        """The value at a step between the points, in proportion; from the last two beyond them.

        For a curve that only rises from 0, as a count does.
        """
        if not self.steps:
            return None
        after = min(bisect_left(self.steps, step), len(self.steps) - 1)
        x0, y0 = (self.steps[after - 1], self.values[after - 1]) if after else (0.0, 0.0)
        x1, y1 = self.steps[after], self.values[after]
        return y1 if x1 == x0 else y0 + (y1 - y0) * (step - x0) / (x1 - x0)

    def __iter__(self) -> Iterator[Measured]:
        return zip(self.steps, self.values, self.times, strict=True)

    def _replace(self, start: int, stop: int, points: Iterable[Measured]) -> None:
        columns = list(zip(*points, strict=True)) or [(), (), ()]
        self.steps[start:stop] = array("d", columns[0])
        self.values[start:stop] = array("d", columns[1])
        self.times[start:stop] = array("d", columns[2])
        self._series = None


def thinned(points: list[Measured], spans: int) -> list[Measured]:
    """Cut the steps into equal spans; keep of each the lowest, highest and first that is no number."""
    if not points:
        return []
    first, width = points[0][0], (points[-1][0] - points[0][0]) / spans or 1.0
    kept: dict[tuple[int, str], Measured] = {(0, "first"): points[0], (spans, "last"): points[-1]}
    for point in points:
        span, value = int((point[0] - first) / width), point[1]
        if not math.isfinite(value):
            kept.setdefault((span, "gap"), point)
            continue
        if value < kept.setdefault((span, "low"), point)[1]:
            kept[span, "low"] = point
        if value > kept.setdefault((span, "high"), point)[1]:
            kept[span, "high"] = point
    return sorted(set(kept.values()), key=lambda point: point[0])
