"""Means of scores over any number of rows, from exact sums: the order of the rows does not matter."""

from __future__ import annotations

SCALE = 100
_FACTOR = 2.0**SCALE


def exact(score: float) -> int:
    """A score of a row as a whole number of 2^-`SCALE`; exact from 2^-47, a part of 10^14 words, upwards."""
    return int(score * _FACTOR)


def mean_of(total: int, rows: int) -> float:
    """The mean of scores that `exact` made whole and that were added up."""
    return total / (1 << SCALE) / rows
