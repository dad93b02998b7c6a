"""Bars under the words of a text: how much each earned, or cost; as a row of cells, without a widget."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.tui.widgets.surface import Row, blank, put

EARNED_STYLE, LOST_STYLE = "$success", "$error"
LEAST_HEIGHT = 6
"""A view of fewer lines has no bars."""

Bar = tuple[int, int, float]
"""The first cell of a word, how many it has, and its bar's height from -1 for a loss to 1."""


def bar_row(bars: Iterable[Bar], width: int, ramp: str) -> Row:
    """Draw the bars of one line of text; a ramp holds a bar's signs from low to high."""
    row = blank(width)
    for x, length, height in bars:
        if height:
            level = min(int(abs(height) * len(ramp)), len(ramp) - 1)
            put(row, x, ramp[level] * length, EARNED_STYLE if height > 0 else LOST_STYLE)
    return row


def inked(row: Row) -> int:
    """The cells up to the last that is no space."""
    return max((at for at, (character, _) in enumerate(row, 1) if character != " "), default=0)
