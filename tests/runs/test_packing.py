"""Which rows share a sequence: each row once and whole, little room left over, the same by the same key."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.runs.packing import WINDOW, Length, pack, pack_epoch

CAPACITY = 32
rows_of_lengths = st.lists(st.tuples(st.integers(1, CAPACITY), st.integers(0, CAPACITY)), max_size=60)


@given(rows_of_lengths)
@settings(deadline=None)
def test_each_row_is_in_one_sequence_that_has_room_for_it(lengths: list[Length]) -> None:
    """At the source and at the target alike."""
    packs = pack(lengths, CAPACITY)
    assert sorted(row for each in packs for row in each) == list(range(len(lengths)))
    for each in packs:
        assert sum(lengths[row][0] for row in each) <= CAPACITY
        assert sum(lengths[row][1] for row in each) <= CAPACITY


@given(st.lists(st.integers(1, CAPACITY), max_size=60))
@settings(deadline=None)
def test_no_two_sequences_would_have_fitted_into_one(lengths: list[int]) -> None:
    """The bound of best-fit: at most one sequence is not half full, so twice the tokens always suffice."""
    packs = pack([(length, 0) for length in lengths], CAPACITY)
    filled = sorted(sum(lengths[row] for row in each) for each in packs)
    assert len(filled) < 2 or filled[0] + filled[1] > CAPACITY


def test_short_rows_leave_next_to_no_room() -> None:
    """Two thousand rows of log-normal lengths fill their sequences to 98 % and more."""
    chance = random.Random(0)
    lengths = [(min(1024, max(8, round(chance.lognormvariate(4, 0.8)))), 0) for _ in range(2000)]
    packs = pack(lengths, 1024)
    assert sum(length for length, _ in lengths) / (1024 * len(packs)) > 0.98


def test_an_order_is_its_keys_alone_and_another_keys_is_another() -> None:
    """Also over several windows; the passes of a single window fill as many sequences."""
    chance = random.Random(0)
    rows = list(range(WINDOW + 500))
    lengths = [(chance.randint(3, 90), 0) for _ in rows]
    first, again, other = (pack_epoch(rows, lengths, 256, key) for key in ("1/0", "1/0", "1/1"))
    assert first == again != other
    assert sorted(row for each in first for row in each) == rows
    shuffled = rows[:WINDOW]
    chance.shuffle(shuffled)
    counts = {
        len(pack_epoch(order, [lengths[row] for row in order], 256, "k"))
        for order in (rows[:WINDOW], shuffled)
    }
    assert len(counts) == 1
