"""All longest common subsequences of two lists of words at once: which words are on each, on some, on none.

A pair (i, j) of equal words is on some longest subsequence when what lies before it, itself and what lies
behind it add up to the length; the length before it is the pair's level. Each longest subsequence takes one
pair of each level, and along a level i never falls and j never rises. So the chains through a pair are
counted by sums over neighbouring levels, in one pass forwards and one backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from workbench.evaluation import subsequence

Path = Literal["must", "may", "never"]
Level = list[tuple[int, int]]

MOST_PAIRS = 250_000
"""Texts with more pairs of equal words are not looked into: it would take seconds."""


@dataclass(frozen=True, slots=True)
class Participation:
    """`shares` tell, per word of the prediction, on what part of all longest subsequences it is.

    They add up to the `length` of one. A word that all of them need is a `must`: without it the length is one
    less. One that some take is a `may`.
    """

    length: int
    shares: list[float]
    paths: list[Path]


def participation(
    reference: Sequence[str], prediction: Sequence[str], table: Sequence[int] | None = None
) -> Participation | None:
    """Count on how many longest common subsequences each word of the prediction is.

    Args:
        reference: The reference's words.
        prediction: The prediction's.
        table: What `subsequence.rows` makes of them, where it is known.

    Returns:
        None where there are more than `MOST_PAIRS` pairs of equal words.
    """
    places: dict[str, list[int]] = {}
    for j in range(len(prediction) - 1, -1, -1):
        places.setdefault(prediction[j], []).append(j)
    if sum([len(places.get(token, ())) for token in reference]) > MOST_PAIRS:
        return None
    levels = _levels(reference, prediction, places, table or subsequence.rows(reference, prediction))
    total, through = _chains(levels, len(prediction))
    return Participation(
        len(levels),
        [count / total for count in through],
        ["must" if count == total else "may" if count else "never" for count in through],
    )


def _levels(
    reference: Sequence[str], prediction: Sequence[str], places: dict[str, list[int]], before: Sequence[int]
) -> list[Level]:
    """The pairs on some longest subsequence by level; in each, i never falls and j never rises."""
    width = len(prediction)
    behind = subsequence.rows(reference[::-1], prediction[::-1])
    low = [(1 << j) - 1 for j in range(width + 1)]
    length = width - before[-1].bit_count()
    levels: list[Level] = [[] for _ in range(length)]
    for i, token in enumerate(reference):
        row, row_behind = before[i], behind[-2 - i]
        for j in places.get(token, ()):
            level = j - (row & low[j]).bit_count()
            rest = width - 1 - j
            if level + 1 + rest - (row_behind & low[rest]).bit_count() == length:
                levels[level].append((i, j))
    return levels


def _chains(levels: list[Level], width: int) -> tuple[int, list[int]]:
    """How many longest subsequences there are, and how many run through each word of the prediction."""
    if not levels:
        return 1, [0] * width
    forward = [[1] * len(levels[0])]
    for below, level in pairwise(levels):
        forward.append(_sums(below, forward[-1], level))
    turned = [[(-i, -j) for i, j in reversed(level)] for level in reversed(levels)]
    backward = [[1] * len(turned[0])]
    for below, level in pairwise(turned):
        backward.append(_sums(below, backward[-1], level))
    through = [0] * width
    for level, ahead, back in zip(levels, forward, reversed(backward), strict=True):
        for (_, j), ways, ways_back in zip(level, ahead, reversed(back), strict=True):
            through[j] += ways * ways_back
    return sum(forward[-1]), through


def _sums(below: Level, ways: list[int], level: Level) -> list[int]:
    """Per pair the ways to all pairs of the level below that lie before it on both sides: a run of them."""
    sums = [0, *accumulate(ways)]
    found, first, last = [], 0, 0
    for i, j in level:
        while last < len(below) and below[last][0] < i:
            last += 1
        while first < len(below) and below[first][1] >= j:
            first += 1
        found.append(sums[last] - sums[first] if last > first else 0)
    return found
