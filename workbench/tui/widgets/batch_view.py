"""A batch as the model gets it: a line per row, a sign per place, so that padding is seen at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.geometry import Size

from workbench.tui.clean import safe
from workbench.tui.glyphs import Glyphs
from workbench.tui.widgets.surface import Row, Surface, blank, put

PLACES: Mapping[str, tuple[str, str, str]] = {
    "t": ("▄", "#", "$accent"),
    "c": ("▂", "-", "$muted"),
    "p": ("·", ".", "$faint"),
    "|": ("│", "|", "$border"),
}
"""What a place holds (trained, context, padding; a bar stands between encoder and decoder), and its sign."""


class BatchView(Surface):
    """The rows of one batch under each other."""

    DEFAULT_CSS = """
    BatchView { height: auto; max-height: 10; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[str, ...] = ()
        self._first = 0

    def show(self, lines: Sequence[str], first: int) -> None:
        """Show a batch.

        Args:
            lines: Each a letter per place, `t`, `c`, `p` or `|`.
            first: The number of the first row.
        """
        before, self._lines, self._first = self._lines, tuple(lines), first
        places = [letter for line in lines for letter in line if letter != "|"]
        share = places.count("p") / len(places) if places else 0.0
        self.border_title = safe(f"batch of {len(lines)} rows, {share:.0%} padding")
        if len(before) != len(lines):
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 (Textual's)
        """A line per row."""
        return len(self._lines)

    def draw(self, width: int, height: int) -> list[Row]:
        """The rows, drawn to one scale."""
        labels = [f"{self._first + at:,}" for at in range(len(self._lines))]
        widest = max(map(len, labels), default=0)
        return [
            draw_line(line, label.rjust(widest), width, self.signs)
            for line, label in zip(self._lines[:height], labels, strict=False)
        ]


def draw_line(line: str, label: str, width: int, signs: Glyphs) -> Row:
    """A row's number, then its places; where there are more than cells, a cell shows what most of its are."""
    row = blank(width)
    start = put(row, 0, label, "$muted") + 1
    room = max(width - start, 1)
    step = max(len(line) / room, 1.0)
    for x in range(min(room, len(line))):
        part = line[int(x * step) : max(int((x + 1) * step), int(x * step) + 1)]
        letter = "|" if "|" in part else max("tcp", key=part.count)
        sign, plain, style = PLACES[letter]
        put(row, start + x, sign if signs.braille else plain, style)
    return row
