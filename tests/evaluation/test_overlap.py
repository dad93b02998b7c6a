"""What two sequences have in common, counted the short way, is what counting all of it gives."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation import bleu
from workbench.evaluation.overlap import matches

WORDS = st.lists(st.sampled_from("abcdef"), max_size=9)


@given(WORDS, WORDS)
def test_matches_are_counted_as_often_as_both_sides_have_them(said: list[str], wanted: list[str]) -> None:
    assert matches(said, wanted) == (Counter(said) & Counter(wanted)).total()


@given(WORDS, WORDS.filter(bool))
def test_one_reference_counts_as_the_same_one_given_twice(said: list[str], wanted: list[str]) -> None:
    text, reference = " ".join(said), " ".join(wanted)
    assert bleu.counts(text, [reference]) == bleu.counts(text, [reference, reference])
