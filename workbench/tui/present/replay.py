"""A run that is over, gone through again: where on the axis it is now, and how fast it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.widgets.plot import Series

USUAL_SECONDS = 20.0
"""What all of a run takes at first."""
FASTER = 2.0
UNITS = {"": "steps", "tokens": "tokens", "seconds": "seconds"}


@dataclass(frozen=True)
class Replay:
    """A place on an axis from `low` to `high` that moves by `speed` of its units a second."""

    low: float
    high: float
    at: float
    speed: float

    @property
    def over(self) -> bool:
        """Whether all of it has been shown."""
        return self.at >= self.high

    def on(self, seconds: float) -> Replay:
        """Where it is so many seconds later."""
        return replace(self, at=min(self.at + seconds * self.speed, self.high))

    def faster(self, times: int) -> Replay:
        """Twice as fast, so many times; half as fast for each time below zero."""
        return replace(self, speed=self.speed * FASTER**times)

    def told(self, unit: str) -> str:
        """Where it is and how fast it goes, in a line."""
        pace = f"{self.speed:,.3g} {UNITS.get(unit, unit)} a second"
        keys = "{key:runs.replay_slower} slower, {key:runs.replay_faster} faster"
        return f"replay at {self.at:,.0f}, {pace}: {keys}"


def begin(drawn: Sequence[Series]) -> Replay | None:
    """The beginning of what is drawn; None where nothing is."""
    known = [series for series in drawn if series.xs]
    if not known:
        return None
    low, high = min(series.xs[0] for series in known), max(series.xs[-1] for series in known)
    return Replay(low, high, low, max(high - low, 1.0) / USUAL_SECONDS)
