"""One answer beside its reference, drawn word by word."""

from __future__ import annotations

import pytest

from workbench.tui.present import pair

SAID = "Cold, cold cold night!"
WANTED = "It is cold. A night outside"


def sides(said: str = SAID, wanted: str = WANTED, metric: str = "rouge1") -> tuple[pair.Side, pair.Side]:
    return pair.sides(pair.explain("base", said, (wanted,), metric))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", [SAID, "  leading and trailing  ", "...", "", "a", "nur Wörter — und\nZeilen 🙂 x"]
)
def test_the_drawn_tokens_are_the_text_and_nothing_else(text: str) -> None:
    said, wanted = sides(text)
    assert text == "".join(token.text for token in pair.tokens(said, wanted))


def test_words_have_the_style_of_what_they_earned_and_punctuation_has_none() -> None:
    said, wanted = sides()
    drawn = [(token.text, token.style_class) for token in pair.tokens(said, wanted)]
    classes = {text.strip(): style for text, style in drawn}
    assert classes["night"] == "matched"
    assert sorted(style for text, style in drawn if "old" in text) == ["clipped", "clipped", "matched"]
    assert classes["!"] == "plain"


def test_marks_tell_the_same_without_colour() -> None:
    said, wanted = sides()
    for token in pair.tokens(said, wanted):
        assert bool(token.mark) == (token.style_class != "plain")


def test_partners_point_at_the_drawn_word_of_the_other_side() -> None:
    said, wanted = sides()
    there = pair.tokens(wanted, said)
    for token in pair.tokens(said, wanted):
        for partner in token.partners:
            assert there[partner].text.strip().lower() == token.text.strip().lower()
            assert there[partner].style_class == "recalled"
    assert any(token.partners for token in pair.tokens(said, wanted))


def test_the_best_matching_reference_is_shown() -> None:
    found = pair.explain("base", "a b", ("x y", "a c"), "rouge1")
    assert found.reference == "a c"


def test_the_verdict_tells_scores_why_and_what_is_odd() -> None:
    told = pair.verdict(pair.explain("mine", "cold cold cold cold", ("it is cold outside",), "rouge1")).plain
    assert told.startswith("mine  ROUGE-1 0.250 · P 0.250 R 0.250 · BLEU ")
    assert "3 clipped" in told
    assert "repeats of 'cold'" in told


def test_an_empty_answer_is_told_as_such() -> None:
    assert "The prediction is empty." in pair.verdict(pair.explain("mine", "", ("a b",), "rouge1")).plain


def test_a_prompt_of_many_lines_is_one_quiet_line() -> None:
    assert "\n" not in pair.asked("a\nb\x1b[2J").plain
