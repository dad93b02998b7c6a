"""How a line chart is inked into cells: lines in braille or ASCII, gaps, axes. It knows no widget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
SAMPLES = ("──", "╌╌", "··", "╴·", "━ ", "┄┄")
ASCII_MARKS = "*o+x#@%&"
ASCII_RAW = "."

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80), (1, 2, 4, 0))
"""The dots of a cell from top to bottom: of the left and the right side in braille, and in thirds."""
_STROKES = [[[sum(dots[top : bottom + 1]) for bottom in range(4)] for top in range(4)] for dots in _DOTS]
"""The dots from one row of a cell to another: by side, first row and last row."""
_ASCII_THIRDS = {1: "'", 2: "-", 4: ".", 3: "'", 6: ".", 5: ":", 7: "|"}
_FLAT_DOTS = 2


@dataclass(frozen=True)
class Ink:
    """How one line is drawn.

    Args:
        style: Its colour.
        dash: Which of `DASHES`.
        mark: The character of its cells in ASCII; empty draws thirds of a cell.
        faint: Lies under all others, as a raw curve under its smoothed one.
    """

    style: str
    dash: int = 0
    mark: str = ""
    faint: bool = False


def line_style(index: int, *, faint: bool = False) -> str:
    """The colour of a series by its number."""
    style = SERIES_STYLES[index % len(SERIES_STYLES)]
    return f"{style} {FAINT}" if faint else style


@dataclass(frozen=True)
class Trace:
    """The cells that a line goes through, with the dots inked in each, and the columns of its gaps."""

    masks: dict[tuple[int, int], int]
    gaps: frozenset[int]


def trace(
    series: Series, view: View, width: int, height: int, *, dash: int = 0, braille: bool = True
) -> Trace:
    """Work out which cells a line goes through.

    Args:
        series: Its points.
        view: The part of the plane that is shown.
        width: Columns of the plot.
        height: Rows of the plot.
        dash: Which of `DASHES`.
        braille: Two by four dots per cell; else one by three.
    """
    across, down = (2, 4) if braille else (1, 3)
    kept, gaps = plot.bins(series.within(view.x_low, view.x_high), view, width * across)
    masks: dict[tuple[int, int], int] = {}
    for column, top, bottom in _inked(plot.dots(kept, view, height * down), dash):
        strokes, x = _STROKES[column % across if braille else 2], column // across
        for y in range(top // down, bottom // down + 1):
            bits = strokes[max(top - down * y, 0)][min(bottom - down * y, down - 1)]
            masks[y, x] = masks.get((y, x), 0) | bits
    return Trace(masks, frozenset(column // across for column in gaps))


def stamp(
    rows: Sequence[Row],
    traced: Trace,
    left: int,
    ink: Ink,
    taken: set[tuple[int, int]],
    *,
    braille: bool = True,
) -> None:
    """Draw a line; in braille, where bright lines meet, both are seen in the colour of the one in front.

    Args:
        rows: The plot's lines, with the axis.
        traced: Where the line goes.
        left: The cells that the axis takes.
        ink: How it is drawn.
        taken: The cells that bright lines have been drawn in so far; those of this one are added.
        braille: Dots rather than characters.
    """
    for (y, x), mask in traced.masks.items():
        row = rows[y]
        if not braille:
            row[left + x] = (ink.mark or _ASCII_THIRDS[mask], ink.style)
            continue
        below = ord(row[left + x][0]) - _BRAILLE
        # A faint line under a bright one would make that ragged: it is wiped out there.
        merged = 0 < below < 256 and (ink.faint or (y, x) in taken)
        row[left + x] = (chr(_BRAILLE | mask | (below if merged else 0)), ink.style)
    if not ink.faint:
        taken.update(traced.masks)


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
