"""Losses in a few cells each: a line of the run list that grows from left to right as its run goes on."""

from __future__ import annotations

import math
from collections.abc import Iterable

from textual.content import Content

from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present.cells import BAD, QUIET

WIDTH = 16
"""Cells of a line over all of a run's steps."""


class Spark:
    """The highest loss of each of the equal parts of a run, so that no spike is lost; a NaN is one."""

    def __init__(self) -> None:
        self._highest: dict[int, float] = {}
        self._last = 0.0
        self._drawn: tuple[Glyphs, Content] | None = None

    def add(self, points: Iterable[tuple[float, float]], steps: int) -> None:
        """Take values by step, of so many steps in all; a step that goes back takes the later ones away."""
        self._drawn = None
        for step, value in points:
            part = min(int(max(step - 1, 0) * WIDTH / max(steps, step, 1)), WIDTH - 1)
            if step <= self._last:
                self._highest = {at: high for at, high in self._highest.items() if at < part}
            known = self._highest.get(part)
            if known is None or not math.isfinite(value) or value > known:
                self._highest[part] = value
            self._last = step

    def join(self, later: Spark) -> None:
        """Take over what another line of the same run has that came later."""
        self._drawn = None
        for part, value in later._highest.items():
            known = self._highest.get(part, -math.inf)
            self._highest[part] = value if not math.isfinite(value) or value > known else known
        self._last = max(self._last, later._last)

    def draw(self, signs: Glyphs = UNICODE) -> Content:
        """The line: as high as a loss is between the lowest and the highest; drawn once until it changes."""
        if self._drawn is None or self._drawn[0] is not signs:
            self._drawn = (signs, self._draw(signs))
        return self._drawn[1]

    def _draw(self, signs: Glyphs) -> Content:
        finite = [value for value in self._highest.values() if math.isfinite(value)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        parts: list[tuple[str, str]] = []
        for part in range(max(self._highest, default=-1) + 1):
            value = self._highest.get(part)
            if value is None:
                parts.append((" ", ""))
            elif not math.isfinite(value):
                parts.append(("×", BAD))
            else:
                share = (value - low) / ((high - low) or 1.0)
                parts.append((signs.ramp[round(share * (len(signs.ramp) - 1))], QUIET))
        return Content.assemble(*parts)
