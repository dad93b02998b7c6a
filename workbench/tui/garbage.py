"""When Python looks for garbage among all that the screens hold: seldom, and while no key waits for it.

Each screen is a hundred thousand objects that stay. They are set apart (`gc.freeze`) once they are there: to
look them over takes a fifth of a second. What is garbage by then has to go before, or it would stay for ever.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COLLECTED_AFTER = (60_000, 10, 100)
"""Objects more than went, and collections of the young and of the older.

Python's own 700 are made by one key, and even 5,000 are looked over for up to 18 ms while it waits. Whoever
reads a catalog of a hundred thousand meets this bound; for all others the sweeper comes before.
"""
LOOK_SECONDS = 1.0
WORTH_SWEEPING, TOO_MANY = 2_000, 50_000
"""Objects more than went since the last sweep.

Too many do not wait for a quiet moment, and all are looked over at every other look: what a window leaves
behind that changes its size all the time is old by then.
"""
EVERY_OTHER_LOOK = 1.5 * LOOK_SECONDS


@dataclass(frozen=True)
class Broom:
    """How often it is swept, in seconds.

    Where there is no quiet moment it is swept all the same in the end: a day of it would fill the memory.
    """

    every: float
    quiet: float
    latest: float

    def due(self, since: float, quiet: float) -> bool:
        """Whether it is time, so long after the last sweep and the last key."""
        return since >= self.latest or (since >= self.every and quiet >= self.quiet)


YOUNG = Broom(every=2.0, quiet=0.4, latest=30.0)
"""What was made lately; the quiet is longer than between two keys of somebody who types or holds one down."""
ALL = Broom(every=30.0, quiet=2.0, latest=60.0)
"""What has stayed since a screen was opened, too: this takes a tenth of a second."""


def collect_rarely() -> None:
    """Let `Sweeper` do what Python would do by itself, in the middle of a key."""
    gc.set_threshold(*COLLECTED_AFTER)


def let_frames_go() -> None:
    """Let what was drawn go as soon as something else is drawn.

    Textual keeps with each line what it was cut into, for the next frame. A line that is not cut is kept
    with itself, and would stay until garbage is looked for: nine tenths of all there is after a new size.
    """
    # Imported when there are screens: Textual reads its settings as it is imported.
    from textual.strip import Strip

    cut = Strip.divide

    def divide(strip: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
        places = list(cuts)
        return [strip] if places[:1] == [strip.cell_length] else cut(strip, places)

    Strip.divide = divide  # type: ignore[method-assign, assignment]


class Sweeper:
    """Has garbage collected in quiet moments, and sets what stays apart."""

    def __init__(self) -> None:
        self._swept = self._swept_all = time.monotonic()
        self._opened: set[str] = set()
        self._fresh = True

    def opened(self, screen: str) -> None:
        """Hear that a screen was opened; where it is the first time, what it holds is set apart."""
        self._fresh = self._fresh or screen not in self._opened
        self._opened.add(screen)

    def look(self, quiet_seconds: float) -> None:
        """Sweep if it is time; called every `LOOK_SECONDS`.

        Args:
            quiet_seconds: For how long no key has come.
        """
        now = time.monotonic()
        made, collected, swept = gc.get_count()
        worth = made >= WORTH_SWEEPING
        since, since_all = now - self._swept, now - self._swept_all
        young = YOUNG.due(since, quiet_seconds)
        too_many = (made >= TOO_MANY or collected > 0) and since >= EVERY_OTHER_LOOK
        if too_many or (young and self._fresh) or ((worth or swept) and ALL.due(since_all, quiet_seconds)):
            self._sweep_all()
        elif young and worth:
            gc.collect(1)
            self._swept = time.monotonic()

    def _sweep_all(self) -> None:
        _empty_caches()
        gc.collect()
        if self._fresh:
            self._fresh = False
            gc.freeze()
        self._swept = self._swept_all = time.monotonic()


def _empty_caches() -> None:
    """Empty what Textual keeps of what has been, and what would only be used again by chance.

    It caches a method by its object, so that a thousand closed widgets would stay with all that they drew,
    and tens of thousands of regions, of which a frame takes a hundred.
    """
    from textual._styles_cache import StylesCache
    from textual.css.scalar import Scalar
    from textual.geometry import Region

    for method in (StylesCache.get_inner_outer, Scalar.resolve, *vars(Region).values()):
        if hasattr(method, "cache_clear"):
            method.cache_clear()
