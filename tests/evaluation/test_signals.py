"""Signs of gaming, each with its sentence."""

from __future__ import annotations

import pytest

from workbench.evaluation.signals import signals


def flagged(prediction: str, *references: str) -> set[str]:
    return {name for name, signal in signals(prediction, references).items() if signal.flagged}


def test_repeating_a_right_word_is_exposed_with_both_precisions() -> None:
    found = signals("cold cold cold cold", ["it is cold outside"])
    assert found["clipping"].value == 0.75
    assert found["clipping"].sentence == (
        "3 of 4 word matches are repeats of 'cold'; unclipped precision would be 1.00, clipped is 0.25."
    )
    assert found["repetition"].value == 0.75
    assert flagged("cold cold cold cold", "it is cold outside") == {"clipping", "repetition"}


def test_a_good_answer_is_not_flagged() -> None:
    assert flagged("it is very cold outside", "it is cold outside") == set()


@pytest.mark.parametrize("prediction", ["cold", "it is cold outside today and it was so too"])
def test_a_length_far_from_the_reference_is_flagged(prediction: str) -> None:
    assert "length" in flagged(prediction, "it is cold outside")


def test_the_reference_that_scores_best_is_the_one_compared() -> None:
    found = signals("it is cold", ["completely other words that go on and on", "it is cold"])
    assert found["length"].sentence == (
        "The prediction is 1.00 times as long as the reference (3 against 3 words)."
    )


def test_an_empty_prediction_and_one_that_rouge_cannot_see_are_told_apart() -> None:
    assert signals(" \n", ["a"])["empty"].sentence == "The prediction is empty."
    assert signals("日本語", ["日本語"])["empty"].sentence == (
        "ROUGE sees only the letters a-z and digits, and the prediction has none."
    )
    assert flagged("", "a") == {"empty", "length"}
    assert flagged("", "") == {"empty"}
