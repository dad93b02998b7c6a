"""Long texts under headings: wrapped, scrolled, searched; only what is in sight is made into cells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import get_character_cell_size
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from store import patterns
from workbench.tui import actions
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put

READING_WIDTH = 120
"""Lines longer than this are hard to read."""
HEADING_STYLE = "$muted"
CURRENT_STYLE = "bold $accent"
HIT_STYLE = "underline bold $warning"
CURRENT_HIT_STYLE = "reverse bold $warning"


@dataclass(frozen=True)
class Section:
    """One text with its heading.

    Args:
        title: The heading.
        text: Harmless to draw, with its line feeds.
        note: Stands quietly after the heading.
    """

    title: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class TextLine:
    """A line of the layout: characters `start` to `end` of a section's text; its heading where `end` < 0."""

    section: int
    start: int
    end: int


def fold(text: str, width: int) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end when none may be wider than `width` cells.

    Lines are broken at a space where there is one, else within the word.
    """
    lines: list[tuple[int, int]] = []
    narrow = text.isascii()
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        lines += _fold_paragraph(text, start, end, width, narrow=narrow)
        start = end + 1
    return lines


def _fold_paragraph(text: str, start: int, end: int, width: int, *, narrow: bool) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    while True:
        stop = min(start + width, end) if narrow else _reach(text, start, end, width)
        if stop >= end:
            return [*lines, (start, end)]
        space = text.rfind(" ", start + 1, stop + 1)
        if space < 0 or not text[start:space].strip():
            lines.append((start, stop))
            start = stop
        else:
            lines.append((start, space))
            start = space + 1


def _reach(text: str, start: int, end: int, width: int) -> int:
    """The first character that does not fit; at least one does."""
    used = 0
    for at in range(start, end):
        used += get_character_cell_size(text[at])
        if used > width and at > start:
            return at
    return end


class TextView(Surface, can_focus=True):
    """Sections below each other; one of them is the current one."""

    scope: ClassVar[str] = "reader"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("reader")

    @dataclass
    class Closed(Message):
        """The user is done with reading."""

        view: TextView

    @dataclass
    class Turned(Message):
        """The user wants the texts after (1) or before (-1) these."""

        view: TextView
        step: int

    @dataclass
    class Copied(Message):
        """The current section is to be copied."""

        view: TextView

    @dataclass
    class Moved(Message):
        """Another part is in sight, or another section is the current one."""

        view: TextView

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._sections: tuple[Section, ...] = ()
        self._lines: list[TextLine] = []
        self._heads: list[int] = []
        self._width = 0
        self._top = 0
        self._section = 0
        self._text = ""
        self._hits: list[tuple[int, int, int]] = []
        self._hit = -1

    def show(self, sections: Sequence[Section], current: int = 0, search: str = "") -> None:
        """Show other texts.

        Args:
            sections: The texts.
            current: The one to begin with.
            search: What is looked for in them.
        """
        self._sections = tuple(sections)
        self._width = 0
        self._top, self._section = 0, min(current, max(len(sections) - 1, 0))
        self._find(search)
        self._lay_out(self.size.width)
        if self._section < len(self._heads):
            self._top = self._heads[self._section]
        near = [at for at, hit in enumerate(self._hits) if hit[0] >= self._section]
        self._hit = near[0] if near else -1
        self._show_hit()
        self._changed()

    @property
    def section(self) -> int:
        """The index of the current section."""
        return self._section

    @property
    def search_text(self) -> str:
        """What is looked for."""
        return self._text

    @property
    def match(self) -> str:
        """Which match of how many is the current one."""
        if not self._text:
            return ""
        return f"match {self._hit + 1:,} of {len(self._hits):,}" if self._hits else "no match"

    def search(self, text: str) -> None:
        """Look for a regular expression, from what is in sight on; an empty one ends the search."""
        self._find(text)
        if self._hits:
            first = self._lines[min(self._top, len(self._lines) - 1)]
            self._hit = bisect_left(self._hits, (first.section, max(first.start, 0), 0)) % len(self._hits)
        self._show_hit()
        self._changed()

    def request_copy(self) -> None:
        """Have the current section copied in full, which may be more than is shown."""
        self.post_message(self.Copied(self))

    def draw(self, width: int, height: int) -> list[Row]:
        """The lines in sight."""
        self._lay_out(width)
        self._top = max(min(self._top, len(self._lines) - height), 0)
        rows = [self._draw_line(line, width) for line in self._lines[self._top : self._top + height]]
        rows += [blank(width) for _ in range(height - len(rows))]
        self._draw_position(rows, height)
        return rows

    # Layout and drawing

    def _lay_out(self, width: int) -> None:
        if width == self._width or not width:
            return
        self._width = width
        anchor = self._lines[self._top] if self._top < len(self._lines) else None
        self._lines, self._heads = [], []
        for index, section in enumerate(self._sections):
            if index:
                self._lines.append(TextLine(index, 0, 0))
            self._heads.append(len(self._lines))
            self._lines.append(TextLine(index, 0, -1))
            if section.text:
                folded = fold(section.text, min(max(width - 2, 1), READING_WIDTH))
                self._lines += [TextLine(index, start, end) for start, end in folded]
        if anchor is not None and anchor.section < len(self._heads):
            self._top = self._line_of(anchor.section, max(anchor.start, 0))

    def _draw_line(self, line: TextLine, width: int) -> Row:
        row = blank(width)
        section = self._sections[line.section]
        if line.end < 0:
            current = line.section == self._section
            x = put(row, 0, section.title, CURRENT_STYLE if current else HEADING_STYLE)
            put(row, x, f"  {section.note}", "$faint")
            return row
        text = Content(section.text[line.start : line.end])
        # Matches are in order and none overlaps another: those that touch this line stand together.
        at = max(bisect_right(self._hits, (line.section, line.start, 0)) - 1, 0)
        for number, (where, start, end) in enumerate(self._hits[at:], start=at):
            if (where, start) >= (line.section, line.end):
                break
            if where == line.section and end > line.start:
                style = CURRENT_HIT_STYLE if number == self._hit else HIT_STYLE
                text = text.stylize(style, max(start - line.start, 0), end - line.start)
        return (cells(text) + row)[:width]

    def _draw_position(self, rows: Sequence[Row], page: int) -> None:
        count = len(self._lines)
        if count <= page:
            return
        length = max(page * page // count, 1)
        start = round(self._top * (page - length) / max(count - page, 1))
        for row in rows[start : start + length]:
            row[-1] = ("▐", "$border")

    def _line_of(self, section: int, start: int) -> int:
        """The line on which a character of a section stands."""
        first = self._heads[section] + 1
        last = self._heads[section + 1] - 1 if section + 1 < len(self._heads) else len(self._lines)
        starts = [line.start for line in self._lines[first:last]]
        return first + max(bisect_right(starts, start) - 1, 0)

    # Moving and searching

    def _find(self, text: str) -> None:
        self._text, self._hit = text, -1
        if not text:
            self._hits = []
            return
        sought = patterns.lenient(text)
        self._hits = [
            (index, match.start(), match.end())
            for index, section in enumerate(self._sections)
            for match in sought.finditer(section.text)
            if match.end() > match.start()
        ]

    def _show_hit(self) -> None:
        if not 0 <= self._hit < len(self._hits) or not self._lines:
            return
        section, start, _ = self._hits[self._hit]
        line, height = self._line_of(section, start), max(self.size.height, 1)
        self._section = section
        if not self._top < line < self._top + height:
            self._top = line - height // 3

    def _changed(self) -> None:
        self._top = max(min(self._top, len(self._lines) - self.size.height), 0)
        self.redraw()
        self.post_message(self.Moved(self))

    def _go(self, top: int) -> None:
        self._top = max(min(top, len(self._lines) - self.size.height), 0)
        # The current section is one that can be seen.
        if self._heads:
            first = bisect_right(self._heads, self._top) - 1
            last = bisect_right(self._heads, self._top + self.size.height - 1) - 1
            self._section = min(max(self._section, first), last)
        self._changed()

    def _step_section(self, step: int) -> None:
        if self._sections:
            self._section = min(max(self._section + step, 0), len(self._sections) - 1)
            self._top = self._heads[self._section]
            self._changed()

    def step_hit(self, step: int) -> bool:
        """Go to the next match or the one before; False when there is none."""
        if self._hits:
            self._hit = (self._hit + step) % len(self._hits)
            self._show_hit()
            self._changed()
        return bool(self._hits)

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

    def action_first(self) -> None:
        """The beginning."""
        self._go(0)

    def action_last(self) -> None:
        """The end."""
        self._go(len(self._lines))

    def action_half_down(self) -> None:
        """Half a page down."""
        self._go(self._top + max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._go(self._top - max(self.size.height // 2, 1))

    def action_next_section(self) -> None:
        """The next section."""
        self._step_section(1)

    def action_previous_section(self) -> None:
        """The section before."""
        self._step_section(-1)

    def action_next_text(self) -> None:
        """The texts after these."""
        self.post_message(self.Turned(self, 1))

    def action_previous_text(self) -> None:
        """The texts before these."""
        self.post_message(self.Turned(self, -1))

    def action_close(self) -> None:
        """Go back to where the texts were opened."""
        self.post_message(self.Closed(self))
