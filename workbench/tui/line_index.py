"""The lines of a log file of any size: where each begins, its text as it is drawn, and which ones match."""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from workbench.tui.clean import LIMIT, clean

CHUNK_BYTES = 1 << 20
LINE_BYTES = 4 * LIMIT
"""The most bytes of one line that are read: a line of 10 MB costs no more than a long one."""
BLOCK_BYTES = 1 << 18
"""So much is read at once where lines are looked through."""
BLOCK_LINES = 4096


class LineIndex:
    """Where the lines of a growing file begin, by byte offset.

    Args:
        path: The file, which may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        """Another one after the file was replaced, or cut: no line is what it was."""
        self._starts = array("Q", [0])
        self._size = 0
        self._inode = 0

    @property
    def count(self) -> int:
        """How many lines there are; a last one without a line feed counts."""
        return len(self._starts) if self._size > self._starts[-1] else len(self._starts) - 1

    @property
    def whole(self) -> int:
        """How many lines have their line feed, and will not change."""
        return len(self._starts) - 1

    def grow(self) -> bool:
        """Index what was appended since the last call; a file that was replaced is begun again.

        Returns:
            Whether there is anything new.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            status = os.fstat(descriptor)
            if status.st_ino != self._inode or status.st_size < self._size:
                self._starts, self._size, self._inode = array("Q", [0]), 0, status.st_ino
                self.generation += 1
            before = self._size
            while self._size < status.st_size and (chunk := os.pread(descriptor, CHUNK_BYTES, self._size)):
                self._add(chunk)
            return self._size != before
        finally:
            os.close(descriptor)

    def _add(self, chunk: bytes) -> None:
        found = chunk.find(b"\n")
        while found >= 0:
            self._starts.append(self._size + found + 1)
            found = chunk.find(b"\n", found + 1)
        self._size += len(chunk)

    def lines(self, first: int, count: int) -> list[str]:
        """Read lines, cleaned and cut; of a line that a progress bar drew over itself, its last state."""
        return list(self._texts(max(first, 0), first + count))

    def found(self, wanted: re.Pattern[str], first: int, stop: int) -> array[int]:
        """The numbers of the lines from `first` to before `stop` that match a pattern as they are drawn."""
        texts = enumerate(self._texts(first, stop), start=first)
        return array("Q", (number for number, text in texts if wanted.search(text)))

    def block_from(self, first: int) -> int:
        """The line before which to stop when lines are looked through from `first` on; at least one is."""
        starts = self._starts
        end = bisect_right(starts, starts[min(first, len(starts) - 1)] + BLOCK_BYTES)
        return min(max(end - 1, first + 1), first + BLOCK_LINES, self.count)

    def block_until(self, stop: int) -> int:
        """The line from which to begin when the lines before `stop` are looked through; at least one is."""
        starts = self._starts
        begin = bisect_right(starts, max(starts[min(stop, len(starts) - 1)] - BLOCK_BYTES, 0))
        return max(min(begin, stop - 1), stop - BLOCK_LINES, 0)

    def _texts(self, first: int, stop: int) -> Iterator[str]:
        starts, size = self._starts, self._size  # the file may be replaced while another thread reads
        stop = min(stop, len(starts) if size > starts[-1] else len(starts) - 1)
        if first >= stop:
            return
        ends = [*(start - 1 for start in starts[first + 1 : stop + 1]), size][: stop - first]
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if ends[-1] - starts[first] <= 2 * BLOCK_BYTES:
                block, origin = os.pread(descriptor, ends[-1] - starts[first], starts[first]), starts[first]
                for start, end in zip(starts[first:stop], ends, strict=True):
                    yield _drawn(block[start - origin : min(end - origin, start - origin + LINE_BYTES)])
            else:
                for start, end in zip(starts[first:stop], ends, strict=True):
                    yield _drawn(os.pread(descriptor, min(end - start, LINE_BYTES), start))
        finally:
            os.close(descriptor)


def _drawn(line: bytes) -> str:
    states = [state for state in line.decode("utf-8", errors="replace").split("\r") if state]
    return clean(states[-1] if states else "")
