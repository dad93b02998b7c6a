"""What a pattern finds in a log while that is looked through on a thread, and the place among it.

The lines from the place on come first, then those before it, the nearest first: at the end of a long log
nobody waits until its beginning was read. What is found is kept as numbers of lines, so many at most.
"""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from workbench.tui.line_index import LineIndex

MOST_FOUND = 1_000_000
TELL_SECONDS = 0.1


class LogSearch:
    """One pattern in one log.

    Args:
        text: What was typed.
        wanted: The pattern that it is.
        index: The lines.
        origin: The line that one looks from.
    """

    def __init__(self, text: str, wanted: re.Pattern[str], index: LineIndex, origin: int) -> None:
        self.text, self.wanted, self.origin = text, wanted, origin
        self.line: int | None = None
        """The line that was gone to; None until one was found."""
        self.running = False
        self.stopped = False
        self._index, self._generation = index, index.generation
        self._found: array[int] = array("Q")
        self._low = self._high = min(origin, index.whole)
        self._last: int | None = None

    # On a thread

    def run(self, tell: Callable[[], object]) -> None:
        """Look through what has not been looked through.

        Args:
            tell: Called now and then when there is more, and at the end.
        """
        then = time.monotonic()
        try:
            while self._goes_on and self._step():
                if time.monotonic() - then > TELL_SECONDS:
                    then = time.monotonic()
                    tell()
        finally:
            self.running = False
            tell()

    @property
    def _goes_on(self) -> bool:
        return not self.stopped and not self.is_of_before and len(self._found) < MOST_FOUND

    def _step(self) -> bool:
        """Look through the next lines; False when there are none. Only the thread that runs calls it."""
        index = self._index
        if self._high < index.whole:
            stop = min(index.block_from(self._high), index.whole)
            self._found.extend(index.found(self.wanted, self._high, stop))
            self._high = stop
            return True
        if self._low > 0:
            first = index.block_until(self._low)
            self._found = index.found(self.wanted, first, self._low) + self._found
            self._low = first
            return True
        return False

    # On the loop

    @property
    def is_of_before(self) -> bool:
        """Whether the file was replaced since: what was found is nowhere."""
        return self._index.generation != self._generation

    @property
    def is_behind(self) -> bool:
        """Whether there are lines that were not looked through."""
        return self._goes_on and (self._high < self._index.whole or self._low > 0)

    def look_at_the_end(self) -> None:
        """Look at the last line, which has no line feed yet and may change."""
        index, last = self._index, self._index.whole
        self._last = last if index.count > last and len(index.found(self.wanted, last, last + 1)) else None

    @property
    def goal(self) -> int | None:
        """The first line that was found from the origin on, else the nearest one before; None without any."""
        found = self._found
        at = bisect_left(found, self.origin)
        if at < len(found):
            return found[at]
        if self._last is not None:
            return self._last
        return found[-1] if found and self._high >= self._index.whole else None

    def after(self, line: int) -> int | None:
        """The first line that was found after a line; the first of all where there is none."""
        found = self._found
        at = bisect_right(found, line)
        if at < len(found):
            return found[at]
        if self._last is not None and self._last > line:
            return self._last
        return found[0] if found else self._last

    def before(self, line: int) -> int | None:
        """The last line that was found before a line; the last of all where there is none."""
        found = self._found
        at = bisect_left(found, line)
        if at:
            return found[at - 1]
        return self._last if self._last is not None else found[-1] if found else None

    @property
    def told(self) -> str:
        """Where one stands: `3 of 17`, `3 of 17, searching 40%`, `no line matches`."""
        found, lines = self._found, max(self._index.whole, 1)
        count = len(found) + (self._last is not None)
        state = f", searching {100 * (self._high - self._low) // lines}%" if self.is_behind else ""
        if not count:
            return f"no line yet{state}" if state else "no line matches"
        place = "" if self.line is None else f"{bisect_left(found, self.line) + 1:,} of "
        more = " at least" if count >= MOST_FOUND else ""
        return f"{place}{count:,}{more}{state}"
