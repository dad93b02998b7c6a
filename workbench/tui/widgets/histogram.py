"""Bars of how many there are of each size, as rows of cells, with a line at a limit; it knows no widget."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.tui.glyphs import Glyphs, count_text
from workbench.tui.widgets.surface import Row, blank, put

Bars = Sequence[tuple[int, int]]
"""Pairs of a bar's greatest size and how many there are, in rising order."""

BAR_STYLE = "$secondary"
BEYOND_STYLE = "$warning"
LIMIT_STYLE = "$error"
LABEL_STYLE = "$muted"
BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = ".:#"
REACH = 1.5
"""A limit up to so many times the greatest size is drawn in its place; a farther one is not on the axis."""


def columns(bars: Bars, low: int, high: int, count: int) -> list[float]:
    """How many there are in each of `count` equal parts of the sizes from `low` to `high`."""
    found = [0.0] * count
    start = float(low)
    scale = count / (high + 1 - low)
    for upper, times in bars:
        first, last = (start - low) * scale, (upper + 1 - low) * scale
        start = upper + 1.0
        for place in range(max(int(first), 0), min(int(last - 1e-9) + 1, count)):
            shared = min(last, place + 1) - max(first, place)
            found[place] += times * max(shared, 0.0) / max(last - first, 1e-9)
    return found


def histogram(bars: Bars, low: int, width: int, height: int, signs: Glyphs, limit: int = 0) -> list[Row]:
    """Draw bars from the least size to the greatest, or to the limit where that is near.

    Args:
        bars: What to draw.
        low: The least size.
        width: Cells of a row.
        height: Rows; from three on the last holds the axis.
        signs: The signs to draw with.
        limit: The size from which things are cut off; 0 draws no line.
    """
    rows = [blank(width) for _ in range(height)]
    if not bars or not width or not height:
        return rows
    bars, rest = _without_rest(bars, low)
    most = bars[-1][0]
    shown_limit = max(low, 1) <= limit <= (rest[0] if rest else most * REACH)
    high = max(most, limit) if shown_limit and not rest else most
    inner = width - 1 if rest else width
    levels = columns(bars, low, high, inner) + ([float(rest[1])] if rest else [])
    peak = max(levels)
    place = min(int((limit - low + 1) * inner / (high + 1 - low)), width - 1) if shown_limit else width
    body = rows[: height - 1] if height > 2 else rows
    for x, level in enumerate(levels):
        style = BEYOND_STYLE if x > place else BAR_STYLE
        _stand(body, x, level / peak if peak else 0.0, style, signs)
    if shown_limit:
        for row in body:
            # The line stands in front of an empty cell only: it hides no bar.
            if row[place][0] == " ":
                put(row, place, "┊" if signs.braille else "|", LIMIT_STYLE)
    if height > 2:
        _axis(rows[-1], low, rest[0] if rest else high, place if shown_limit else None, limit)
    return rows


def _without_rest(bars: Bars, low: int) -> tuple[Bars, tuple[int, int] | None]:
    """Part off a last bar that is far wider than the others: it holds the few that are far longer."""
    if len(bars) < 2:
        return bars, None
    usual = (bars[-2][0] + 1 - low) / (len(bars) - 1)
    if bars[-1][0] - bars[-2][0] < 2 * usual:
        return bars, None
    return bars[:-1], bars[-1]


def _stand(body: Sequence[Row], x: int, share: float, style: str, signs: Glyphs) -> None:
    """Draw one bar from the foot up; what there is at all is seen."""
    blocks = BLOCKS if signs.braille else ASCII_BLOCKS
    steps = max(round(share * len(body) * len(blocks)), 1 if share else 0)
    for row in reversed(body):
        if not steps:
            return
        used = min(steps, len(blocks))
        row[x] = (blocks[used - 1], style)
        steps -= used


def _axis(row: Row, low: int, high: int, place: int | None, limit: int) -> None:
    end = count_text(high)
    if place is None or place > len(row) - 2:
        put(row, 0, count_text(low), LABEL_STYLE)
        if place is None:
            put(row, max(len(row) - len(end), 0), end, LABEL_STYLE)
        else:
            told = f"cut at {limit:,}"
            put(row, max(len(row) - len(told), 0), told, LIMIT_STYLE)
        return
    told = f"cut at {limit:,}"
    begin = min(max(place - len(told) // 2, len(count_text(low)) + 1), max(len(row) - len(told), 0))
    put(row, 0, count_text(low), LABEL_STYLE)
    x = put(row, begin, told, LIMIT_STYLE)
    if x + 1 + len(end) <= len(row):
        put(row, len(row) - len(end), end, LABEL_STYLE)
