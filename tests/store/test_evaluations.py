"""Evaluations: rows kept as they come, scores at the end, groups that belong together."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from store import Conflict, NotFound, Store
from store.evaluations import PAGE_ROWS, Evaluation, EvaluationRow


def create(store: Store, group: str | None = None, **more: Any) -> Evaluation:
    wanted: dict[str, Any] = {"model": "m", "adapter": None, "dataset": "d", "split": "test", "template": "t"}
    return store.evaluations.create(group, **(wanted | more), total=3, settings={"seed": 1})


def row(index: int, prediction: str = "cold") -> EvaluationRow:
    return EvaluationRow(index, f"prompt {index}", prediction, ("it is cold", "cold"), None)


def test_an_evaluation_goes_through_its_life(store: Store) -> None:
    evaluation = create(store)
    assert (evaluation.id, evaluation.group, evaluation.status) == ("e1", "g1", "running")
    store.evaluations.append("e1", [row(1), row(0)])
    assert store.evaluations.get("e1").rows == 2
    store.evaluations.append("e1", [EvaluationRow(2, "p", "\u2028 Ä 🍎 \ud800", (), "source")])
    rows = store.evaluations.rows("e1")
    assert rows[:2] == [row(0), row(1)]
    assert rows[2] == EvaluationRow(2, "p", "\u2028 Ä 🍎 ?", (), "source")
    assert store.evaluations.rows("e1", start=1, limit=1) == [row(1)]
    done = store.evaluations.finish("e1", {"rouge1": 0.5})
    assert (done.status, done.scores, done.rows, done.total) == ("completed", {"rouge1": 0.5}, 3, 3)
    with pytest.raises(Conflict, match="e1 is completed already"):
        store.evaluations.append("e1", [row(3)])
    with pytest.raises(Conflict):
        store.evaluations.fail("e1", "late")


def test_those_of_one_command_are_a_group(store: Store) -> None:
    base = create(store)
    adapter = create(store, base.group, adapter="a")
    other = create(store)
    assert [found.id for found in store.evaluations.list(base.group)] == [base.id, adapter.id]
    assert [found.id for found in store.evaluations.list()] == [other.id, adapter.id, base.id]
    assert other.group == "g2" and store.evaluations.list("g9") == []
    for unknown in ("g9", "x"):
        with pytest.raises(NotFound):
            create(store, unknown)


def test_a_row_given_again_replaces_the_earlier_one(store: Store) -> None:
    create(store)
    store.evaluations.append("e1", [row(0), row(1)])
    store.evaluations.append("e1", [row(1, "warm")])
    assert store.evaluations.get("e1").rows == 2
    assert store.evaluations.rows("e1")[1].prediction == "warm"


def test_a_failure_is_kept_with_its_reason(store: Store) -> None:
    create(store)
    assert store.evaluations.fail("e1", "out of memory").error == "out of memory"


def test_one_that_was_interrupted_goes_on_with_the_rows_it_has(store: Store) -> None:
    create(store)
    store.evaluations.begin("e1", {"torch": "2"})
    store.evaluations.append("e1", [row(0), row(2)])
    aside = store.evaluations.interrupt("e1", "it was interrupted")
    assert (aside.status, aside.error, aside.rows) == ("interrupted", "it was interrupted", 2)
    with pytest.raises(Conflict):
        store.evaluations.append("e1", [row(1)])
    again = store.evaluations.begin("e1", {"torch": "2"})
    assert (again.status, again.error) == ("running", None)
    assert again.settings == {"seed": 1, "versions": {"torch": "2"}}
    assert store.evaluations.answered("e1") == {0, 2}
    store.evaluations.finish("e1", {})
    with pytest.raises(Conflict, match="e1 is completed"):
        store.evaluations.begin("e1")


def test_answers_of_other_packages_are_not_mixed(store: Store) -> None:
    create(store)
    store.evaluations.begin("e1", {"torch": "2"})
    store.evaluations.append("e1", [row(0)])
    assert store.evaluations.begin("e1", {"torch": "3"}).rows == 0
    assert store.evaluations.answered("e1") == set()


def test_all_rows_are_read_in_the_memory_of_a_page(store: Store) -> None:
    create(store)
    count = 9 * PAGE_ROWS + 7
    store.evaluations.append("e1", [row(index, "cold " * 400) for index in range(0, 2 * count, 2)])
    assert [each.index for each in store.evaluations.each("e1")] == list(range(0, 2 * count, 2))
    peaks = []
    for read in (store.evaluations.rows, store.evaluations.each):
        tracemalloc.start()
        assert sum(1 for _ in read("e1")) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] / 3


def test_rows_that_come_while_others_are_read_are_read_too(store: Store) -> None:
    create(store)
    store.evaluations.append("e1", [row(0)])
    reading = store.evaluations.each("e1")
    assert next(reading) == row(0)
    store.evaluations.append("e1", [row(5)])
    assert list(reading) == [row(5)]


def test_an_answers_length_is_kept(store: Store) -> None:
    create(store)
    cut = EvaluationRow(0, "p", "cold", ("warm",), None, tokens=4, truncated=True)
    whole = EvaluationRow(1, "p", "cold", ("warm",), None, tokens=1, truncated=False)
    store.evaluations.append("e1", [cut, whole])
    assert store.evaluations.rows("e1") == [cut, whole]


def test_removing_an_evaluation_takes_its_rows(store: Store) -> None:
    create(store)
    store.evaluations.append("e1", [row(0)])
    store.evaluations.remove("e1")
    store.trash.expire(0)
    assert store.db.table("evaluation_rows").count == 0
    for act in (
        store.evaluations.get,
        store.evaluations.remove,
        store.evaluations.rows,
        lambda id: list(store.evaluations.each(id)),
    ):
        with pytest.raises(NotFound, match="no evaluation named 'e1'"):
            act("e1")
    assert create(store).id == "e2"  # a number is never given twice
