"""Every score equals its package's to the last bit, on many texts and with any option."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from workbench.evaluation import bleu, chrf, rouge

Pair = tuple[str, list[str]]
Draw = Callable[..., Iterator[Pair]]

OFTEN = 1_500
"""So many pairs at each run of the tests; the full numbers are for `-m slow`."""


def assert_equal_to_the_packages(pairs: Iterable[Pair]) -> None:
    """Compare each pair's scores, with options drawn anew for each."""
    chance = random.Random(1)
    scorers = [RougeScorer(list(rouge.ROUGE), use_stemmer=stemmer) for stemmer in (False, True)]
    for prediction, references in pairs:
        stemmer = chance.random() < 0.5
        theirs = scorers[stemmer].score_multi(references, prediction)
        ours = rouge.score(prediction, references, stemmer=stemmer)
        assert {kind: tuple(score) for kind, score in theirs.items()} == {
            kind: (score.precision, score.recall, score.fmeasure) for kind, score in ours.items()
        }, (prediction, references, stemmer)
        options = options_of(chance)
        assert (
            bleu.sentence(prediction, references, options)
            == sacrebleu.sentence_bleu(
                prediction,
                references,
                smooth_method=options.smooth,
                smooth_value=options.smooth_value,
                lowercase=options.lowercase,
                tokenize=options.tokenize,
                use_effective_order=options.effective_order != "never",
            ).score
        ), (prediction, references, options)
        plus = chrf.Options(chance.choice([0, 2]), options.lowercase)
        metric = sacrebleu.CHRF(word_order=plus.word_order, lowercase=plus.lowercase)
        expected = metric.sentence_score(prediction, references).score
        assert chrf.sentence(prediction, references, plus) == expected, (prediction, references, plus)


def options_of(chance: random.Random) -> bleu.Options:
    """Any options of BLEU."""
    smooth = chance.choice(bleu.SMOOTHINGS)
    values: list[Any] = [None, 0.0, 0.01, 2.0] if smooth in bleu.DEFAULT_VALUES else [None]
    return bleu.Options(
        chance.choice(bleu.TOKENIZERS),
        chance.random() < 0.5,
        smooth,
        chance.choice(values),
        chance.choice(bleu.EFFECTIVE_ORDERS),
    )


def test_pairs_of_real_sets_score_as_the_packages_say(draw_real: Draw) -> None:
    assert_equal_to_the_packages(draw_real(OFTEN))


def test_random_texts_score_as_the_packages_say(draw_random: Draw) -> None:
    assert_equal_to_the_packages(draw_random(OFTEN, seed=2))


@pytest.mark.slow
def test_twenty_thousand_pairs_of_real_sets_score_as_the_packages_say(draw_real: Draw) -> None:
    assert_equal_to_the_packages(draw_real(20_000, seed=1))


@pytest.mark.slow
def test_a_hundred_thousand_random_texts_score_as_the_packages_say(draw_random: Draw) -> None:
    assert_equal_to_the_packages(draw_random(100_000, seed=3))


def test_every_pair_of_the_published_cases_scores_as_the_packages_say(
    published_rouge: dict[str, Any], published_bleu: dict[str, Any]
) -> None:
    pairs: list[Pair] = [
        (case["prediction"], [case["target"]])
        for case in published_rouge["inline"] + published_rouge["files"]
    ]
    pairs += [(case["prediction"], case["targets"]) for case in published_rouge["multi_reference"]]
    for case in published_bleu["corpus_bleu"]:
        pairs += [
            (prediction, references)
            for prediction, *references in zip(case["hypotheses"], *case["references"], strict=True)
        ]
    pairs += [(case["hypothesis"], case["references"]) for case in published_bleu["sentence_chrf"]]
    assert len(pairs) > 20
    assert_equal_to_the_packages(pairs * 20)  # with other options each time
