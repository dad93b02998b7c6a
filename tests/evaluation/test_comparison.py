"""Two systems on the same rows: who is better where, and which rows decide it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from store.errors import BadInput
from workbench.evaluation import bleu
from workbench.evaluation.bleu import Counts
from workbench.evaluation.comparison import bleu_points, compare, points
from workbench.evaluation.means import exact
from workbench.evaluation.meters import Choices
from workbench.evaluation.rows import Row

Pair = tuple[str, list[str]]


def row(prediction: str, reference: str = "the cat sat on the mat today") -> Row:
    return Row(prediction, (reference,))


def alone(pairs: Sequence[tuple[Row, Row]]) -> list[tuple[list[Row], list[Row]]]:
    """Of systems that have one run each."""
    return [([one], [other]) for one, other in pairs]


def systems(real_pairs: list[Pair]) -> list[tuple[Row, Row]]:
    chance = random.Random(0)

    def spoilt(text: str, share: float) -> str:
        return " ".join(word for word in text.split() if chance.random() > share)

    return [
        (Row(spoilt(wanted[0], 0.4), tuple(wanted[:1])), Row(spoilt(wanted[0], 0.3), tuple(wanted[:1])))
        for _, wanted in real_pairs[:80]
    ]


def corpus_bleu(rows: Sequence[Row]) -> float:
    corpus = bleu.Corpus()
    for each in rows:
        corpus.add(each.prediction, each.references)
    return corpus.score().score


def test_points_of_bleu_add_up_to_the_difference_exactly(real_pairs: list[Pair]) -> None:
    pairs = systems(real_pairs)
    counts = [
        [bleu.counts(each.prediction, each.references) for each in side] for side in zip(*pairs, strict=True)
    ]
    found = bleu_points(counts[0], counts[1], bleu.DEFAULTS)
    assert found is not None
    before, after = (corpus_bleu(side) for side in zip(*pairs, strict=True))
    assert sum(found) == pytest.approx(after - before, abs=1e-12)
    assert sum(bleu_points(counts[0], counts[0], bleu.DEFAULTS) or [1.0]) == 0.0


def test_a_score_of_zero_cannot_be_divided() -> None:
    assert (
        bleu_points(
            [Counts(1, 1, (0,) * 4, (1, 0, 0, 0))], [Counts(4, 4, (4, 3, 2, 1), (4, 3, 2, 1))], bleu.DEFAULTS
        )
        is None
    )
    found = compare(alone([(row("x"), row("the cat sat on"))]), Choices(("bleu",)))
    assert found.scores["bleu"].deciding == ()
    assert found.scores["bleu"].undecided == "a BLEU of 0 cannot be divided among rows"


def test_points_of_a_mean_are_the_differences_of_rows() -> None:
    assert points(
        "rouge1", [(exact(0.5),), (exact(0.25),)], [(exact(1.0),), (exact(0.0),)], bleu.DEFAULTS
    ) == [
        0.25,
        -0.125,
    ]


def test_wins_ties_losses_and_the_rows_that_decide() -> None:
    pairs = [
        (row("the cat sat"), row("the cat sat on the mat today")),
        (row("a dog"), row("a dog")),
        (row("the cat sat on"), row("cat")),
        (row("the mat"), row("the mat today")),
    ]
    found = compare(alone(pairs), Choices(("rouge", "bleu", "ter")), seeds=(1, 2))
    assert found.rows == 4
    one = found.scores["rouge1"]
    assert (one.wins, one.ties, one.losses) == (2, 1, 1)
    assert [each.row for each in one.deciding] == [1, 4, 3]
    assert one.deciding[0].points > one.deciding[1].points > 0 > one.deciding[2].points
    assert [verdict.seed for verdict in one.verdicts] == [1, 2]
    assert found.signatures.keys() == {"rouge", "bleu", "bleu (rows)", "ter"}
    # Of edits the fewer the better.
    ter = found.scores["ter"]
    assert (ter.wins, ter.ties, ter.losses) == (2, 1, 1)
    assert ter.undecided == "no row has a share of this score by itself"


def test_corpus_scores_are_those_of_each_system_alone(real_pairs: list[Pair]) -> None:
    pairs = systems(real_pairs)
    found = compare(alone(pairs), Choices(("bleu",)))
    verdict = found.scores["bleu"].verdicts[0]
    assert (verdict.baseline, verdict.system) == tuple(corpus_bleu(side) for side in zip(*pairs, strict=True))
    low, high = verdict.difference_interval
    assert low < verdict.difference < high


def test_other_references_and_no_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="row 2 has other references in the files"):
        compare(alone([(row("a"), row("a")), (row("a", "b"), row("a", "c"))]), Choices())
    with pytest.raises(BadInput, match="there are no rows to compare"):
        compare([], Choices())


def test_runs_are_averaged_and_told_one_by_one(real_pairs: list[Pair]) -> None:
    pairs = systems(real_pairs)[:30]
    twice = [([one, one], [other, one]) for one, other in pairs]
    found = compare(twice, Choices()).scores
    single = compare(alone(pairs), Choices()).scores
    for name in ("rouge1", "rougeL"):
        assert found[name].verdicts[0].difference == pytest.approx(single[name].verdicts[0].difference / 2)
    bleus = found["bleu"]
    assert bleus.baseline_runs == (single["bleu"].baseline_runs[0],) * 2
    assert bleus.system_runs == (single["bleu"].system_runs[0], single["bleu"].baseline_runs[0])
    # Counts of both runs make one corpus.
    whole = corpus_bleu([row for _, runs in twice for row in runs])
    assert bleus.verdicts[0].system == whole
