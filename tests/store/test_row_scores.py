"""Scores of rows: kept beside the answers, sorted by any of them, and forgotten with the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store import BadInput, Store, patterns
from store.evaluations import EvaluationRow
from store.row_scores import NAMES, Scores, Sort, Spread

IDS = ("e1", "e2")


def row(index: int, prediction: str = "cold", reference: str = "it is cold") -> EvaluationRow:
    return EvaluationRow(index, f"prompt {index}", prediction, (reference, "100%"), None)


def scores(rouge1: float, **more: float) -> Scores:
    return dict.fromkeys(NAMES, 0.0) | {"rouge1": rouge1, "reference_words": 3} | more


@pytest.fixture
def scored(store: Store) -> Store:
    """Two systems; the second has not answered the last row."""
    group = None
    for said in ((0.5, 0.25, 1.0), (0.75, 1.0)):
        made = store.evaluations.create(
            group, model="m", adapter=None, dataset="d", split="test", template="t", total=3, settings={}
        )
        group = made.group
        rows = [row(at, f"answer {at} of {made.id}", f"reference {9 - at}") for at in range(len(said))]
        store.evaluations.append(made.id, rows)
        store.row_scores.put(made.id, [(each, scores(value)) for each, value in zip(rows, said, strict=True)])
    return store


def order(store: Store, sort: Sort, text: str = "") -> list[int]:
    return list(store.row_scores.order(IDS, sort, text))


def test_rows_are_sorted_by_a_score_of_any_system_and_those_without_it_are_last(scored: Store) -> None:
    assert order(scored, Sort()) == [0, 1, 2]
    assert order(scored, Sort("rouge1", 0)) == [1, 0, 2]
    assert order(scored, Sort("rouge1", 1, descending=True)) == [1, 0, 2]
    assert order(scored, Sort("rouge1", 1)) == [0, 1, 2]


def test_rows_are_sorted_by_the_difference_of_two_systems(scored: Store) -> None:
    assert order(scored, Sort("rouge1", -1, less=0, descending=True)) == [1, 0, 2]


def test_a_text_is_looked_for_in_prompts_references_and_every_answer(scored: Store) -> None:
    assert order(scored, Sort(), "PROMPT 1") == [1]
    assert order(scored, Sort(), "answer 0 of e2") == [0]
    assert order(scored, Sort(), "reference 7") == [2]
    assert order(scored, Sort(), "100%") == [0, 1, 2]
    assert order(scored, Sort(), "%") == [0, 1, 2]
    assert order(scored, Sort(), "answer_0") == []


def test_a_pattern_is_looked_for_there_too(scored: Store) -> None:
    def found(text: str) -> list[int]:
        return list(scored.row_scores.order(IDS, Sort(), patterns.pattern(text)))

    assert found("answer [01] of") == [0, 1]
    assert found("^reference 7$") == [2]
    assert found("prompt 1") == [1]
    assert found("Answer 0") == []
    assert found("ANSWER|reference 8") == [1]


@pytest.mark.parametrize("text", ["ärger", "ÄRGER", 'say "hi"', "c:\\temp", "one\ntwo"])
def test_letters_of_any_alphabet_and_quotes_are_found_in_answers_and_references(
    scored: Store, text: str
) -> None:
    said = 'Ärger: say "Hi" to C:\\Temp, one\ntwo'
    for at, told in enumerate((row(0, prediction=said), row(1, reference=said))):
        scored.evaluations.append("e1", [told])
        scored.row_scores.put("e1", [(told, scores(at))])
    typed = patterns.lenient(text.lower().replace("\\", "\\\\"))
    assert list(scored.row_scores.order(IDS, Sort(), text)) == [0, 1]
    assert list(scored.row_scores.order(IDS, Sort(), typed)) == [0, 1]


def test_an_unknown_score_is_refused_with_the_nearest_one(scored: Store) -> None:
    with pytest.raises(BadInput, match="'rouge3'"):
        order(scored, Sort("rouge3"))
    with pytest.raises(BadInput, match="no system 3"):
        order(scored, Sort("rouge1", 2))


def test_a_page_has_the_scores_of_every_system_in_the_order_asked_for(scored: Store) -> None:
    last, first = scored.row_scores.page(IDS, [2, 0])
    assert (last.index, last.reference, first.index) == (2, "reference 7", 0)
    assert [each and each["rouge1"] for each in last.scores] == [1.0, None]
    assert [each and each["rouge1"] for each in first.scores] == [0.5, 0.75]


def test_an_answer_given_again_has_no_scores_until_it_is_scored_again(scored: Store) -> None:
    stale = row(1, "answer 1 of e1")
    scored.evaluations.append("e1", [row(1, "another answer")])
    assert scored.row_scores.count("e1") == 2
    assert [each.index for each in scored.row_scores.unscored("e1")] == [1]
    scored.row_scores.put("e1", [(stale, scores(1.0))])
    assert scored.row_scores.count("e1") == 2


def test_what_is_scored_tells_whether_the_limit_cut_an_answer_off(scored: Store) -> None:
    scored.evaluations.append("e1", [replace(row(1, "an answer that"), tokens=3, truncated=True)])
    assert [each.truncated for each in scored.row_scores.unscored("e1")] == [True]
    answered = scored.row_scores.answers(["e1"], 1)
    assert [each and (each.tokens, each.truncated) for each in answered] == [(3, True)]


def test_scores_go_with_their_evaluation(scored: Store) -> None:
    scored.evaluations.remove("e1")
    scored.trash.expire(0)
    assert (scored.row_scores.count("e1"), scored.row_scores.count("e2")) == (0, 2)


def test_a_spread_counts_scores_by_their_height_and_by_the_references_length(scored: Store) -> None:
    found = scored.row_scores.spread("e1", "rouge1", 4, 1.0)
    assert found == Spread(3, (0, 1, 1, 1), ((3, 3, 1.75),))


def test_what_each_system_said_to_a_row_is_read_together(scored: Store) -> None:
    one, other = scored.row_scores.answers(IDS, 2)
    assert one is not None and one.prediction == "answer 2 of e1" and other is None
