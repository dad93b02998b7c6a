"""What each token earned: labels, partners and places in the raw text."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import BadInput
from workbench.evaluation import breakdown, rouge, subsequence

Pair = tuple[str, list[str]]


def labels(tokens: tuple[breakdown.TokenLabel, ...]) -> list[str]:
    return [token.label for token in tokens]


def test_a_right_word_said_four_times_matches_once() -> None:
    found = breakdown.rouge("cold cold cold cold", "it is cold outside")
    assert Counter(labels(found.prediction)) == {"matched": 1, "clipped": 3}
    assert labels(found.reference) == ["missed", "missed", "recalled", "missed"]
    assert (found.matched, found.clipped, found.novel, found.missed) == (1, 3, 0, 3)
    assert found.sentence == (
        "1 of the prediction's 4 words matched, 3 clipped (beyond the reference's count); "
        "3 of the reference's 4 words missed."
    )


@pytest.mark.parametrize(
    ("prediction", "novel_clipped_missed"),
    [
        ("cold cold cold cold", (0, 3, 3)),
        ("cold outside it is", (0, 0, 0)),
        ("it is very cold outside", (1, 0, 0)),
        ("it is cold outside it is cold outside", (0, 4, 0)),
    ],
)
def test_the_worked_cases_have_their_losses(
    prediction: str, novel_clipped_missed: tuple[int, int, int]
) -> None:
    found = breakdown.rouge(prediction, "it is cold outside")
    assert (found.novel, found.clipped, found.missed) == novel_clipped_missed


@pytest.mark.parametrize("metric", breakdown.ALL_METRICS)
@pytest.mark.parametrize("stemmer", [False, True])
def test_every_breakdown_adds_up_to_its_score(random_pairs: list[Pair], metric: str, stemmer: bool) -> None:
    for prediction, references in random_pairs[:1000]:
        found = breakdown.rouge(prediction, references[0], metric=metric, stemmer=stemmer)
        score = rouge.score(prediction, references[:1], stemmer=stemmer)[metric]
        assert (found.precision, found.recall, found.fmeasure) == (
            score.precision,
            score.recall,
            score.fmeasure,
        )
        predicted = found.matched + found.clipped + found.novel
        expected = found.matched + found.missed
        assert score == rouge.from_counts(found.matched, predicted, expected)
        if predicted + expected:
            loss = (found.novel + found.clipped + found.missed) / (predicted + expected)
            assert 1 - score.fmeasure == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("metric", breakdown.ALL_METRICS)
def test_tokens_point_back_into_the_raw_text_and_at_each_other(random_pairs: list[Pair], metric: str) -> None:
    for prediction, (reference, *_) in random_pairs[:1000]:
        found = breakdown.rouge(prediction, reference, metric=metric)
        for text, tokens in ((prediction, found.prediction), (reference, found.reference)):
            assert [text[token.start : token.end] for token in tokens] == [token.text for token in tokens]
            assert ["".join(rouge.tokenize(token.text)) for token in tokens] == rouge.tokenize(text)
        for index, token in enumerate(found.prediction):
            assert (token.label == "matched") == bool(token.partners)
            for partner in token.partners:
                other = found.reference[partner]
                assert index in other.partners
                assert rouge.tokenize(other.text) == rouge.tokenize(token.text)


def test_a_capital_that_grows_in_lower_case_keeps_every_place_right() -> None:
    found = breakdown.rouge("İyi GÜN, İstanbul", "iyi istanbul")
    assert [(token.text, token.start) for token in found.prediction] == [
        ("İ", 0),
        ("yi", 1),
        ("G", 4),
        ("N", 6),
        ("İ", 9),
        ("stanbul", 10),
    ]


def test_the_longest_common_subsequence_is_matched_first(random_pairs: list[Pair]) -> None:
    for prediction, (reference, *_) in random_pairs[:500]:
        said, wanted = rouge.tokenize(prediction), rouge.tokenize(reference)
        found = breakdown.rouge(prediction, reference)
        for i, j in subsequence.pairs(wanted, said):
            assert found.prediction[j].partners == (i,)


def test_of_what_is_left_the_pair_with_most_context_is_matched_before_the_leftmost() -> None:
    found = breakdown.rouge("b a x q q q q q", "q q q q q a b a x")
    matched = {token.text: token.partners for token in found.prediction if token.text in "bax"}
    assert matched == {"b": (6,), "a": (7,), "x": (8,)}


def test_orders_do_not_nest_so_each_has_labels_of_its_own() -> None:
    by_word, by_pair = (
        breakdown.rouge("x a z a y", "x a y", metric=metric) for metric in breakdown.METRICS[:2]
    )
    assert Counter(labels(by_word.prediction)) == {"matched": 3, "clipped": 1, "novel": 1}
    assert labels(by_pair.prediction) == ["matched", "matched", "novel", "matched", "matched"]
    assert by_pair.reference[1].partners == (1, 3)


def test_out_of_order_words_earn_nothing_in_rouge_l() -> None:
    found = breakdown.rouge("cold outside it is", "it is cold outside", metric="rougeL")
    assert Counter(labels(found.prediction)) == {"matched": 2, "clipped": 2}


def test_stems_match_and_the_raw_words_are_shown() -> None:
    found = breakdown.rouge("Running dogs", "dog runs", stemmer=True)
    assert [(token.text, token.label) for token in found.prediction] == [
        ("Running", "matched"),
        ("dogs", "matched"),
    ]


def test_texts_without_words_are_explained() -> None:
    assert breakdown.rouge("", "a").sentence == "The prediction has no word to compare, so the score is 0."
    pair = breakdown.rouge("a b", "a", metric="rouge2")
    assert pair.sentence == "The reference has no word pair to compare, so the score is 0."
    assert labels(pair.reference) == ["missed"]


def test_thousands_of_repeats_are_matched_in_a_moment() -> None:
    found = breakdown.rouge("a " * 2_000 + "b " * 2_000, "b " * 2_000 + "a " * 2_000)
    assert found.matched == 4_000


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "Running", "dogs", "dog"]), max_size=12).map(" ".join)
LINES = st.lists(WORDS, min_size=1, max_size=3).map("\n".join)


@given(LINES, LINES, st.sampled_from(breakdown.ALL_METRICS), st.booleans())
@settings(max_examples=500, deadline=None)
def test_shares_add_up_to_the_score_and_without_is_scoring_again(
    prediction: str, reference: str, metric: str, stemmer: bool
) -> None:
    found = breakdown.rouge(prediction, reference, metric=metric, stemmer=stemmer)
    shares = [token.share for token in found.prediction]
    assert None not in shares
    assert sum(share for share in shares if share) == pytest.approx(found.fmeasure, abs=1e-12)
    for token in found.prediction:
        rest = f"{prediction[: token.start]} {prediction[token.end :]}"
        score = rouge.score(rest, [reference], stemmer=stemmer)[metric].fmeasure
        assert token.without == score - found.fmeasure


def test_shares_of_real_texts_add_up(real_pairs: list[Pair]) -> None:
    for prediction, references in real_pairs[:60]:
        for metric, found in breakdown.rouges(prediction, references[0]).items():
            assert sum(token.share or 0.0 for token in found.prediction) == pytest.approx(
                found.fmeasure, abs=1e-12
            )
            assert found == breakdown.rouge(prediction, references[0], metric=metric)


def test_equal_words_share_alike_whichever_of_them_is_drawn_as_matched() -> None:
    found = breakdown.rouge("cold cold cold cold", "it is cold outside")
    assert [token.share for token in found.prediction] == [0.25 / 4] * 4
    in_order = breakdown.rouge("cold it cold", "cold it", metric="rougeL")
    assert [token.path for token in in_order.prediction] == ["must", "must", "never"]


def test_thousands_of_repeats_leave_paths_untold_and_the_shares_whole() -> None:
    found = breakdown.rouge("a " * 2_000, "a " * 1_000, metric="rougeL")
    assert {token.path for token in found.prediction} == {None}
    assert sum(token.share or 0.0 for token in found.prediction) == pytest.approx(found.fmeasure, abs=1e-12)


def test_a_long_summary_leaves_untold_what_would_take_seconds() -> None:
    found = breakdown.rouge("a b c d\n" * 300, "b a d c\n" * 300, metric="rougeLsum")
    assert {token.without for token in found.prediction} == {None}
    assert sum(token.share or 0.0 for token in found.prediction) == pytest.approx(found.fmeasure, abs=1e-12)


def test_words_have_labels_for_runs_of_one_to_four() -> None:
    said, wanted = breakdown.ladder("x a z a y", "x a y")
    assert [word.labels for word in said] == [
        ("matched", "matched", "novel", "novel"),
        ("clipped", "matched", "novel", "novel"),
        ("novel", "novel", "novel", "novel"),
        ("matched", "matched", "novel", "novel"),
        ("matched", "matched", "novel", "novel"),
    ]
    assert [word.longest for word in said] == [2, 2, 0, 2, 2]
    assert [word.path for word in said] == ["must", "may", "never", "may", "must"]
    assert [word.longest for word in wanted] == [2, 2, 2]


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no breakdown of 'rougel'; did you mean 'rougeL'\?"):
        breakdown.rouge("a", "a", metric="rougel")
