"""Samples and alerts: kept in order, read behind a cursor, gone with their run."""

from __future__ import annotations

import pytest

from store import NotFound, Store, open_store
from store.samples import Answer


@pytest.fixture
def run(store: Store) -> str:
    """A run that samples and alerts are of."""
    return store.runs.create(
        name="run", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


def answers(*predictions: str) -> list[Answer]:
    return [Answer("asked", each, "right", {"rougeL": 0.5}) for each in predictions]


def test_samples_come_back_in_order_of_steps_and_prompts(store: Store, run: str) -> None:
    store.samples.append(run, 20, answers("c", "d"))
    store.samples.append(run, 10, answers("a", "b"))
    found = store.samples.list(run)
    assert [(each.step, each.number, each.prediction) for each in found] == [
        (10, 0, "a"),
        (10, 1, "b"),
        (20, 0, "c"),
        (20, 1, "d"),
    ]
    assert store.samples.steps(run) == [10, 20]
    assert [each.prediction for each in store.samples.list(run, 20)] == ["c", "d"]
    assert (found[0].prompt, found[0].reference, found[0].scores) == ("asked", "right", {"rougeL": 0.5})


def test_a_step_told_again_replaces_what_was_said_of_it(store: Store, run: str) -> None:
    """A run that goes on from a checkpoint comes to the same step a second time."""
    store.samples.append(run, 10, answers("a", "b"))
    store.samples.append(run, 10, answers("other"))
    assert [each.prediction for each in store.samples.list(run)] == ["other"]
    store.samples.append(run, 20, answers("later"))
    store.samples.forget_after(run, 10)
    assert store.samples.steps(run) == [10]


def test_cursors_see_every_sample_and_alert_once(store: Store, run: str) -> None:
    with open_store(store.root) as other:
        other.samples.append(run, 1, answers("a", "b", "c"))
        other.alerts.append(run, 1, "disk", "little is left")
        other.alerts.append(run, 2, "memory", "much is used")
    samples, cursor = store.samples.after(0, limit=2)
    more, cursor = store.samples.after(cursor)
    assert [each.prediction for each in samples + more] == ["a", "b", "c"]
    assert store.samples.after(cursor) == ([], cursor)
    alerts, cursor = store.alerts.after(0, run=run)
    assert [(each.run, each.step, each.kind) for each in alerts] == [(run, 1, "disk"), (run, 2, "memory")]
    assert cursor == store.alerts.end() and store.alerts.after(cursor) == ([], cursor)
    assert store.alerts.counts([run, "r99"]) == {run: 2}
    assert store.alerts.list(run) == alerts


def test_text_that_sqlite_refuses_is_kept_as_well_as_it_can_be(store: Store, run: str) -> None:
    store.samples.append(run, 1, answers("half \ud83d a pair"))
    assert store.samples.list(run)[0].prediction == "half ? a pair"


def test_nothing_is_kept_of_a_run_that_is_not_there(store: Store) -> None:
    with pytest.raises(NotFound):
        store.samples.append("r7", 1, answers("a"))
    with pytest.raises(NotFound):
        store.alerts.append("r7", 1, "disk", "little is left")
    with pytest.raises(NotFound, match="not a run's id"):
        store.alerts.list("seven")
