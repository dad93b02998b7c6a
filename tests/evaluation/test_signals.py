"""Signs of gaming, each with its sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.evaluation.signals import longest_repeat, signals


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


def test_a_loop_is_told_with_the_passage_that_comes_again() -> None:
    found = signals(
        "so it goes on and so it goes on and so it goes on", ["it went on for a while and then ended there"]
    )
    assert found["loop"].flagged
    assert found["loop"].sentence == (
        "The longest passage that comes again has 9 words: 'so it goes on and so it goes …'."
    )
    # What the reference repeats as well is no sign of anything.
    song = "we all live in a boat we all live in a boat"
    assert not signals(song, [song])["loop"].flagged


@given(st.lists(st.sampled_from("abc"), max_size=25))
@settings(max_examples=200, deadline=None)
def test_the_longest_repeat_is_found(words: list[str]) -> None:
    lengths = [
        length
        for length in range(len(words))
        for at in range(len(words) - length + 1)
        if any(words[at : at + length] == words[other : other + length] for other in range(at))
    ]
    found = longest_repeat(words)
    assert len(found) == max(lengths, default=0)
    places = [at for at in range(len(words)) if tuple(words[at : at + len(found)]) == found]
    assert not found or len(places) > 1


def test_right_words_in_a_wrong_order_are_exposed() -> None:
    found = signals("cold outside it is", ["it is cold outside"])["scramble"]
    assert (found.value, found.flagged) == (0.5, True)
    assert found.sentence == "2 of 4 matched words are out of the reference's order."


def test_copying_the_source_is_flagged_unless_the_reference_copies_too() -> None:
    source = "Anna said that she would bring apples and that Ben brings the bread."
    copied = "she would bring apples and that Ben brings"
    found = signals(copied, ["Anna and Ben agree on the food"], source=source)["copying"]
    assert (found.value, found.flagged) == (1.0, True)
    assert found.sentence == (
        "6 of 6 runs of three words are copied from the source; of the reference's 0% are."
    )
    assert not signals(copied, ["she would bring apples and that Ben brings"], source=source)[
        "copying"
    ].flagged
    assert signals(copied, ["x"])["copying"].sentence == "No source is given to copy from."


def test_an_output_cut_off_at_the_limit_is_flagged_where_that_is_known() -> None:
    assert signals("a", ["a"], truncated=True)["truncated"].flagged
    assert not signals("a", ["a"], truncated=False)["truncated"].flagged
    assert signals("a", ["a"])["truncated"].sentence == "Nobody noted whether the output ended by itself."


@pytest.mark.parametrize(
    ("prediction", "reference", "worst"),
    [
        ("Привет мир", "hello world", "Cyrillic"),
        ("hello", "日本語", "Latin"),
        ("これは日本語です", "日本語", None),
        ("\uff28ello Ä é", "plain", None),
        ("1234 !?", "plain", None),
    ],
)
def test_letters_of_another_script_are_flagged(prediction: str, reference: str, worst: str | None) -> None:
    found = signals(prediction, [reference])["script"]
    assert found.flagged == (worst is not None)
    if worst:
        assert f"letters are {worst}, which no reference uses" in found.sentence
