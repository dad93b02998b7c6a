"""Is one system better than another, or was it lucky with its rows? Paired tests over scores of any kind.

P. Koehn, "Statistical significance tests for machine translation evaluation", 2004 (paired bootstrap), and
E. W. Noreen, "Computer-intensive methods for testing hypotheses", 1989 (approximate randomisation). A score
is a function of sums over rows; what rows and metrics are is known elsewhere.

All numbers of a row, of both systems and all metrics, are packed into one integer. Adding a thousand rows up
is then a thousand additions, and exact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress

BOOTSTRAP_SAMPLES = 1_000
RANDOMISATION_TRIALS = 10_000
SEEDS = (12345,)
"""Sacrebleu's, so that one who compares finds the same habit."""

Numbers = tuple[int, ...]
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric's numbers for every row of both systems, none below 0, and the score of their sums."""

    baseline: Sequence[Numbers]
    system: Sequence[Numbers]
    score: Callable[[Sequence[int], int], float]
    """From the sums, and over how many rows they were taken."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both systems' scores, and what they could as well have been; intervals hold 95 of 100 resamples.

    `difference` is the system's score less the baseline's. `p_bootstrap` and `p_randomisation` tell how
    often a difference as large would come by chance if the systems were alike; both count two sides.
    """

    baseline: float
    system: float
    difference: float
    baseline_interval: tuple[float, float]
    system_interval: tuple[float, float]
    difference_interval: tuple[float, float]
    p_bootstrap: float
    p_randomisation: float
    seed: int


def verdicts(
    measures: Sequence[Measure],
    seed: int = SEEDS[0],
    *,
    samples: int = BOOTSTRAP_SAMPLES,
    trials: int = RANDOMISATION_TRIALS,
    tell: Tell | None = None,
) -> list[Verdict]:
    """Test the difference of two systems by several measures over the same resampled rows.

    Args:
        measures: All of the same number of rows, at least one.
        seed: Of the draws; the same seed gives the same verdict.
        samples: How often rows are drawn with replacement.
        trials: How often each row's two answers are swapped at random.
        tell: Called now and then with how many rounds of how many are done.

    Returns:
        A verdict per measure.
    """
    packing = _Packing(measures)
    told = tell or (lambda _done, _all: None)
    whole = packing.scores(sum(packing.rows))
    drawn, swapped = [], []
    for number, total in enumerate(_bootstrap(packing, _chance("bootstrap", seed), samples)):
        drawn.append(packing.scores(total))
        told(number, samples + trials)
    for number, total in enumerate(_randomisation(packing, _chance("swaps", seed), trials)):
        swapped.append(packing.scores(total))
        told(samples + number, samples + trials)
    return [
        _verdict(score, [each[at] for each in drawn], [each[at] for each in swapped], seed)
        for at, score in enumerate(whole)
    ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """What lies between the lowest and the highest fortieth of the values, as sacrebleu cuts them."""
    ordered = sorted(values)
    cut = len(ordered) // 40
    return ordered[cut], ordered[-1 - cut]


Scores = tuple[float, float]


def _verdict(whole: Scores, drawn: Sequence[Scores], swapped: Sequence[Scores], seed: int) -> Verdict:
    baseline, system = whole
    difference = system - baseline
    differences = [b - a for a, b in drawn]
    # The resampled differences lie around the one measured; moved to lie around 0 they show what chance does.
    middle = sum(differences) / len(differences)
    return Verdict(
        baseline,
        system,
        difference,
        interval([a for a, _ in drawn]),
        interval([b for _, b in drawn]),
        interval(differences),
        _p_value([abs(each - middle) for each in differences], abs(difference)),
        _p_value([abs(b - a) for a, b in swapped], abs(difference)),
        seed,
    )


def _p_value(by_chance: Sequence[float], difference: float) -> float:
    """The share of differences by chance that are as large, the one measured counted among them."""
    # What differs in the last bits alone is as large.
    reached = sum(each >= difference * (1 - 1e-12) for each in by_chance)
    return (reached + 1) / (len(by_chance) + 1)


def _chance(purpose: str, seed: int) -> random.Random:
    return random.Random(f"{purpose} {seed}")  # noqa: S311 (draws of rows, no secret)


def _bootstrap(packing: _Packing, chance: random.Random, samples: int) -> Iterator[int]:
    for _ in range(samples):
        yield sum(chance.choices(packing.rows, k=len(packing.rows)))


def _randomisation(packing: _Packing, chance: random.Random, trials: int) -> Iterator[int]:
    total = sum(packing.rows)
    changes = [after - before for before, after in zip(packing.rows, packing.swapped, strict=True)]
    count = len(changes)
    for _ in range(trials):
        # A bit per row; the text's "0" and "1" become the numbers that `compress` chooses by.
        bits = f"{chance.getrandbits(count):0{count}b}".encode().translate(_BITS)
        yield total + sum(compress(changes, bits))


_BITS = bytes(number == ord("1") for number in range(256))


class _Packing:
    """Rows of numbers as integers with a field per number, wide enough for the sum over all rows."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures = measures
        self._count = len(measures[0].baseline)
        self._widths: list[int] = []
        for measure in measures:
            both = [*measure.baseline, *measure.system]
            most = [max(column) * self._count for column in zip(*both, strict=True)]
            self._widths += [number.bit_length() for number in most] * 2
        self._places = [0, *accumulate(self._widths)]
        one, other = [each.baseline for each in measures], [each.system for each in measures]
        self.rows = self._packed(one, other)
        self.swapped = self._packed(other, one)

    def scores(self, total: int) -> list[Scores]:
        """Both systems' scores of a sum of rows, per measure."""
        fields = [
            total >> place & (1 << width) - 1
            for place, width in zip(self._places, self._widths, strict=False)
        ]
        found, at = [], 0
        for measure in self._measures:
            size = len(measure.baseline[0])
            first, second = fields[at : at + size], fields[at + size : at + 2 * size]
            found.append((measure.score(first, self._count), measure.score(second, self._count)))
            at += 2 * size
        return found

    def _packed(self, one: list[Sequence[Numbers]], other: list[Sequence[Numbers]]) -> list[int]:
        places = self._places
        rows = []
        for at in range(self._count):
            numbers = [
                number
                for first, second in zip(one, other, strict=True)
                for number in (*first[at], *second[at])
            ]
            rows.append(sum([number << place for number, place in zip(numbers, places, strict=False)]))
        return rows
