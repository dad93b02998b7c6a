"""Votes for the better answer come back as they were given, and become rows to train on."""

from __future__ import annotations

import pytest

from store import BadInput, NotFound, Store
from store.preferences import Candidate, Vote, pairs


def vote(store: Store, *texts: str, winner: int | None, model: str = "tiny", prompt: str = "asked") -> Vote:
    systems = (None, "a", "b", "c")
    return store.preferences.add(
        model=model,
        prompt=prompt,
        references=("right",),
        candidates=[Candidate(system, text) for system, text in zip(systems, texts, strict=False)],
        winner=winner,
        sampling={"seed": 3},
    )


def test_a_vote_comes_back_as_it_was_given_the_newest_first(store: Store) -> None:
    first = vote(store, "no", "yes", winner=1)
    second = vote(store, "same", "same too", winner=None, model="other")
    assert store.preferences.list() == [second, first]
    assert store.preferences.list("tiny") == [first]
    assert first.candidates == (Candidate(None, "no"), Candidate("a", "yes"))
    assert (first.winner, first.references, first.sampling) == (1, ("right",), {"seed": 3})
    assert second.winner is None


def test_each_answer_beaten_is_a_row_and_ties_and_equal_words_are_none(store: Store) -> None:
    vote(store, "worst", "best", "bad", "best", winner=1)
    vote(store, "one", "other", winner=None)
    assert list(pairs(store.preferences.list())) == [
        {"prompt": "asked", "chosen": "best", "rejected": "worst"},
        {"prompt": "asked", "chosen": "best", "rejected": "bad"},
    ]


def test_a_vote_can_be_taken_back(store: Store) -> None:
    kept, wrong = vote(store, "x", "y", winner=0), vote(store, "x", "y", winner=1)
    store.preferences.remove(wrong.id)
    assert store.preferences.list() == [kept]
    with pytest.raises(NotFound, match="v99"):
        store.preferences.remove("v99")


def test_what_is_no_choice_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="no choice"):
        vote(store, "alone", winner=0)
    with pytest.raises(BadInput, match="no answer 2"):
        vote(store, "x", "y", winner=2)
    assert store.preferences.list() == []


def test_a_text_that_sqlite_refuses_is_kept_as_far_as_it_can_be(store: Store) -> None:
    assert vote(store, "x", "\ud800", winner=0, prompt="\ud800 hm").prompt == "? hm"


def test_prompts_are_kept_once_the_latest_first_and_not_without_end(store: Store) -> None:
    for text in ("first", "second", "first"):
        store.prompts.use(text)
    assert store.prompts.list() == ["first", "second"]
    for number in range(205):
        store.prompts.use(f"prompt {number}")
    found = store.prompts.list()
    assert len(found) == 200 and found[0] == "prompt 204" and "second" not in found
