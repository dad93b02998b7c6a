"""One of several texts read beside each other: marked parts, figures at its foot, a cursor over tokens.

It scrolls when its neighbours do: the keys ask whoever holds them all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.tui import actions
from workbench.tui.widgets.surface import Row, Surface, blank, cells, fit
from workbench.tui.widgets.text_view import fold

CURSOR_STYLE = "reverse"
WHEEL_LINES = 3
TO_THE_END = 10**9
"""More lines than a text has."""

Foot = Sequence[Sequence[Content]]
"""The lines at the foot, the most important first; of each the forms it may have, the longest first."""


class Mark(NamedTuple):
    """Characters `start` to `end` are drawn in a style."""

    start: int
    end: int
    style: str


@dataclass(frozen=True)
class Page:
    """What is shown.

    Args:
        text: Harmless to draw, with its line feeds.
        marks: In order; none overlaps another.
        tokens: Where each token begins and ends, in order; with some there is a cursor.
        foot: The lines below.
        growing: More is to come.
    """

    text: str = ""
    marks: tuple[Mark, ...] = ()
    tokens: tuple[tuple[int, int], ...] = ()
    foot: Foot = ()
    growing: bool = False


class AnswerView(Surface, can_focus=True):
    """A text in a column."""

    scope: ClassVar[str] = "answer"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("answer")

    @dataclass
    class Scrolled(Message):
        """The user wants to see what lies `by` lines further on, or a text from line `top` on."""

        view: AnswerView
        by: int = 0
        top: int | None = None

    @dataclass
    class Turned(Message):
        """The user wants the text to the right (1) or to the left (-1)."""

        view: AnswerView
        step: int

    @dataclass
    class Moved(Message):
        """The cursor came to another token."""

        view: AnswerView

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.page = Page()
        self._top = 0
        self._cursor = 0
        self._lines: list[tuple[int, int]] = []
        self._starts: list[int] = []
        self._laid_out: tuple[str, int] | None = None

    @property
    def cursor(self) -> int | None:
        """The index of the token under the cursor; None where the text has no tokens."""
        count = len(self.page.tokens)
        return min(self._cursor, count - 1) if count else None

    @property
    def top(self) -> int:
        """The first line in sight: the one asked for, or the last that leaves no room empty.

        Whoever follows a text that grows sees it move by half a page: on a far terminal each move is dear.
        """
        last = self.last_top
        if not self.page.growing or self._top <= last:
            return min(self._top, last)
        step = max(self._room(self.size.height) // 2, 1)
        return -(-last // step) * step

    @top.setter
    def top(self, line: int) -> None:
        if line != self._top:
            self._top = line
            self.redraw()

    @property
    def last_top(self) -> int:
        """The first line in sight when the end is."""
        self._lay_out(self.size.width)
        return max(len(self._lines) - self._room(self.size.height), 0)

    def show(self, page: Page) -> None:
        """Show another text, or more of it."""
        if page != self.page:
            self.page = page
            self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """The lines in sight, then the foot."""
        self._lay_out(width)
        room = self._room(height)
        rows = [self._draw_line(start, end, width) for start, end in self._lines[self.top : self.top + room]]
        rows += [blank(width) for _ in range(room - len(rows))]
        foot = [self._fitting(forms, width) for forms in self.page.foot[: height - room]]
        return [*rows, *foot]

    # Layout and drawing

    def _room(self, height: int) -> int:
        """Lines for the text: the foot gives way until the text has half of them."""
        return max(height - len(self.page.foot), (height + 1) // 2)

    def _lay_out(self, width: int) -> None:
        how = (self.page.text, width)
        if how != self._laid_out and width:
            self._laid_out = how
            self._lines = fold(self.page.text, width) if self.page.text else []
            self._starts = [start for start, _ in self._lines]

    def _draw_line(self, start: int, end: int, width: int) -> Row:
        text = Content(self.page.text[start:end])
        # Marks are in order: those that touch this line stand together.
        marks = self.page.marks
        at = max(bisect_right(marks, start, key=lambda mark: mark.start) - 1, 0)
        while at < len(marks) and marks[at].start < end:
            mark = marks[at]
            if mark.end > start:
                text = text.stylize(mark.style, max(mark.start - start, 0), mark.end - start)
            at += 1
        cursor = self.cursor
        if cursor is not None and self.has_focus:
            first, last = self.page.tokens[cursor]
            if first < end and last > start:
                text = text.stylize(CURSOR_STYLE, max(first - start, 0), last - start)
        return fit(cells(text), width, ellipsis=self.signs.ellipsis)

    def _fitting(self, forms: Sequence[Content], width: int) -> Row:
        chosen = next((form for form in forms if form.cell_length <= width), forms[-1])
        return fit(cells(chosen), width, ellipsis=self.signs.ellipsis)

    # Moving

    def _place(self, token: int) -> int:
        """The first character of a token that is seen: at a line's end the space before it is not."""
        start, end = self.page.tokens[token]
        text = self.page.text[start:end]
        return start + (len(text) - len(text.lstrip())) % max(len(text), 1)

    def _line_of(self, token: int) -> int:
        return max(bisect_right(self._starts, self._place(token)) - 1, 0)

    def _go(self, token: int) -> None:
        """Put the cursor on a token, and ask for its line to be in sight."""
        if not self.page.tokens:
            return
        self._cursor = min(max(token, 0), len(self.page.tokens) - 1)
        self._lay_out(self.size.width)
        line, room = self._line_of(self._cursor), self._room(self.size.height)
        if not self.top <= line < self.top + room:
            self.post_message(self.Scrolled(self, top=line if line < self.top else line - room + 1))
        self.redraw()
        self.post_message(self.Moved(self))

    def _step_lines(self, by: int) -> None:
        cursor = self.cursor
        if cursor is None:
            self.post_message(self.Scrolled(self, by))
            return
        line = self._line_of(cursor)
        target = min(max(line + by, 0), len(self._lines) - 1)
        if target == line:
            self._go(0 if by < 0 else len(self.page.tokens) - 1)
            return
        start, end = self._lines[target]
        wanted = min(start + self._place(cursor) - self._starts[line], end)
        self._go(bisect_right(self.page.tokens, wanted, key=lambda token: token[0]) - 1)

    def _step(self, by: int) -> None:
        cursor = self.cursor
        if cursor is None:
            self.post_message(self.Turned(self, by))
        else:
            self._go(cursor + by)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Tell where the cursor is, once it can move."""
        super().watch_has_focus(has_focus)
        if has_focus:
            self.post_message(self.Moved(self))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the token."""
        offset = event.get_content_offset(self)
        line = self.top + offset.y if offset is not None else len(self._lines)
        if offset is not None and line < len(self._lines):
            start, end = self._lines[line]
            wanted = min(start + offset.x, end)
            self._go(bisect_right(self.page.tokens, wanted, key=lambda token: token[0]) - 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self.post_message(self.Scrolled(self, WHEEL_LINES))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self.post_message(self.Scrolled(self, -WHEEL_LINES))

    def action_line_down(self) -> None:
        """The next line, or the token below."""
        self._step_lines(1)

    def action_line_up(self) -> None:
        """The line before, or the token above."""
        self._step_lines(-1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._step_lines(max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._step_lines(-max(self.size.height // 2, 1))

    def action_first(self) -> None:
        """The beginning."""
        self._step_lines(-TO_THE_END)

    def action_last(self) -> None:
        """The end."""
        self._step_lines(TO_THE_END)

    def action_right(self) -> None:
        """The text to the right, or the next token."""
        self._step(1)

    def action_left(self) -> None:
        """The text to the left, or the token before."""
        self._step(-1)
