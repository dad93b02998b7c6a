"""Which of two systems people preferred, how often, and how sure that is; it reads votes and asks nobody.

A vote among several answers says of its winner that it beat each of the others, and of the others nothing.
A tie says of all that they are equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from store.preferences import Vote

Z_95 = 1.959963984540054
"""The standard normal's quantile at 97.5 %."""


@dataclass(frozen=True)
class Interval:
    """Bounds of a share, 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True)
class Duel:
    """Two systems over the votes in which both stood for choice; a system of None is the bare base.

    Args:
        first: The one whose wins are counted.
        second: The other.
        wins: Votes that `first` won.
        losses: Votes that `second` won.
        ties: Votes in which none was better.
        share: Wins of all votes that decided between the two; None without such.
        interval: Wilson's 95 % interval of that share.
    """

    model: str
    first: str | None
    second: str | None
    wins: int
    losses: int
    ties: int
    share: float | None
    interval: Interval | None


def wilson(wins: int, trials: int, z: float = Z_95) -> Interval:
    """Wilson's score interval of a share of successes, which holds for few trials too (Wilson, 1927).

    Args:
        wins: Successes.
        trials: All trials, at least one.
        z: The quantile of the standard normal that the confidence asks for.
    """
    share = wins / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    middle = share + z * z / (2 * trials)
    # Rounding may not leave 0 and 1, where the bounds lie when all trials came out alike.
    return Interval(max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0))


def duels(votes: Iterable[Vote]) -> list[Duel]:
    """Count every two systems that stood for choice together, the pair with most votes first."""
    counts: dict[tuple[str, str | None, str | None], list[int]] = {}
    for vote in votes:
        for (at, first), (other, second) in combinations(enumerate(vote.candidates), 2):
            # A pair is one pair however its answers were shuffled; adapters stand before the base.
            swapped = _order(second.system) < _order(first.system)
            pair = (second.system, first.system) if swapped else (first.system, second.system)
            tally = counts.setdefault((vote.model, *pair), [0, 0, 0])
            if vote.winner is None:
                tally[2] += 1
            elif vote.winner in (at, other):
                tally[int((vote.winner == other) != swapped)] += 1
    found = [_duel(model, first, second, tally) for (model, first, second), tally in counts.items()]
    return sorted(found, key=lambda duel: (-duel.wins - duel.losses - duel.ties, duel.model))


def _order(system: str | None) -> tuple[bool, str]:
    return system is None, system or ""


def _duel(model: str, first: str | None, second: str | None, tally: list[int]) -> Duel:
    wins, losses, ties = tally
    decided = wins + losses
    return Duel(
        model,
        first,
        second,
        wins,
        losses,
        ties,
        wins / decided if decided else None,
        wilson(wins, decided) if decided else None,
    )
