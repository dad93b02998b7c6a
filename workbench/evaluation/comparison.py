"""Two systems on the same rows: by how much they differ, how sure that is, and which rows decide it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from store.errors import BadInput
from workbench.evaluation import bleu
from workbench.evaluation.bleu import Counts, Options
from workbench.evaluation.bleu_breakdown import order_losses
from workbench.evaluation.means import mean_of
from workbench.evaluation.meters import LOWER_IS_BETTER, METERS, Choices, Meter
from workbench.evaluation.rows import Row
from workbench.evaluation.significance import SEEDS, Measure, Numbers, Tell, Verdict, verdicts

DECIDING = 10
"""Of so many rows for the system and as many against it is told that they decide."""
FEW_ROWS = 50
"""With fewer rows, resampling them says less about other rows than its intervals promise."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A row, counted from 1, both systems' own scores on it, and what it adds to the whole difference."""

    row: int
    baseline: float
    system: float
    points: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One score of both systems: a verdict per seed, on how many rows the system is better, and what decides.

    `deciding` are the rows with the largest points, for the system first, then against it; the points of all
    rows add up to the difference. `undecided` tells why there are none.
    """

    verdicts: tuple[Verdict, ...]
    wins: int
    ties: int
    losses: int
    deciding: tuple[Decision, ...]
    undecided: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every score of both systems, by name, over so many rows."""

    rows: int
    scores: dict[str, Compared]
    signatures: dict[str, str]


def compare(
    pairs: Iterable[tuple[Row, Row]],
    choices: Choices,
    seeds: Sequence[int] = SEEDS,
    tell: Tell | None = None,
) -> Comparison:
    """Compare a baseline and a system.

    Args:
        pairs: Per row what the baseline answered and what the system did.
        choices: By which metrics.
        seeds: Of the resampling; several show how much a verdict owes to its draws.
        tell: Called now and then with how many resamples of how many are done.

    Raises:
        BadInput: A row has other references in the two, or there are none.
    """
    kept, count = _kept(pairs, choices)
    measures = [Measure(*each.numbers, partial(each.meter.of_sums, name)) for name, each in kept.items()]
    found = [verdicts(measures, seed, tell=tell) for seed in seeds]
    scores = {
        name: _compared(
            name,
            [of_seed[place] for of_seed in found],
            list(zip(*each.scores, strict=True)),
            points(name, *each.numbers, choices.bleu),
        )
        for place, (name, each) in enumerate(kept.items())
    }
    signatures = {name: text for each in kept.values() for name, text in each.meter.signatures().items()}
    return Comparison(count, scores, signatures)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of every row for one score: the row's own, and its numbers, of baseline and system."""

    meter: Meter
    scores: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    numbers: tuple[list[Numbers], list[Numbers]] = field(default_factory=lambda: ([], []))


def _kept(pairs: Iterable[tuple[Row, Row]], choices: Choices) -> tuple[dict[str, _Kept], int]:
    """Measure all rows of both systems; the scores by name, and how many rows there are."""
    meters = [(METERS[name](choices), METERS[name](choices)) for name in choices.metrics]
    kept: dict[str, _Kept] = {}
    count = 0
    for count, both in enumerate(pairs, 1):
        if both[0].references != both[1].references:
            raise BadInput(
                f"row {count} has other references in the two files", "score the same rows in the same order"
            )
        for of_system in meters:
            for side in (0, 1):
                measured = of_system[side].add(both[side])
                for name, numbers in measured.numbers.items():
                    each = kept.setdefault(name, _Kept(of_system[1]))
                    each.scores[side].append(measured.scores[name])
                    each.numbers[side].append(numbers)
    if not count:
        raise BadInput("there are no rows to compare", "give at least one row")
    return kept, count


def points(
    name: str, baseline: Sequence[Numbers], system: Sequence[Numbers], options: Options
) -> list[float] | None:
    """What each row adds to the difference of the whole, system less baseline.

    Args:
        name: Of the score.
        baseline: Numbers per row, as meters give them.
        system: The same of the other.
        options: BLEU's.

    Returns:
        Points that add up to the difference; None for scores that no row has a share of by itself.
    """
    if name == "bleu":
        return bleu_points([Counts.of(row) for row in baseline], [Counts.of(row) for row in system], options)
    if len(baseline[0]) > 1:
        return None
    rows = len(baseline)
    return [mean_of(after[0] - before[0], rows) for before, after in zip(baseline, system, strict=True)]


def bleu_points(baseline: Sequence[Counts], system: Sequence[Counts], options: Options) -> list[float] | None:
    """Split a difference of two corpus BLEUs among the rows, exactly.

    -ln BLEU is a sum over rows: each unmatched run of order n costs -ln p_n / (N (t_n - m_n)), and where the
    corpus is too short a row bears (r - c) of its own over the corpus's length. With the logarithmic mean
    L = (A - B)/(ln A - ln B) of the two scores, A - B = sum of L (loss in B - loss in A).

    Returns:
        BLEU points per row; None where a score is 0, whose logarithm does not exist.
    """
    before, after = _row_losses(baseline, options), _row_losses(system, options)
    if before is None or after is None:
        return None
    (one, losses), (other, other_losses) = before, after
    mean = (other - one) / math.log(other / one) if other != one else one
    return [mean * (loss - left) for loss, left in zip(losses, other_losses, strict=True)]


def _row_losses(rows: Sequence[Counts], options: Options) -> tuple[float, list[float]] | None:
    whole = Counts.of([sum(column) for column in zip(*[row.flat for row in rows], strict=True)])
    parts = bleu.parts(whole, options, effective=options.effective_order == "always")
    if parts.score <= 0:
        return None
    prices = order_losses(whole, parts)
    short = 1 / whole.predicted if whole.predicted < whole.expected else 0.0
    return parts.score, [
        sum(
            price * (total - matched)
            for price, matched, total in zip(prices, row.matched, row.total, strict=False)
        )
        + short * (row.expected - row.predicted)
        for row in rows
    ]


def _compared(
    name: str,
    found: Sequence[Verdict],
    scores: Sequence[tuple[float, float]],
    shares: list[float] | None,
) -> Compared:
    sign = -1 if name in LOWER_IS_BETTER else 1
    better = sum(sign * (after - before) > 0 for before, after in scores)
    worse = sum(sign * (after - before) < 0 for before, after in scores)
    deciding: list[Decision] = []
    if shares is not None:
        places = range(len(shares))
        best = heapq.nlargest(DECIDING, places, key=lambda at: (shares[at], -at))
        worst = heapq.nsmallest(DECIDING, places, key=lambda at: (shares[at], at))
        chosen = [at for at in best if shares[at] > 0] + [at for at in worst if shares[at] < 0]
        deciding = [Decision(at + 1, *scores[at], shares[at]) for at in chosen]
    why = "" if shares is not None else "no row has a share of this score by itself"
    if shares is None and name == "bleu":
        why = "a BLEU of 0 cannot be divided among rows"
    ties = len(scores) - better - worse
    return Compared(tuple(found), better, ties, worse, tuple(deciding), why)
