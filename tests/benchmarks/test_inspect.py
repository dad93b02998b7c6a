"""How long rows of an evaluation take to be opened and sorted: in the store, and from a key to the screen."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from statistics import median
from types import ModuleType
from typing import Any

import pytest

from store import Store
from store.evaluations import EvaluationRow
from store.row_scores import NAMES, Sort
from workbench.tui.present.scored_rows import columns, order_text

pytestmark = pytest.mark.benchmark

ROWS = int(os.environ.get("BENCHMARK_ROWS", "100000"))
ROUNDS = 5
LIMIT = 1.0
SEEN_SECONDS = 0.3
"""From a key to the rows on the screen."""


def best(work: Callable[[], Any]) -> float:
    """The shortest of some rounds, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@pytest.fixture
def large(store: Store) -> Iterator[tuple[Store, list[str]]]:
    """A store with two systems' answers to many rows, and a newer evaluation of one row."""
    source = random.Random(0)
    words = [f"word{number}" for number in range(5000)]
    ids: list[str] = []
    group = None
    for adapter, total in ((None, ROWS), ("tuned", ROWS), (None, 1)):
        made = store.evaluations.create(
            group if total > 1 else None,
            model="m",
            adapter=adapter,
            dataset="many" if total > 1 else "one",
            split="test",
            template="t",
            total=total,
            settings={},
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
            for at in range(total)
        ]
        store.evaluations.append(made.id, rows)
        store.row_scores.put(made.id, [(row, {name: source.random() for name in NAMES}) for row in rows])
        store.evaluations.finish(made.id, {})
    yield store, ids[:2]


def test_a_hundred_thousand_rows_are_sorted_by_any_column_before_they_could_be_read_once(
    large: tuple[Store, list[str]],
) -> None:
    store, ids = large
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


def test_a_hundred_thousand_rows_are_seen_at_once_in_whatever_order_a_key_asks_for(
    large: tuple[Store, list[str]], terminals: ModuleType
) -> None:
    """In a terminal: from the key until the rows around the cursor stand there, by their numbers."""
    store, ids = large
    terminal = terminals.Terminal(store.root, size=(200, 50))

    def seen(key: str, title: str, expected: list[int]) -> float:
        wanted = [f"{number:,}" for number in expected]
        terminal.press(key)
        start, end = time.perf_counter(), time.perf_counter() + 20
        while time.perf_counter() < end:
            terminal.read(0.005)
            lines = terminal.lines
            numbers = [line.strip("│ ").partition(" ")[0] for line in lines]
            if any(title in line for line in lines) and all(number in numbers for number in wanted):
                return time.perf_counter() - start
        raise AssertionError(f"{title!r} with {wanted} is not on the screen:\n" + "\n".join(terminal.lines))

    def around_the_first_row(order: Sort) -> list[int]:
        found = store.row_scores.order(ids, order)
        place = found.index(0)
        return [*found[max(place - 3, 0) : place], *found[place : place + 3]]

    try:
        terminal.wait_for("1 Runs")
        terminal.press("7")
        terminal.wait_for("1 row, ROUGE-1")
        openings: list[float] = []
        in_order: list[float] = []
        figures = {"opened": openings, "in order": in_order}
        for _ in range(ROUNDS):
            openings.append(seen("j", f"{ROWS:,} rows", [0, 1, 2]))
            seen("k", "1 row, ROUGE-1", [0])
        seen("j", f"{ROWS:,} rows", [0, 1, 2])
        terminal.press("\t")
        shown = columns(("base", "tuned"), "rouge1")
        for place, column in enumerate(shown):
            figures[f"by {column.label}"] = times = []
            for _ in range(2):
                for falling in (True, False):
                    order = Sort(column.sort.name, column.sort.system, column.sort.less, descending=falling)
                    expected = around_the_first_row(order)
                    times.append(seen("s", order_text(shown, order), expected))
                in_order.append(seen("s", "in order", [0, 1, 2]))
            if place + 1 < len(shown):
                terminal.press("l")
        for what, seconds in figures.items():
            print(f"{what}: seen after {median(seconds):.3f} s, {min(seconds):.3f} to {max(seconds):.3f} s")
        assert max(median(seconds) for seconds in figures.values()) <= SEEN_SECONDS
    finally:
        terminal.close()
