"""All longest common subsequences at once, against listing them one by one."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

from workbench.evaluation import subsequence
from workbench.evaluation.paths import participation


def every_alignment(reference: str, prediction: str) -> list[tuple[tuple[int, int], ...]]:
    """All largest sets of pairs of equal letters that keep both orders."""
    for length in range(min(len(reference), len(prediction)), -1, -1):
        found = [
            tuple(zip(one, other, strict=True))
            for one in combinations(range(len(reference)), length)
            for other in combinations(range(len(prediction)), length)
            if all(reference[i] == prediction[j] for i, j in zip(one, other, strict=True))
        ]
        if found:
            return found
    raise AssertionError("the empty alignment is one")


def test_shares_and_paths_are_those_of_all_alignments_listed() -> None:
    chance = random.Random(0)
    for _ in range(250):
        alphabet = "abc"[: chance.randrange(1, 4)]
        reference = "".join(chance.choices(alphabet, k=chance.randrange(7)))
        prediction = "".join(chance.choices(alphabet, k=chance.randrange(7)))
        found = participation(reference, prediction)
        assert found is not None
        alignments = every_alignment(reference, prediction)
        through = Counter(j for each in alignments for _, j in each)
        expected = [through[j] / len(alignments) for j in range(len(prediction))]
        assert (found.length, found.shares) == (len(alignments[0]), expected)
        kinds = ["must" if share == 1 else "may" if share else "never" for share in expected]
        assert found.paths == kinds


def test_a_word_that_all_need_shortens_the_subsequence_by_one_when_it_goes() -> None:
    chance = random.Random(1)
    for _ in range(100):
        reference, prediction = chance.choices("abcd", k=30), chance.choices("abcd", k=25)
        found = participation(reference, prediction)
        assert found is not None
        for j, path in enumerate(found.paths):
            without = subsequence.length(reference, prediction[:j] + prediction[j + 1 :])
            assert without == found.length - (path == "must")
        assert abs(sum(found.shares) - found.length) < 1e-12


def test_ways_beyond_all_numbers_of_the_machine_are_counted() -> None:
    found = participation("a" * 300, "a" * 600)
    assert found is not None
    assert found.shares == [0.5] * 600


def test_too_many_equal_words_are_not_looked_into() -> None:
    assert participation("a" * 1_000, "a" * 1_000) is None
