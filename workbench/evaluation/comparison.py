"""Two systems on the same rows: by how much they differ, how sure that is, and which rows decide it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from store.errors import BadInput
from workbench.evaluation import bleu
from workbench.evaluation.bleu import Counts, Options
from workbench.evaluation.bleu_breakdown import order_losses
from workbench.evaluation.means import mean_of
from workbench.evaluation.meters import LOWER_IS_BETTER, METERS, Choices, Measured, Meter
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
    rows add up to the difference. `undecided` tells why there are none. Of systems that were trained several
    times the runs' own scores stand beside them; a row's score is then the mean over the runs.
    """

    verdicts: tuple[Verdict, ...]
    wins: int
    ties: int
    losses: int
    deciding: tuple[Decision, ...]
    undecided: str
    baseline_runs: tuple[float, ...]
    system_runs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every score of both systems, by name, over so many rows."""

    rows: int
    scores: dict[str, Compared]
    signatures: dict[str, str]


Runs = Sequence[Row]
"""One row as each run of a system answered it: of one that was trained several times, one per training."""


def compare(
    pairs: Iterable[tuple[Runs, Runs]],
    choices: Choices,
    seeds: Sequence[int] = SEEDS,
    tell: Tell | None = None,
) -> Comparison:
    """Compare a baseline and a system.

    Rows are resampled, and the runs' answers to a row stay together: what is tested is whether the
    difference holds on other rows, on average over the runs.

    Args:
        pairs: Per row what the runs of the baseline answered and what as many of the system did.
        choices: By which metrics.
        seeds: Of the resampling; several show how much a verdict owes to its draws.
        tell: Called now and then with how many resamples of how many are done.

    Raises:
        BadInput: A row has other references in the two, or there are none.
    """
    kept, rows, runs = _kept(pairs, choices)
    measures = [
        Measure(*each.numbers, partial(_of_runs, each.meter, name, runs)) for name, each in kept.items()
    ]
    found = [verdicts(measures, seed, tell=tell) for seed in seeds]
    scores = {
        name: _compared(
            name,
            tuple(of_seed[place] for of_seed in found),
            each,
            points(name, *each.numbers, choices.bleu, runs),
            rows,
        )
        for place, (name, each) in enumerate(kept.items())
    }
    signatures = {name: text for each in kept.values() for name, text in each.meter.signatures().items()}
    return Comparison(rows, scores, signatures)


def _of_runs(meter: Meter, name: str, runs: int, sums: Sequence[int], rows: int) -> float:
    return meter.of_sums(name, sums, rows * runs)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept for one score of baseline and system: of every row its own score and its numbers, summed
    over the runs, and of every run the sums of its numbers.
    """

    meter: Meter
    scores: tuple[list[float], list[float]]
    numbers: tuple[list[Numbers], list[Numbers]]
    runs: tuple[list[Numbers], list[Numbers]]


def _kept(pairs: Iterable[tuple[Runs, Runs]], choices: Choices) -> tuple[dict[str, _Kept], int, int]:
    """Measure all rows of both systems; the scores by name, how many rows there are, and how many runs."""
    meters = [METERS[name](choices) for name in choices.metrics]
    kept: dict[str, _Kept] = {}
    count = runs = 0
    for count, both in enumerate(pairs, 1):
        runs = len(both[0])
        if len({row.references for side in both for row in side}) > 1:
            raise BadInput(
                f"row {count} has other references in the files", "score the same rows in the same order"
            )
        for meter in meters:
            for side in (0, 1):
                _keep(kept, meter, side, [meter.add(row) for row in both[side]])
    if not count:
        raise BadInput("there are no rows to compare", "give at least one row")
    return kept, count, runs


def _keep(kept: dict[str, _Kept], meter: Meter, side: int, measured: Sequence[Measured]) -> None:
    for name in measured[0].numbers:
        each = kept.setdefault(name, _Kept(meter, ([], []), ([], []), ([], [])))
        numbers = [run.numbers[name] for run in measured]
        each.scores[side].append(sum(run.scores[name] for run in measured) / len(measured))
        each.numbers[side].append(_sum(numbers))
        before = each.runs[side] or [(0,) * len(numbers[0])] * len(numbers)
        each.runs[side][:] = [_sum(pair) for pair in zip(before, numbers, strict=True)]


def _sum(numbers: Sequence[Numbers]) -> Numbers:
    return numbers[0] if len(numbers) == 1 else tuple(map(sum, zip(*numbers, strict=True)))


def points(
    name: str, baseline: Sequence[Numbers], system: Sequence[Numbers], options: Options, runs: int = 1
) -> list[float] | None:
    """What each row adds to the difference of the whole, system less baseline.

    Args:
        name: Of the score.
        baseline: Numbers per row, as meters give them, summed over the runs.
        system: The same of the other.
        options: BLEU's.
        runs: How many runs each system has.

    Returns:
        Points that add up to the difference; None for scores that no row has a share of by itself.
    """
    if name == "bleu":
        return bleu_points([Counts.of(row) for row in baseline], [Counts.of(row) for row in system], options)
    if len(baseline[0]) > 1:
        return None
    answers = len(baseline) * runs
    return [mean_of(after[0] - before[0], answers) for before, after in zip(baseline, system, strict=True)]


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
    name: str, found: tuple[Verdict, ...], kept: _Kept, shares: list[float] | None, rows: int
) -> Compared:
    sign = -1 if name in LOWER_IS_BETTER else 1
    scores = list(zip(*kept.scores, strict=True))
    better = sum(sign * (after - before) > 0 for before, after in scores)
    worse = sum(sign * (after - before) < 0 for before, after in scores)
    why = ""
    deciding: list[Decision] = []
    if shares is not None:
        places = range(rows)
        best = heapq.nlargest(DECIDING, places, key=lambda at: (shares[at], -at))
        worst = heapq.nsmallest(DECIDING, places, key=lambda at: (shares[at], at))
        chosen = [at for at in best if shares[at] > 0] + [at for at in worst if shares[at] < 0]
        deciding = [Decision(at + 1, *scores[at], shares[at]) for at in chosen]
    elif name == "bleu":
        why = "a BLEU of 0 cannot be divided among rows"
    else:
        why = "no row has a share of this score by itself"
    baseline, system = ([kept.meter.of_sums(name, sums, rows) for sums in side] for side in kept.runs)
    ties = rows - better - worse
    return Compared(
        found,
        better,
        ties,
        worse,
        tuple(deciding),
        why,
        baseline_runs=tuple(baseline),
        system_runs=tuple(system),
    )
