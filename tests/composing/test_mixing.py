"""Mixing: shares by the papers' formulas, and an order that keeps to them and can be entered anywhere."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.mixtures import Mixture, Task
from workbench.composing.mixing import BLOCK_DRAWS, Order, epoch_rows, shares

DRAWS = 10_000
A_FEW_SHARES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=24)


def mixture(*weights: float, **more: object) -> Mixture:
    """A mixture of as many tasks as there are weights."""
    tasks = tuple(Task(f"d{number}", "t", weight) for number, weight in enumerate(weights))
    return Mixture("m", tasks, **more)  # type: ignore[arg-type]


def test_proportional_shares_follow_the_rows_up_to_the_cap() -> None:
    """FLAN's rate min(n, K): 100, 3000 and 3000 of 6100."""
    assert shares(mixture(1, 1, 1), [100, 300, 600]) == pytest.approx([0.1, 0.3, 0.6])
    capped = shares(mixture(1, 1, 1, cap=3000), [100, 3000, 90_000])
    assert capped == pytest.approx([100 / 6100, 3000 / 6100, 3000 / 6100])
    assert shares(mixture(3, 1, cap=10), [10, 1000]) == pytest.approx([0.75, 0.25])


def test_a_temperature_of_one_is_proportional_and_a_high_one_is_even() -> None:
    """T5's rate r ** (1/T): at T = 2 the square roots."""
    rows = [100, 10_000]
    assert shares(mixture(1, 1, mixing="temperature"), rows) == shares(mixture(1, 1), rows)
    assert shares(mixture(1, 1, mixing="temperature", temperature=2.0), rows) == pytest.approx(
        [1 / 11, 10 / 11]
    )
    even = shares(mixture(1, 1, mixing="temperature", temperature=1e9), rows)
    assert even == pytest.approx([0.5, 0.5])
    steep = shares(mixture(1, 1, mixing="temperature", temperature=1e-9), rows)
    assert steep == [0.0, 1.0]


def test_fixed_shares_are_the_weights_whatever_the_rows() -> None:
    assert shares(mixture(1, 3, mixing="fixed"), [10**6, 7]) == pytest.approx([0.25, 0.75])


def test_one_pass_counts_every_row_up_to_the_cap() -> None:
    assert epoch_rows(mixture(1, 1), [100, 50]) == 150
    assert epoch_rows(mixture(1, 1, cap=60), [100, 50]) == 110


@settings(max_examples=20, deadline=None)
@given(A_FEW_SHARES, st.integers(0, 2**63 - 1))
def test_measured_shares_are_the_declared_ones(declared: list[float], seed: int) -> None:
    """Over 10,000 draws within two draws, far inside the sampling error of a lottery."""
    drawn = Counter(Order([7] * len(declared), declared, seed)[k][0] for k in range(DRAWS))
    for task, share in enumerate(declared):
        expected = DRAWS * share / math.fsum(declared)
        # The last block is not whole: its draws are shuffled.
        assert abs(drawn[task] - expected) <= 2 + BLOCK_DRAWS // 4


@settings(max_examples=60, deadline=None)
@given(A_FEW_SHARES, st.integers(0, 100), st.integers(1, 10**9))
def test_every_block_holds_its_share_of_every_task_and_no_count_drifts(
    declared: list[float], seed: int, block: int
) -> None:
    """Near the beginning and a billion blocks on."""
    order, total = Order([3] * len(declared), declared, seed), math.fsum(declared)
    before, after = order.counts(block * BLOCK_DRAWS), order.counts((block + 1) * BLOCK_DRAWS)
    assert sum(after) == (block + 1) * BLOCK_DRAWS
    for first, last, share in zip(before, after, declared, strict=True):
        assert abs(last - share / total * (block + 1) * BLOCK_DRAWS) < 2 + 1e-9 * block
        assert abs(last - first - share / total * BLOCK_DRAWS) < 2
        assert last >= first


def test_counts_are_what_is_drawn() -> None:
    order = Order([5, 9, 2], [0.2, 0.7, 0.1], 3)
    drawn: Counter[int] = Counter()
    for draws in range(500):
        assert order.counts(draws) == [drawn[task] for task in range(3)]
        drawn[order[draws][0]] += 1


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000])
def test_every_row_comes_once_before_any_comes_again(size: int) -> None:
    """Of every task, in another order in every pass."""
    order, passes = Order([size, 2 * size], [0.5, 0.5], 1), 6
    # One block more: within a block the draws of two passes may stand mixed.
    rows: list[list[int]] = [[], []]
    for draw in range((4 * size * passes // BLOCK_DRAWS + 2) * BLOCK_DRAWS):
        task, row = order[draw]
        rows[task].append(row)
    whole = sorted_by_turn(order, len(rows[0]) + len(rows[1]))[0]
    chunks = [whole[start : start + size] for start in range(0, passes * size, size)]
    for chunk in chunks:
        assert sorted(chunk) == list(range(size))
    assert size < 7 or all(one != other for one, other in pairwise(chunks))
    assert set(rows[0]) == set(range(size)) and set(rows[1]) == set(range(2 * size))


def sorted_by_turn(order: Order, draws: int) -> list[list[int]]:
    """The rows of each task by their turn, however their block was shuffled."""
    turns: list[dict[int, int]] = [{} for _ in order.counts(0)]
    for draw in range(draws):
        task, turn = order._turn(draw)
        assert turn not in turns[task]
        turns[task][turn] = order[draw][1]
    return [[rows[turn] for turn in sorted(rows)] for rows in turns]


def test_a_pass_over_proportional_tasks_sees_every_row_once() -> None:
    """To within what rounding and the last block can shift."""
    sizes = [640, 320, 320]
    order = Order(sizes, shares(mixture(1, 1, 1), sizes), 5)
    seen = Counter(order[draw] for draw in range(sum(sizes)))
    assert set(seen.values()) == {1} and len(seen) == sum(sizes)


def test_the_order_is_shuffled_by_the_seed_alone() -> None:
    """Two seeds differ in rows and in tasks; neighbours are not always of the same tasks."""
    one, same, other = (Order([50, 50], [0.5, 0.5], seed) for seed in (1, 1, 2))
    first = [one[draw] for draw in range(200)]
    assert first == [same[draw] for draw in range(200)]
    assert [task for task, _ in first] != [other[draw][0] for draw in range(200)]
    tasks = [task for task, _ in first]
    assert 60 < sum(left == right for left, right in pairwise(tasks)) < 140


def test_any_draw_can_be_entered_first() -> None:
    """At many k, what a fresh order gives from k on is the tail of the whole one."""
    sizes, declared = [13, 170, 5], [0.3, 0.6, 0.1]
    whole = [Order(sizes, declared, 9)[draw] for draw in range(1000)]
    for k in [*range(130), 255, 256, 257, 511, 999]:
        fresh = Order(sizes, declared, 9)
        assert [fresh[draw] for draw in range(k, min(k + 40, 1000))] == whole[k : k + 40]


def test_another_process_draws_the_same() -> None:
    """Whatever PYTHONHASHSEED is; the numbers themselves are kept here, so that no release changes them."""
    made = "[Order([9, 4], [2, 1], 42)[k] for k in range(12)]"
    code = f"from workbench.composing.mixing import Order; print({made})"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
            text=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert said == {str([Order([9, 4], [2, 1], 42)[k] for k in range(12)])}
    assert said == {KEPT}


KEPT = "[(0, 5), (0, 4), (0, 1), (0, 7), (0, 5), (0, 6), (0, 1), (1, 1), (0, 8), (0, 1), (1, 1), (1, 2)]"
