"""How often one system was preferred over another, and within which bounds."""

from __future__ import annotations

import pytest

from store.preferences import Candidate, Vote
from workbench.evaluation.wins import duels, wilson


def vote(*systems: str | None, winner: int | None, model: str = "m") -> Vote:
    candidates = tuple(Candidate(system, f"said by {system}") for system in systems)
    return Vote("v1", model, "asked", (), candidates, winner, {}, 0.0)


def test_wilsons_bounds_are_the_published_ones() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: method 3, without continuity correction."""
    for wins, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(wins, trials)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert wilson(29, 29).high == 1.0


def test_every_pair_is_one_row_however_its_answers_were_shuffled() -> None:
    votes = [
        vote(None, "a", winner=1),
        vote("a", None, winner=0),
        vote("a", None, winner=1),
        vote(None, "a", winner=None),
    ]
    (duel,) = duels(votes)
    assert (duel.first, duel.second, duel.wins, duel.losses, duel.ties) == ("a", None, 2, 1, 1)
    assert duel.share == pytest.approx(2 / 3)
    assert duel.interval == wilson(2, 3)


def test_a_vote_among_three_says_nothing_of_those_who_lost() -> None:
    found = {(duel.first, duel.second): duel for duel in duels([vote("a", "b", None, winner=0)])}
    assert (found["a", "b"].wins, found["a", None].wins) == (1, 1)
    lost = found["b", None]
    assert (lost.wins, lost.losses, lost.ties, lost.share, lost.interval) == (0, 0, 0, None, None)


def test_two_bases_are_never_mixed() -> None:
    assert len(duels([vote(None, "a", winner=0), vote(None, "a", winner=0, model="other")])) == 2
