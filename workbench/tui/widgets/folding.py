"""A text with labelled values, folded so that a long value goes on under itself and not under its label."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

GAP = "  "
"""Ends a label, which is a line's first part."""
LEAST = 12
"""A value that has less room than this goes on at the left edge."""


class Folding(Static):
    """Text like a `Static`'s, folded at its own width."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._told = Content()

    def tell(self, told: Content) -> None:
        """Show another text."""
        if not told.is_same(self._told):
            self._told = told
            self._fold(self.content_size.width)

    def on_resize(self, event: Resize) -> None:
        """Fold anew: the pane is wider now, or has got a scroll bar."""
        self._fold(event.size.width)

    def _fold(self, width: int) -> None:
        self.update(folded(self._told, width) if width else self._told)


def folded(told: Content, width: int) -> Content:
    """A text whose lines are no wider than `width` cells, with every value in its own column."""
    lines = [part for line in told.split("\n", allow_blank=True) for part in _parts(line, width)]
    return Content("\n").join(lines)


def _parts(line: Content, width: int) -> list[Content]:
    column = _value_column(line)
    if line.cell_length <= width or width - column < LEAST:
        return [line]
    label, value = line.divide([column]) if column else (Content(), line)
    first, *rest = value.wrap(width - column)
    return [label + first, *(part.pad_left(column) for part in rest)]


def _value_column(line: Content) -> int:
    """Where the value of a labelled line begins; 0 where there is no label."""
    if not line.spans or line.spans[0].start > 0:
        return 0
    end = line.spans[0].end
    return end if line.plain[:end].endswith(GAP) else 0
