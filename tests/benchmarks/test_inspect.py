"""How long rows of an evaluation take to be sorted, against reading them once in the same minute."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from store import Store
from store.evaluations import EvaluationRow
from store.row_scores import NAMES, Sort

ROWS = int(os.environ.get("BENCHMARK_ROWS", "100000"))
ROUNDS = 5
LIMIT = 1.0


def best(work: Callable[[], Any]) -> float:
    """The shortest of some rounds, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@pytest.mark.benchmark
def test_a_hundred_thousand_rows_are_sorted_by_any_column_before_they_could_be_read_once(
    store: Store,
) -> None:
    source = random.Random(0)
    words = [f"word{number}" for number in range(5000)]
    ids, group = [], None
    for _ in range(2):
        made = store.evaluations.create(
            group, model="m", adapter=None, dataset="d", split="s", template="t", total=ROWS, settings={}
        )
        group = made.group
        ids.append(made.id)
        rows = [
            EvaluationRow(
                at,
                "asked",
                " ".join(source.choices(words, k=20)),
                (" ".join(source.choices(words, k=20)),),
                None,
            )
            for at in range(ROWS)
        ]
        store.evaluations.append(made.id, rows)
        store.row_scores.put(made.id, [(row, {name: source.random() for name in NAMES}) for row in rows])
    reading = best(lambda: store.evaluations.rows(ids[0]))
    orders = [
        Sort(),
        Sort("rouge1", -1, 0, descending=True),
        *(Sort(name, descending=True) for name in NAMES),
    ]
    for order in orders:
        seconds = best(lambda order=order: store.row_scores.order(ids, order))  # type: ignore[misc]
        page = best(lambda: store.row_scores.page(ids, range(64)))
        print(f"{order.name}: sorted in {seconds:.3f} s, a page in {page:.4f} s, all read in {reading:.3f} s")
        assert seconds + page <= LIMIT * reading
