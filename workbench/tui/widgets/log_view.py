"""The tail of a log file of any size: a thread finds the lines; those in sight are read when drawn.

What is looked for is found by another thread, and shown in the lines in sight.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType

from store import patterns
from workbench.tui import actions
from workbench.tui.clean import LIMIT, clean, safe
from workbench.tui.line_index import LineIndex
from workbench.tui.log_search import LogSearch
from workbench.tui.sentences import keyed
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put
from workbench.tui.widgets.text_view import CURRENT_HIT_STYLE, HIT_STYLE

POLL_SECONDS = 0.5
SIDE_STEP = 16
NAMED_TEXT = 40
MATCH_KEYS = "{key:log.next_match} next  {key:log.previous_match} before  {key:app.back} end"


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
        self._title = title
        self.border_title = safe(title) if title else None
        self.empty = "nothing logged yet"
        self.follow = True
        self._index = LineIndex(path) if path is not None else None
        self._top = 0
        self._left = 0
        self._reading = False
        self._search: LogSearch | None = None

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
        self.apply_filter("")
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
        # A file that was replaced may be shorter than the line that one was at.
        self._top = self._last_top if self.follow else min(self._top, self._last_top)
        search = self._search
        if search is not None and search.is_of_before:
            self.apply_filter("")
            self.apply_filter(search.text)
        elif search is not None:
            self._look_on(search)
            self._looked(search)
        self.redraw()

    # What is looked for

    @property
    def filter_text(self) -> str:
        """What is looked for."""
        return self._search.text if self._search is not None else ""

    def apply_filter(self, text: str) -> None:
        """Look for a regular expression from the line on that was looked at last, else from the top one."""
        before, index = self._search, self._index
        if text == self.filter_text:
            return
        if before is not None:
            before.stopped = True
        self._search = None
        if text and index is not None:
            origin = before.origin if before is not None else self._top
            self._search = LogSearch(text, patterns.lenient(text), index, origin)
            self._look_on(self._search)
        self._tell_search()
        self.redraw()

    def filter_undo(self) -> Callable[[], None]:
        """What brings back what was looked for, and the lines that are in sight now.

        Where another file is shown meanwhile, nothing is looked for there, and its own lines stay in sight.
        """
        search, place = self._search, (self._top, self._left, self.follow)
        index = self._index
        generation = index.generation if index is not None else 0

        def undo() -> None:
            if self._index is not index or (index is not None and index.generation != generation):
                self.apply_filter("")
                return
            self.apply_filter(search.text if search is not None else "")
            if self._search is not None and search is not None:
                self._search.line = search.line
            self._top, self._left, self.follow = place
            self.redraw()

        return undo

    def _look_on(self, search: LogSearch) -> None:
        if search is not self._search or not self.is_attached:
            return
        search.look_at_the_end()
        if search.running or not search.is_behind:
            return
        search.running = True
        app = self.app

        def look() -> None:
            search.run(lambda: app.call_later(self._looked, search))
            # Lines may have come after it saw the end and before it was done.
            app.call_later(self._look_on, search)

        self.run_worker(look, thread=True, group="log-search", exit_on_error=False)

    def _looked(self, search: LogSearch) -> None:
        if search is not self._search or not self.is_attached:
            return
        if search.line is None and (goal := search.goal) is not None:
            self._go_to_match(search, goal)
        self._tell_search()

    def _go_to_match(self, search: LogSearch, line: int) -> None:
        """Show a line that was found, with what was found in it."""
        search.line = line
        width, height = self.size
        found = next((search.wanted.search(text) for text in self._read(line, 1)), None)
        if found is not None and not self._left <= found.start() < self._left + width:
            self._left = max(found.start() - width // 2, 0) // SIDE_STEP * SIDE_STEP
        if not self._top <= line < self._top + height:
            self._go(line - height // 3)
        self.redraw()
        self._tell_search()

    def _tell_search(self) -> None:
        # The place stands above: the line that is typed in hides what stands below.
        search = self._search
        told = f"/{clean(search.text, NAMED_TEXT)}  {search.told}" if search is not None else ""
        self.border_title = safe("  ".join(filter(None, (self._title, told)))) or None
        self.border_subtitle = (
            safe(keyed(self, MATCH_KEYS)) if search is not None and self.has_focus else None
        )

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show which keys go through what was found, while they do."""
        super().watch_has_focus(has_focus)
        self._tell_search()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 (Textual's)
        """Leave the keys of what was found to the screen while nothing is looked for."""
        return self._search is not None or action not in ("next_match", "previous_match")

    def action_next_match(self) -> None:
        """The next line that was found, after the one that was gone to while that is in sight."""
        search = self._search
        if search is not None and (line := search.after(self._from(search, self._top - 1))) is not None:
            self._go_to_match(search, line)

    def action_previous_match(self) -> None:
        """The line before that was found."""
        search = self._search
        below = self._top + self.size.height
        if search is not None and (line := search.before(self._from(search, below))) is not None:
            self._go_to_match(search, line)

    def _from(self, search: LogSearch, otherwise: int) -> int:
        seen = search.line is not None and self._top <= search.line < self._top + self.size.height
        return search.line if seen and search.line is not None else otherwise

    def copy_text(self) -> str:
        """The lines in sight."""
        return "\n".join(self._read(self._top, self.size.height))

    def draw(self, width: int, height: int) -> list[Row]:
        """The lines in sight, or what is missing."""
        if self.follow:
            self._top = self._last_top
        rows = []
        for number, text in enumerate(self._read(self._top, height), start=self._top):
            row = blank(width)
            put(row, 0, text[self._left :])
            if self._search is not None:
                self._mark_matches(row, text, self._search, number)
            rows.append(row)
        if not rows:
            rows.append((cells(self.empty, "$muted") + blank(width))[:width])
        rows += [blank(width) for _ in range(height - len(rows))]
        if not self.follow and self._index is not None:
            note = keyed(self, f" line {self._top + 1} of {self._index.count}, {{key:log.last}} follows ")
            put(rows[-1], max(width - len(note), 0), note, "$accent on $panel")
        return rows

    def _mark_matches(self, row: Row, text: str, search: LogSearch, number: int) -> None:
        style = CURRENT_HIT_STYLE if number == search.line else HIT_STYLE
        for found in search.wanted.finditer(text):
            start, end = max(found.start(), self._left), found.end()
            if start < end:
                put(row, cell_len(text[self._left : start]), text[start:end], style)

    def _read(self, first: int, count: int) -> list[str]:
        return self._index.lines(first, count) if self._index is not None else []

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
