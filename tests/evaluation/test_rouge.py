"""ROUGE equals the `rouge-score` package to the last bit."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from store.errors import BadInput
from workbench.evaluation import rouge

Pair = tuple[str, list[str]]


def values(scores: dict[str, rouge.Score]) -> dict[str, tuple[float, float, float]]:
    return {kind: (score.precision, score.recall, score.fmeasure) for kind, score in scores.items()}


def assert_equal_to_rouge_score(pairs: Sequence[Pair], stemmer: bool) -> None:
    scorer = RougeScorer(list(rouge.ROUGE), use_stemmer=stemmer)
    for prediction, references in pairs:
        expected = {kind: tuple(s) for kind, s in scorer.score_multi(references, prediction).items()}
        assert values(rouge.score(prediction, references, stemmer=stemmer)) == expected, (
            prediction,
            references,
        )


@pytest.mark.parametrize("stemmer", [False, True])
def test_random_texts_score_as_rouge_score_says(random_pairs: list[Pair], stemmer: bool) -> None:
    assert_equal_to_rouge_score(random_pairs, stemmer)


@pytest.mark.parametrize("stemmer", [False, True])
def test_real_texts_score_as_rouge_score_says(real_pairs: list[Pair], stemmer: bool) -> None:
    assert_equal_to_rouge_score(real_pairs[:200], stemmer)


def test_published_values_of_single_pairs_hold(published_rouge: dict[str, Any]) -> None:
    for case in published_rouge["inline"]:
        found = rouge.score(case["prediction"], [case["target"]], stemmer=case["use_stemmer"])
        for kind, expected in case["scores"].items():
            assert values(found)[kind] == (expected["precision"], expected["recall"], expected["fmeasure"])


def test_published_values_of_files_hold(published_rouge: dict[str, Any]) -> None:
    for case in published_rouge["files"]:
        found = rouge.score(case["prediction"], [case["target"]], stemmer=case["use_stemmer"])
        for kind, expected in case["scores"].items():
            exact = (expected["precision"], expected["recall"], expected["fmeasure"])
            assert values(found)[kind] == pytest.approx(exact, abs=0.5 * 10 ** -case["places"])


def test_each_kind_takes_its_own_best_reference(published_rouge: dict[str, Any]) -> None:
    for case in published_rouge["multi_reference"]:
        found = rouge.score(case["prediction"], case["targets"], stemmer=case["use_stemmer"])
        assert {kind: found[kind].fmeasure for kind in case["fmeasure"]} == case["fmeasure"]


def test_the_reference_that_is_named_best_is_the_one_that_is_scored(random_pairs: list[Pair]) -> None:
    for prediction, references in random_pairs[:500]:
        for kind, score in rouge.score(prediction, references).items():
            chosen = references[rouge.best_reference(prediction, references, kind)]
            assert rouge.score(prediction, [chosen])[kind] == score


def test_the_mean_is_the_plain_one() -> None:
    means = rouge.Means()
    with pytest.raises(BadInput, match="there are no rows"):
        means.scores()
    for row in (rouge.score("a b c", ["a b"]), rouge.score("a", ["b"])):
        means.add(row)
    assert means.scores()["rouge1"].precision == math.fsum([2 / 3, 0.0]) / 2


def test_a_prediction_without_a_reference_is_refused() -> None:
    with pytest.raises(BadInput, match="a prediction has no reference"):
        rouge.score("a", [])


def test_scoring_loads_neither_numpy_nor_the_packages_it_equals() -> None:
    script = (
        "import sys\n"
        "from workbench.evaluation.meters import Choices\n"
        "from workbench.evaluation.report import score_rows\n"
        "rows = [{'prediction': 'running dogs', 'reference': 'a dog runs'}]\n"
        "score_rows(rows, Choices(tokens=True, stemmer=True))\n"
        "heavy = {'numpy', 'nltk', 'rouge_score', 'sacrebleu', 'torch', 'pandas', 'textual'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
