"""Scores of short answers and labels."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import product

import pytest

from store.errors import BadInput
from workbench.evaluation import agreement
from workbench.evaluation.agreement import Labels, exact_match, label_scores, perplexity, token_f1


def test_an_answer_matches_without_case_articles_and_punctuation() -> None:
    assert exact_match("The  Cat!", ["dog", "a cat"]) == 1.0
    assert exact_match("cats", ["cat"]) == 0.0
    assert exact_match("", ["the"]) == 1.0


def test_token_f1_takes_the_reference_that_fits_best() -> None:
    assert token_f1("the black cat", ["a dog", "black cat there"]) == pytest.approx(0.8)
    assert token_f1("", ["the"]) == 1.0
    assert token_f1("", ["cat"]) == 0.0


def test_two_labels_have_the_textbook_values() -> None:
    counts = {("yes", "yes"): 6, ("yes", "no"): 2, ("no", "yes"): 1, ("no", "no"): 3}
    found = label_scores(counts)
    assert found.accuracy == 9 / 12
    assert found.macro_f1 == pytest.approx((12 / 15 + 6 / 9) / 2)
    assert found.matthews == pytest.approx((6 * 3 - 2 * 1) / math.sqrt(7 * 8 * 4 * 5))


def test_many_labels_correlate_as_their_indicators_do() -> None:
    """The correlation of the two tables of indicators, worked out cell by cell."""
    chance = random.Random(0)
    for _ in range(20):
        rows = [(chance.choice("abcd"), chance.choice("abcd")) for _ in range(50)]
        labels = sorted({each for row in rows for each in row})

        def covariance(one: int, other: int, rows: list = rows, labels: list = labels) -> float:
            total = 0.0
            for label in labels:
                means = [sum(row[side] == label for row in rows) / len(rows) for side in (one, other)]
                total += sum(
                    ((row[one] == label) - means[0]) * ((row[other] == label) - means[1]) for row in rows
                )
            return total

        expected = covariance(0, 1) / math.sqrt(covariance(0, 0) * covariance(1, 1))
        assert label_scores(Counter(rows)).matthews == pytest.approx(expected)


def test_one_label_alone_correlates_with_nothing() -> None:
    assert label_scores({("a", "a"): 5}).matthews == 0.0


def test_labels_are_counted_row_by_row() -> None:
    labels = Labels()
    assert [labels.add(" yes\n", ["yes"]), labels.add("no", ["yes", "no"]), labels.add("Yes", ["yes"])] == [
        1,
        1,
        0,
    ]
    assert labels.scores().accuracy == pytest.approx(2 / 3)


def test_texts_of_all_kinds_are_no_labels() -> None:
    labels = Labels()
    for one, other in product(range(40), range(40)):
        labels.add(f"{one} {other}", [f"{other} {one}"])
    with pytest.raises(BadInput, match="of more than 1,000 kinds, which are no labels"):
        labels.scores()
    with pytest.raises(BadInput, match="there are no rows"):
        Labels().scores()


def test_perplexity_is_that_of_a_uniform_choice() -> None:
    assert perplexity(7 * math.log(1 / 50), 7) == pytest.approx(50)
    assert perplexity(-1e9, 1) == math.inf
    with pytest.raises(BadInput, match="no token"):
        perplexity(0.0, 0)


@pytest.mark.parametrize("score", [exact_match, token_f1, agreement.Labels().add])
def test_an_answer_without_a_reference_is_refused(score: object) -> None:
    assert callable(score)
    with pytest.raises(BadInput, match="a prediction has no reference"):
        score("a", [])
