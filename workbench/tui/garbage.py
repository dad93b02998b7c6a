"""When Python looks for garbage among all that the screens hold: seldom, and while no key waits for it."""

from __future__ import annotations

import gc
from collections.abc import Callable

COLLECTED_AFTER = (5_000, 10, 100)
"""Objects, and collections of the young and of the older: a key makes more objects than Python's own 700."""
LOOK_SECONDS = 5.0
QUIET_SECONDS = 1.0
MOST_PUT_OFF = 3
"""Where there is no quiet moment it is looked for all the same: a day of it would fill the memory."""


def collect_rarely() -> None:
    """Keep the screens from standing still; `Sweeper` and `app.run_app` see to what is left."""
    gc.set_threshold(*COLLECTED_AFTER)


class Sweeper:
    """Has all garbage collected in quiet moments.

    Args:
        quiet: For how many seconds no key has come.
    """

    def __init__(self, quiet: Callable[[], float]) -> None:
        self._quiet = quiet
        self._put_off = 0

    def look(self) -> None:
        """Collect, unless nothing has been made since or keys are coming; called every `LOOK_SECONDS`."""
        _, _, collected_before = gc.get_count()
        if not collected_before:
            return
        self._put_off += 1
        if self._quiet() >= QUIET_SECONDS or self._put_off >= MOST_PUT_OFF:
            self._put_off = 0
            gc.collect()
