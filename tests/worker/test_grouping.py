"""Batches of like length: every row once, little padding, and an order that seed and epoch alone decide."""

from __future__ import annotations

import itertools
import random

import pytest

from workbench.worker.grouping import epoch_order


def lengths_of(rows: int) -> list[int]:
    """Lengths as instruction sets have them: many short, few long."""
    chance = random.Random(0)
    return [max(4, round(chance.lognormvariate(4, 0.9))) for _ in range(rows)]


def padding(lengths: list[int], order: list[int], size: int) -> float:
    """The share of a pass's positions that hold no token."""
    batches = [order[at : at + size] for at in range(0, len(order), size)]
    spent = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    return 1 - sum(lengths) / spent


@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 8, 401, 3000])
def test_a_pass_has_each_row_once(rows: int, shuffled: bool) -> None:
    """Whatever does not divide evenly."""
    order = epoch_order(lengths_of(rows), 8, seed=1, epoch=0, shuffled=shuffled)
    assert sorted(order) == list(range(rows))


def test_batches_hold_like_lengths() -> None:
    """Of 60 % padding less than a tenth is left; the batches are still in no order of length."""
    lengths = lengths_of(3000)
    order = epoch_order(lengths, 8, seed=1, epoch=0)
    assert padding(lengths, list(range(3000)), 8) > 0.5
    assert padding(lengths, order, 8) < 0.1
    longest = [max(lengths[row] for row in order[at : at + 8]) for at in range(0, 400, 8)]
    rises = sum(one < other for one, other in itertools.pairwise(longest))
    assert 10 < rises < 40


def test_an_order_is_that_of_its_seed_and_epoch() -> None:
    """Asked again it is the same, whatever came between: a resumed run goes on in it."""
    lengths = lengths_of(500)
    first = epoch_order(lengths, 4, seed=1, epoch=2)
    random.random()
    assert epoch_order(lengths, 4, seed=1, epoch=2) == first
    assert epoch_order(lengths, 4, seed=1, epoch=3) != first
    assert epoch_order(lengths, 4, seed=2, epoch=2) != first


def test_draws_stay_near_their_place() -> None:
    """What is in its order already moves within fifty batches at most: the shares of a mixture hold."""
    order = epoch_order(lengths_of(3000), 4, seed=1, epoch=0, shuffled=False)
    assert max(abs(row - place) for place, row in enumerate(order)) < 50 * 4
