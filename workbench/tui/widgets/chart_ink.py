"""How a line chart is inked into cells: lines in braille or ASCII, gaps, axes. It knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from workbench.tui.glyphs import count_text, duration
from workbench.tui.widgets import plot
from workbench.tui.widgets.plot import Series, View
from workbench.tui.widgets.surface import Row, put

SERIES_STYLES = ("$series-1", "$series-2", "$series-3", "$series-4", "$series-5", "$series-6")
FAINT = "45%"
GAP_STYLE = "$error"
AXIS_STYLE = "$faint"
LABEL_STYLE = "$muted"
CURSOR_STYLE = "$accent"

# Which of the sub-columns of a line are inked, and how the legend shows that.
DASHES = ("1", "111100", "100", "111111110010", "1111111000", "110")
SAMPLES = ("──", "╌╌", "··", "─·", "━ ", "┄┄")
ASCII_MARKS = "*o+x#@%&"
ASCII_RAW = "."

_BRAILLE = 0x2800
_LEFT_DOTS = (0x01, 0x02, 0x04, 0x40)
_RIGHT_DOTS = (0x08, 0x10, 0x20, 0x80)
_ASCII_THIRDS = {1: "'", 2: "-", 4: ".", 3: "'", 6: ".", 5: ":", 7: "|"}
_FLAT_DOTS = 2


@dataclass
class Ink:
    """How one line is drawn.

    Args:
        style: Its colour.
        dash: Which of `DASHES`.
        mark: The character of its cells in ASCII; empty draws thirds of a cell.
        faint: Lies under all others, as a raw curve under its smoothed one.
        taken: The cells that lines have been drawn in so far; what is faint gives way there.
    """

    style: str
    dash: int = 0
    mark: str = ""
    faint: bool = False
    taken: set[tuple[int, int]] = field(default_factory=set)


Painter = Callable[[Sequence[Row], Series, View, int, Ink], None]


def line_style(index: int, *, faint: bool = False) -> str:
    """The colour of a series by its number."""
    style = SERIES_STYLES[index % len(SERIES_STYLES)]
    return f"{style} {FAINT}" if faint else style


def braille(rows: Sequence[Row], series: Series, view: View, left: int, ink: Ink) -> None:
    """Two by four dots per cell; where series meet, both are seen in the colour of the one in front."""
    width, height = len(rows[0]) - left, len(rows)
    kept, gaps = plot.bins(series, view, width * 2)
    masks: dict[tuple[int, int], int] = {}
    for column, top, bottom in _inked(plot.dots(kept, view, height * 4), ink.dash):
        bits = _RIGHT_DOTS if column % 2 else _LEFT_DOTS
        for dot in range(top, bottom + 1):
            cell = (dot // 4, column // 2)
            masks[cell] = masks.get(cell, 0) | bits[dot % 4]
    if not ink.faint:
        mark_gaps(rows, {column // 2 for column in gaps}, left)
    for (y, x), mask in masks.items():
        below = ord(rows[y][left + x][0]) - _BRAILLE
        # A faint line under a bright one would make that ragged: it is wiped out there.
        merged = 0 < below < 256 and (ink.faint or (y, x) in ink.taken)
        rows[y][left + x] = (chr(_BRAILLE | mask | (below if merged else 0)), ink.style)
    if not ink.faint:
        ink.taken |= masks.keys()


def ascii_art(rows: Sequence[Row], series: Series, view: View, left: int, ink: Ink) -> None:
    """One by three dots per cell, in characters that every terminal has."""
    width, height = len(rows[0]) - left, len(rows)
    kept, gaps = plot.bins(series, view, width)
    masks: dict[tuple[int, int], int] = {}
    for column, top, bottom in plot.dots(kept, view, height * 3):
        for dot in range(top, bottom + 1):
            cell = (dot // 3, column)
            masks[cell] = masks.get(cell, 0) | 1 << dot % 3
    if not ink.faint:
        mark_gaps(rows, set(gaps), left)
    for (y, x), mask in masks.items():
        rows[y][left + x] = (ink.mark or _ASCII_THIRDS[mask], ink.style)


def _inked(strokes: Iterable[tuple[int, int, int]], dash: int) -> Iterable[tuple[int, int, int]]:
    """The strokes of a dashed line; a steep one is drawn whole, since a spike might hide in a pause."""
    pattern = DASHES[dash % len(DASHES)]
    for column, top, bottom in strokes:
        if bottom - top >= _FLAT_DOTS or pattern[column % len(pattern)] == "1":
            yield column, top, bottom


def mark_gaps(rows: Sequence[Row], columns: Iterable[int], left: int) -> None:
    """A line from top to bottom where a value is no number."""
    for column in columns:
        for row in rows[:-1]:
            row[left + column] = ("╎", GAP_STYLE)
        rows[-1][left + column] = ("×", GAP_STYLE)


def cursor(rows: Sequence[Row], column: int, left: int) -> None:
    """The line at which values are read."""
    for row in rows:
        row[left + column] = ("│", CURSOR_STYLE)


def y_axis(rows: Sequence[Row], labels: dict[int, str], left: int) -> None:
    """The axis at the left, with its labels by row."""
    for y, row in enumerate(rows):
        label = labels.get(y)
        if label is not None:
            put(row, left - 2 - len(label), label, LABEL_STYLE)
        put(row, left - 1, "┤" if label is not None else "│", AXIS_STYLE)


def x_axis(rows: Sequence[Row], view: View, left: int, *, seconds: bool) -> None:
    """The axis at the foot and its labels, in two rows."""
    line, names = rows[0], rows[1]
    width = len(line) - left
    put(line, max(left - 1, 0), "╰" if left else "─", AXIS_STYLE)
    put(line, left, "─" * width, AXIS_STYLE)
    free = 0
    find, name = (plot.time_ticks, duration) if seconds else (plot.ticks, count_text)
    for value in find(view.x_low, view.x_high, max(width // 12, 2)):
        label = name(value)
        x = left + view.column(value, width)
        start = min(max(x - len(label) // 2, free), len(line) - len(label))
        if start < free or value != int(value):
            continue
        put(line, x, "┬", AXIS_STYLE)
        free = put(names, start, label, LABEL_STYLE) + 1
