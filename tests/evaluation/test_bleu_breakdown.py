"""What each word costs in BLEU."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import BadInput
from workbench.evaluation import bleu, bleu_breakdown

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d.", "1.5", "é"]), max_size=12).map(" ".join)
OPTIONS = st.builds(
    bleu.Options,
    st.sampled_from(bleu.TOKENIZERS),
    st.booleans(),
    st.sampled_from(bleu.SMOOTHINGS),
    effective_order=st.sampled_from(bleu.EFFECTIVE_ORDERS),
)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), OPTIONS)
@settings(max_examples=400, deadline=None)
def test_losses_and_brevity_add_up_and_without_is_scoring_again(
    prediction: str, references: list[str], options: bleu.Options
) -> None:
    found = bleu_breakdown.explain(prediction, references, options)
    assert found.score == bleu.sentence(prediction, references, options)
    if found.loss is not None:
        total = sum(word.loss or 0.0 for word in found.prediction) + found.brevity_loss
        assert total == pytest.approx(found.loss, abs=1e-12)
    said = bleu.words(prediction, options)
    wanted = [" ".join(bleu.words(each, options)) for each in references]
    uncut = replace(options, tokenize="none")
    for at, word in enumerate(found.prediction):
        rest = " ".join(said[:at] + said[at + 1 :])
        assert word.without == bleu.sentence(rest, wanted, uncut) - found.score


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), OPTIONS)
@settings(max_examples=200, deadline=None)
def test_labels_count_what_the_score_counts(
    prediction: str, references: list[str], options: bleu.Options
) -> None:
    """With one reference and single words labels and counts can be told against each other."""
    found = bleu_breakdown.explain(prediction, references, options)
    first = [word.labels[0] for word in found.prediction]
    assert first.count("matched") == found.matched[0]
    assert len(first) == found.total[0]
    recalled = [word.labels[0] for words in found.references for word in words]
    assert recalled.count("recalled") == found.matched[0]
    assert all(word.longest == 0 or word.labels[word.longest - 1] == "matched" for word in found.prediction)


def test_a_short_answer_is_billed_for_what_is_missing() -> None:
    found = bleu_breakdown.explain("it is cold", ["it is cold outside now"])
    assert (found.missing_words, found.brevity_loss) == (2, pytest.approx(2 / 3))
    assert found.unbrief_score == pytest.approx(100)
    assert [word.loss for word in found.prediction] == [0.0, 0.0, 0.0]
    assert found.sentence == (
        "3 of 3 words, 2 of 2 runs of 2, 1 of 1 runs of 3 match; "
        "2 more words would lift the brevity penalty of 0.513, which takes 48.7 % of the score."
    )


def test_a_run_matches_in_the_reference_that_has_it_most_often() -> None:
    found = bleu_breakdown.explain("cold cold cold", ["cold", "cold cold", "cold cold"])
    assert [word.labels[0] for word in found.prediction].count("matched") == 2
    recalled = [[word.labels[0] for word in words] for words in found.references]
    assert recalled == [["missed"], ["recalled", "recalled"], ["missed", "missed"]]


def test_a_score_of_zero_has_no_losses_and_says_why() -> None:
    found = bleu_breakdown.explain("x y", ["a b"])
    assert (found.score, found.loss) == (0.0, None)
    assert [word.loss for word in found.prediction] == [None, None]
    assert found.sentence == "No word of the prediction is in a reference, so the score is 0."
    empty = bleu_breakdown.explain("", ["a b"])
    assert (empty.prediction, empty.sentence) == ((), "The prediction has no word, so the score is 0.")


def test_no_reference_is_refused() -> None:
    with pytest.raises(BadInput, match="a prediction has no reference"):
        bleu_breakdown.explain("a", [])
