"""How wide the columns of a grid are, and which of them are in sight when it is scrolled sideways. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workbench.tui.widgets.live_table import GAP, Column, column_widths

LEAST_WIDTH = 24
"""A column is not squeezed below this; the grid scrolls sideways instead."""
LEAST_PART = 6
"""A column of which less than this is in sight is not begun."""


class Span(NamedTuple):
    """A column in sight: its index, its first cell, and the cell after it."""

    column: int
    start: int
    end: int


def widths(
    labels: Sequence[str], room: int, needs: Mapping[str, int], chosen: Mapping[str, int]
) -> list[int]:
    """The width of each column, together more than there is room for where there are many.

    Args:
        labels: What the columns are called.
        room: The cells there are for all of them.
        needs: The widest cell of each, by its index.
        chosen: The widths that the user has chosen.
    """
    columns = [
        Column(str(index), label, chosen.get(str(index)), minimum=LEAST_WIDTH)
        for index, label in enumerate(labels)
    ]
    return list(column_widths(columns, room, needs).values())


def leftmost(widths: Sequence[int], left: int, column: int, room: int) -> int:
    """The first column to show, near `left`, so that `column` is in sight and no room is wasted."""
    left = min(left, column)
    while left < column and _together(widths[left : column + 1]) > room:
        left += 1
    while left and _together(widths[left - 1 :]) <= room:
        left -= 1
    return left


def in_sight(widths: Sequence[int], left: int, begin: int, end: int) -> list[Span]:
    """The columns from `left` on that fit between two cells, the last one perhaps in part."""
    spans: list[Span] = []
    x = begin
    for index in range(left, len(widths)):
        stop = min(x + widths[index], end)
        if stop - x < min(widths[index], LEAST_PART):
            break
        spans.append(Span(index, x, stop))
        x += widths[index] + GAP
    return spans


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
