"""Paired tests: exact sums, and verdicts that hold against what can be worked out otherwise."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product

import pytest
import sacrebleu
from sacrebleu.significance import PairedTest

from workbench.evaluation import bleu
from workbench.evaluation.comparison import compare
from workbench.evaluation.meters import Choices
from workbench.evaluation.rows import Row
from workbench.evaluation.significance import Measure, Numbers, verdicts

Pair = tuple[str, list[str]]


def ratio(sums: Sequence[int], _rows: int) -> float:
    return sums[0] / max(sums[1], 1)


def rows_of(chance: random.Random, count: int, low: int) -> list[Numbers]:
    return [(chance.randrange(low, 11), 10 ** chance.randrange(1, 3)) for _ in range(count)]


def test_scores_are_those_of_plain_sums_and_a_seed_repeats_itself() -> None:
    chance = random.Random(0)
    baseline, system = rows_of(chance, 40, 0), rows_of(chance, 40, 3)
    measures = [Measure(baseline, system, ratio), Measure(system, baseline, ratio)]
    one, turned = verdicts(measures, 7, samples=200, trials=200)
    plain = [ratio([sum(column) for column in zip(*rows, strict=True)], 40) for rows in (baseline, system)]
    assert [one.baseline, one.system, one.difference] == [*plain, plain[1] - plain[0]]
    assert (turned.difference, turned.p_randomisation) == (-one.difference, one.p_randomisation)
    assert turned.difference_interval == tuple(-end for end in reversed(one.difference_interval))
    assert verdicts(measures, 7, samples=200, trials=200)[0] == one
    assert verdicts(measures, 8, samples=200, trials=200)[0] != one


def test_swapping_at_random_comes_near_all_swaps_there_are() -> None:
    chance = random.Random(1)
    baseline, system = rows_of(chance, 10, 0), rows_of(chance, 10, 2)
    sizes = []
    for swaps in product((False, True), repeat=10):
        sides = [
            (after, before) if swap else (before, after)
            for before, after, swap in zip(baseline, system, swaps, strict=True)
        ]
        sums = [[sum(column) for column in zip(*rows, strict=True)] for rows in zip(*sides, strict=True)]
        sizes.append(abs(ratio(sums[1], 10) - ratio(sums[0], 10)))
    exact = sum(size >= sizes[0] - 1e-12 for size in sizes) / len(sizes)
    (found,) = verdicts([Measure(baseline, system, ratio)], samples=10, trials=4_000)
    assert found.p_randomisation == pytest.approx(exact, abs=0.03)


def test_a_system_does_not_differ_from_itself() -> None:
    rows = rows_of(random.Random(2), 30, 0)
    (found,) = verdicts([Measure(rows, rows, ratio)], samples=50, trials=50)
    assert (found.difference, found.p_bootstrap, found.p_randomisation) == (0.0, 1.0, 1.0)
    assert found.difference_interval == (0.0, 0.0)


def test_a_system_better_on_every_row_differs_beyond_chance() -> None:
    chance = random.Random(3)
    rows = [(chance.randrange(5), 10) for _ in range(60)]
    better = [(right + 3, total) for right, total in rows]
    (found,) = verdicts([Measure(rows, better, ratio)], samples=300, trials=300)
    assert found.p_bootstrap == found.p_randomisation == 1 / 301
    assert found.difference_interval[0] > 0.2


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    """Of a fair coin against nothing, 95 of 100 intervals hold the half."""
    chance = random.Random(4)
    held = 0
    for seed in range(100):
        rows: list[Numbers] = [(chance.randrange(2), 1) for _ in range(80)]
        (found,) = verdicts([Measure([(0, 1)] * 80, rows, ratio)], seed, samples=200, trials=1)
        held += found.system_interval[0] <= 0.5 <= found.system_interval[1]
    assert 86 <= held <= 100


def test_verdicts_on_bleu_come_near_sacrebleus_own(real_pairs: list[Pair]) -> None:
    references = [references[0] for _, references in real_pairs[:150]]
    baseline = [" ".join(text.split()[::2]) for text in references]
    chance = random.Random(5)
    system = [text if chance.random() < 0.55 else " ".join(reversed(text.split())) for text in baseline]
    pairs = [
        ([Row(one, (wanted,))], [Row(other, (wanted,))])
        for one, other, wanted in zip(baseline, system, references, strict=True)
    ]
    found = compare(pairs, Choices(("bleu",))).scores["bleu"].verdicts[0]
    _, theirs = PairedTest(
        [("baseline", baseline), ("system", system)],
        {"BLEU": sacrebleu.BLEU()},
        [references],
        test_type="ar",
        n_samples=2_000,
    )()
    score = theirs["BLEU"][1]
    assert found.system == score.score
    assert found.p_randomisation == pytest.approx(score.p_value, abs=0.02)
    assert found.baseline == bleu_of(baseline, references)


def bleu_of(predictions: list[str], references: list[str]) -> float:
    corpus = bleu.Corpus()
    for prediction, reference in zip(predictions, references, strict=True):
        corpus.add(prediction, [reference])
    return corpus.score().score
