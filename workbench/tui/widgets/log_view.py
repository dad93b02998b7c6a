"""The tail of a log file of any size: a thread finds the lines; those in sight are read when drawn."""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from workbench.tui import actions
from workbench.tui.clean import LIMIT, clean, safe
from workbench.tui.sentences import keyed
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put

POLL_SECONDS = 0.5
CHUNK_BYTES = 1 << 20
LINE_BYTES = 4 * LIMIT
"""The most bytes of one line that are read: a line of 10 MB costs no more than a long one."""
SIDE_STEP = 16


class LineIndex:
    """Where the lines of a growing file begin, by byte offset.

    Args:
        path: The file, which may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("Q", [0])
        self._size = 0
        self._inode = 0

    @property
    def count(self) -> int:
        """How many lines there are; a last one without a line feed counts."""
        return len(self._starts) if self._size > self._starts[-1] else len(self._starts) - 1

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
        first = max(first, 0)
        stop = min(first + count, self.count)
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        try:
            return [self._line(descriptor, number) for number in range(first, stop)]
        finally:
            os.close(descriptor)

    def _line(self, descriptor: int, number: int) -> str:
        start = self._starts[number]
        end = self._starts[number + 1] - 1 if number + 1 < len(self._starts) else self._size
        text = os.pread(descriptor, min(end - start, LINE_BYTES), start).decode("utf-8", errors="replace")
        states = [state for state in text.split("\r") if state]
        return clean(states[-1] if states else "")


class LogView(Surface, can_focus=True):
    """Shows a log file and follows it while its end is in sight.

    Args:
        path: The file; None shows nothing.
        title: Stands in the border.
    """

    scope: ClassVar[str] = "log"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("log")

    def __init__(
        self,
        path: Path | None = None,
        *,
        title: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = safe(title) if title else None
        self.empty = "nothing logged yet"
        self.follow = True
        self._index = LineIndex(path) if path is not None else None
        self._top = 0
        self._left = 0
        self._reading = False

    @property
    def path(self) -> Path | None:
        """The file that is shown."""
        return self._index.path if self._index is not None else None

    @path.setter
    def path(self, path: Path | None) -> None:
        if path == self.path:
            return
        self._index = LineIndex(path) if path is not None else None
        self._top, self._left, self.follow = 0, 0, True
        self.redraw()
        self._poll()

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_interval(POLL_SECONDS, self._poll)
        self._poll()

    def _poll(self) -> None:
        index = self._index
        if index is None or self._reading or not self.is_mounted:
            return
        self._reading = True

        def read() -> None:
            try:
                new = index.grow()
            finally:
                self._reading = False
            if new and index is self._index:
                self.app.call_later(self._grown)

        self.run_worker(read, thread=True, group="log", exit_on_error=False)

    def _grown(self) -> None:
        if self.follow:
            self._top = self._last_top
        self.redraw()

    def copy_text(self) -> str:
        """The lines in sight."""
        return "\n".join(self._lines(self.size.height))

    def draw(self, width: int, height: int) -> list[Row]:
        """The lines in sight, or what is missing."""
        if self.follow:
            self._top = self._last_top
        rows = []
        for text in self._lines(height):
            row = blank(width)
            put(row, 0, text[self._left :])
            rows.append(row)
        if not rows:
            rows.append((cells(self.empty, "$muted") + blank(width))[:width])
        rows += [blank(width) for _ in range(height - len(rows))]
        if not self.follow and self._index is not None:
            note = keyed(self, f" line {self._top + 1} of {self._index.count}, {{key:log.last}} follows ")
            put(rows[-1], max(width - len(note), 0), note, "$accent on $panel")
        return rows

    def _lines(self, height: int) -> list[str]:
        return self._index.lines(self._top, height) if self._index is not None else []

    @property
    def _last_top(self) -> int:
        count = self._index.count if self._index is not None else 0
        return max(count - self.size.height, 0)

    def _go(self, top: int) -> None:
        self._top = min(max(top, 0), self._last_top)
        self.follow = self._top == self._last_top
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self._go(self._top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self._go(self._top - 3)

    def action_line_down(self) -> None:
        """Next line."""
        self._go(self._top + 1)

    def action_line_up(self) -> None:
        """Previous line."""
        self._go(self._top - 1)

    def action_left(self) -> None:
        """Back towards the beginning of long lines."""
        self._left = max(self._left - SIDE_STEP, 0)
        self.redraw()

    def action_right(self) -> None:
        """On towards the end of long lines."""
        self._left = min(self._left + SIDE_STEP, LIMIT)
        self.redraw()

    def action_first(self) -> None:
        """The beginning of the file."""
        self._go(0)

    def action_last(self) -> None:
        """The end of the file, and follow it."""
        self._go(self._last_top)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._go(self._top + max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._go(self._top - max(self.size.height // 2, 1))
