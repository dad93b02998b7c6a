"""The few rows of a long split that are held in memory, and which are to be read next; it reads nothing.

A row is held as the first characters of each cell, so that neither many rows nor long ones fill the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

CHUNK_ROWS = 64
"""The most rows of one read."""
HELD_CELLS = 40_000
"""About how many cells are held; a table of very many columns holds few rows."""

Kind = Literal["text", "number", "null", "other"]


class Cell(NamedTuple):
    """The beginning of one value, harmless to draw, on one line."""

    text: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Line:
    """One row as a list shows it.

    Args:
        number: The row's number in its split, from 0.
        cells: One for each column.
    """

    number: int
    cells: tuple[Cell, ...]


class Window:
    """The lines around the place that is looked at, by position.

    Args:
        columns: How many cells a line has.
    """

    def __init__(self, columns: int) -> None:
        self.chunk = max(min(CHUNK_ROWS, HELD_CELLS // max(columns, 1) // 8), 8)
        self._held = max(HELD_CELLS // max(columns, 1), 4 * self.chunk)
        self._sight = (0, 0)
        self._lines: dict[int, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, position: int) -> Line | None:
        """The line at a position; None where it is not held."""
        return self._lines.get(position)

    def missing(self, first: int, stop: int, count: int) -> range | None:
        """What to read next: what is in sight, then what comes after it, then what came before.

        Args:
            first: The first position in sight.
            stop: The position after the last one in sight.
            count: How many positions there are.

        Returns:
            Positions to read, at most `chunk`; None when all of them are held.
        """
        self._sight = (first, stop)
        for start, end in ((first, stop), (stop, stop + self.chunk)):
            for position in range(max(start, 0), min(end, count)):
                if position not in self._lines:
                    return self._from(position, count)
        for position in range(min(first, count) - 1, max(first - self.chunk, 0) - 1, -1):
            if position not in self._lines:
                return self._until(position)
        return None

    def put(self, first: int, lines: Sequence[Line]) -> None:
        """Hold lines from a position on, and let go of those that are far from what was last in sight."""
        self._lines.update(enumerate(lines, start=first))
        if len(self._lines) > self._held:
            start, end = self._sight[0] - self._held // 2, self._sight[1] + self._held // 2
            self._lines = {at: line for at, line in self._lines.items() if start <= at < end}

    def _from(self, position: int, count: int) -> range:
        end = position
        while end < min(position + self.chunk, count) and end not in self._lines:
            end += 1
        return range(position, end)

    def _until(self, position: int) -> range:
        start = position
        while start > max(position - self.chunk + 1, 0) and start - 1 not in self._lines:
            start -= 1
        return range(start, position + 1)
