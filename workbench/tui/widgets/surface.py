"""A widget drawn as rows of cells that writes only the spans that differ; the charts and lists stand on it.

Textual rewrites a dirty widget whole. On a far terminal that is the difference between kilobytes and bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from workbench.tui.clean import clean
from workbench.tui.glyphs import Glyphs, glyphs

Row = list[tuple[str, str]]
"""One screen line: a character and its style per cell. The cell after a wide character holds an empty one."""

CellText = str | Content
CLOSE_CELLS = 24


def blank(width: int, style: str = "") -> Row:
    """An empty line."""
    return [(" ", style)] * width


def put(row: Row, x: int, text: str, style: str = "", width: int | None = None) -> int:
    """Write text into a line from cell `x` on, cut at the end of the line or after `width` cells.

    Returns:
        The cell after the text.
    """
    end = len(row) if width is None else min(len(row), x + width)
    for character in text:
        size = get_character_cell_size(character)
        if size == 0:
            if 0 < x <= len(row):
                row[x - 1] = (row[x - 1][0] + character, row[x - 1][1])
            continue
        if x < 0 or x + size > end:
            break
        row[x] = (character, style)
        for filler in range(x + 1, x + size):
            row[filler] = ("", style)
        x += size
    return x


def put_cells(row: Row, x: int, drawn: Row) -> None:
    """Write cells into a line from cell `x` on, cut at the end of the line."""
    kept = drawn[: max(len(row) - x, 0)]
    row[x : x + len(kept)] = kept


def cells(text: CellText, style: str = "") -> Row:
    """Text or content as cells; a plain string counts as text from outside and is cleaned."""
    plain = clean(text) if isinstance(text, str) else text.plain
    styles = [style] * len(plain)
    for span in [] if isinstance(text, str) else text.spans:
        for index in range(max(span.start, 0), min(span.end, len(plain))):
            styles[index] = f"{styles[index]} {span.style}".strip()
    row: Row = []
    for character, own in zip(plain, styles, strict=True):
        size = get_character_cell_size(character)
        if size == 0:
            if row:
                row[-1] = (row[-1][0] + character, row[-1][1])
            continue
        row.append((character, own))
        row.extend([("", own)] * (size - 1))
    return row


def fit(row: Row, width: int, *, align: str = "left", ellipsis: str = "…") -> Row:
    """A copy of exactly `width` cells: padded, or cut with an ellipsis."""
    if len(row) > width:
        kept = row[: max(width - 1, 0)]
        if kept and get_character_cell_size(kept[-1][0][:1] or " ") == 2:
            kept[-1] = (" ", kept[-1][1])
        return [*kept, (ellipsis, row[width - 1][1])][:width]
    padding = blank(width - len(row))
    return padding + row if align == "right" else row + padding


def restyle(row: Row, style: str) -> Row:
    """A copy with a style added to every cell's own; a background (`on …`) has to come last in a style."""
    return [(character, f"{own} {style}".strip()) for character, own in row]


def changed_spans(old: Row, new: Row) -> list[tuple[int, int]]:
    """The parts of a line that differ, each from its first cell to its end, widened to whole characters.

    Parts that lie so close that moving the cursor costs as much as the cells between them are one.
    """
    if old == new:
        return []
    if len(old) != len(new):
        return [(0, max(len(old), len(new)))]
    spans: list[tuple[int, int]] = []
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        if spans and index - spans[-1][1] < CLOSE_CELLS:
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return [_whole_characters(old, new, *span) for span in spans]


def _whole_characters(old: Row, new: Row, first: int, end: int) -> tuple[int, int]:
    while first > 0 and (not old[first][0] or not new[first][0]):
        first -= 1
    while end < len(new) and (not old[end][0] or not new[end][0]):
        end += 1
    return first, end


class Surface(Widget):
    """A widget whose lines come from `draw`; `redraw` writes what differs from the last drawing."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []
        self._styles: dict[str, RichStyle] = {}

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The lines of the content area, at most `height` rows of `width` cells."""
        raise NotImplementedError

    @property
    def signs(self) -> Glyphs:
        """The signs to draw with."""
        return glyphs(self)

    @property
    def colourless(self) -> bool:
        """Whether the user asked for no colour (no-color.org)."""
        return self.app.no_color

    @property
    def reverses(self) -> bool:
        """Whether a cursor turns the colours round: no background of ours is known to suit all texts here."""
        return self.colourless or self.app.native_ansi_color

    @property
    def underlines(self) -> bool:
        """Whether a cursor out of focus is a line under its row: 16 colours have no shade for it."""
        variables = self.app.theme_variables
        return self.reverses or variables["panel"] == variables["background"]

    def redraw(self) -> None:
        """Draw again and refresh only the spans that changed."""
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return
        before, self._rows = self._rows, list(self.draw(width, height))
        if len(before) != len(self._rows):
            self.refresh()
            return
        found = (changed_spans(old, new) for old, new in zip(before, self._rows, strict=True))
        regions = [Region(first, y, end - first, 1) for y, spans in enumerate(found) for first, end in spans]
        if regions:
            self.refresh(*regions)

    def on_resize(self) -> None:
        """Draw for the new size; Textual repaints the whole widget by itself."""
        self._redraw_whole()

    def on_show(self) -> None:
        """Draw what came in while the widget was not shown."""
        self._redraw_whole()

    def _redraw_whole(self) -> None:
        width, height = self.size
        self._rows = list(self.draw(width, height)) if width and height else []
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show whether the keys work here. The events of the focus come before `has_focus` is true."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def notify_style_update(self) -> None:
        """Forget the parsed styles: the theme or the focus may have changed."""
        super().notify_style_update()
        self._styles = {}

    def render_line(self, y: int) -> Strip:
        """One line for the compositor."""
        base = self.visual_style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, base.rich_style)
        row = self._rows[y]
        segments = [
            Segment("".join(character for character, _ in group), self._rich_style(style, base))
            for style, group in groupby(row, key=lambda cell: cell[1])
        ]
        return Strip(segments, len(row))

    def _rich_style(self, style: str, base: Style) -> RichStyle:
        if style not in self._styles:
            self._styles[style] = (base + self.app.stylesheet.parse_style(style)).rich_style
        return self._styles[style]
