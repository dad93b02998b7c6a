"""The bit-parallel subsequence is the one of the plain table."""

from __future__ import annotations

import random

from rouge_score import rouge_scorer

from workbench.evaluation import subsequence


def test_length_and_choice_are_those_of_rouge_score() -> None:
    chance = random.Random(0)
    for _ in range(3_000):
        alphabet = "abcdefgh"[: chance.randrange(1, 9)]
        reference = chance.choices(alphabet, k=chance.randrange(40))
        prediction = chance.choices(alphabet, k=chance.randrange(40))
        found = subsequence.pairs(reference, prediction)
        assert [i for i, _ in found] == rouge_scorer.lcs_ind(reference, prediction)
        assert all(reference[i] == prediction[j] for i, j in found)
        assert found == sorted(found) and len({j for _, j in found}) == len(found)
        assert subsequence.length(reference, prediction) == len(found)


def test_long_sequences_are_as_exact_as_short_ones() -> None:
    chance = random.Random(1)
    reference, prediction = chance.choices("abc", k=300), chance.choices("abc", k=500)
    assert subsequence.length(reference, prediction) == len(rouge_scorer.lcs_ind(reference, prediction))
