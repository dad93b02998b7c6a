"""When Python looks for garbage among all that the screens hold: seldom, and while no key waits for it.

Each screen is a hundred thousand objects that stay. They are set apart (`gc.freeze`) once they are there: to
look them over takes a fifth of a second. What is garbage by then has to go before, or it would stay for ever.
"""

from __future__ import annotations

import gc
import time

COLLECTED_AFTER = (5_000, 10, 100)
"""Objects, and collections of the young and of the older: a key makes more objects than Python's own 700."""
LOOK_SECONDS = 1.0
SWEEP_SECONDS = 5.0
"""There are so many between one sweep and the next."""
QUIET_SECONDS = 0.4
"""So long no key has come: longer than between two of somebody who types or holds one down."""
LATEST_SECONDS = 30.0
"""Where there is no quiet moment it is swept all the same: a day of it would fill the memory."""


def collect_rarely() -> None:
    """Let `Sweeper` do what Python would do by itself, in the middle of a key."""
    gc.set_threshold(*COLLECTED_AFTER)


class Sweeper:
    """Has garbage collected in quiet moments, and sets what stays apart."""

    def __init__(self) -> None:
        self._swept = time.monotonic()
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
        since = time.monotonic() - self._swept
        wanted = QUIET_SECONDS if since < LATEST_SECONDS else 0.0
        _, _, collected_before = gc.get_count()
        if since < SWEEP_SECONDS or quiet_seconds < wanted or not (collected_before or self._fresh):
            return
        gc.collect()
        if self._fresh:
            self._fresh = False
            gc.freeze()
        self._swept = time.monotonic()
