"""What a person types to find something: a regular expression with smart case, refused with the reason."""

from __future__ import annotations

import re

import pytest

from store import patterns
from store.errors import BadInput


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        ("lora", "A LoRA", "dora"),
        ("LoRA", "A LoRA", "a lora"),
        (r"\Sora", "LORA", " ora"),
        ("^b$", "a\nB\nc", "ab"),
        ("lora|ia3", "IA3", "dora"),
        ("", "anything", None),
    ],
)
def test_case_matters_where_a_capital_letter_is_typed(text: str, found: str, missed: str | None) -> None:
    wanted = patterns.pattern(text)
    assert wanted.search(found)
    assert missed is None or not wanted.search(missed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(", "unterminated"),
        ("*a", "nothing to repeat"),
        ("[b-a]", "bad character range"),
        ("a{9999999999}", ""),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=f"is no regular expression: .*{told}"):
        patterns.pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "(?:a*)*b",
        "((a|b*)c)*d",
        "(x{2,}y)+",
        r"(\d+,)*z",
        r"(.|\s)+x",
        "(a|a)*b",
        "(aa?)*b",
        "(a?){25}a{25}",
        "a*a*a*a*a*b",
    ],
)
def test_a_pattern_that_may_be_searched_for_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="without an end"):
        patterns.pattern(text)


@pytest.mark.parametrize("text", ["(ab)+", "a+b*", r"(\(\*\))+", "([*+])*", r"(\d{3})+", "(a+)?b", "(a)(b)"])
def test_other_repeats_are_fine(text: str) -> None:
    assert patterns.pattern(text).pattern == text


def test_a_pattern_still_being_typed_is_looked_for_as_it_stands() -> None:
    assert patterns.lenient("a(").search("xA(y")
    assert not patterns.lenient("a(").search("a")
    assert patterns.lenient("a|b").search("b")


@pytest.mark.parametrize(
    ("text", "plain", "needed"),
    [
        ("word two", "word two", "word two"),
        ("Word", "", "word"),
        ("^word", "", "word"),
        ("ab.cde", "", "cde"),
        ("colou?r", "", "colo"),
        ("abc+def", "", "abc"),
        ("abcd*", "", "abc"),
        ("a|b", "", ""),
        (r"\d", "", ""),
    ],
)
def test_what_must_stand_in_every_match_is_known(text: str, plain: str, needed: str) -> None:
    wanted = patterns.pattern(text)
    assert patterns.plain(wanted) == plain
    assert patterns.needed(wanted) == needed


def test_what_is_needed_stands_in_whatever_is_found() -> None:
    texts = ["color", "COLOUR", "colo", "abccdef", "abcef", "ab\ncde", "abXcde", "aword", "word\nword"]
    for written in ("colou?r", "abc+def", "ab.cde", "^word", "colo.?r$", "abc+?d*"):
        wanted = patterns.pattern(written)
        for text in filter(wanted.search, texts):
            assert patterns.needed(wanted) in text.lower()
            assert re.search(wanted, text)
