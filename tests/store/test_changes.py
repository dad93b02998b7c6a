"""What changed since somebody looked is told without reading what did not."""

from __future__ import annotations

from store import Store, open_store
from store.runs import Run


def new_run(store: Store, name: str = "one") -> Run:
    return store.runs.create(
        name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )


def test_only_runs_that_changed_after_the_cursor_are_read(store: Store) -> None:
    first, second = new_run(store), new_run(store)
    cursor = store.changed.run_end()
    assert store.changed.runs_after(cursor) == ([], cursor)
    store.runs.prioritise(first.id, 3)
    (changed,), later = store.changed.runs_after(cursor)
    assert (changed.id, changed.priority) == (first.id, 3)
    store.runs.request(second.id, "cancel")
    third = new_run(store)
    found, end = store.changed.runs_after(later)
    assert [run.id for run in found] == [second.id, third.id]
    assert end == store.changed.run_end()


def test_a_run_that_changes_while_pages_are_read_is_not_passed_over(store: Store) -> None:
    runs = [new_run(store) for _ in range(5)]
    page, cursor = store.changed.runs_after(0, limit=2)
    assert [run.id for run in page] == ["r1", "r2"]
    store.runs.prioritise(runs[0].id, 1)
    rest, _ = store.changed.runs_after(cursor, limit=10)
    assert [run.id for run in rest] == ["r3", "r4", "r5", "r1"]


def test_a_page_is_full_of_runs_whatever_else_stands_between_them(store: Store) -> None:
    """Who asks for a page takes one with fewer runs for the last."""
    for _ in range(4):
        new_run(store)
    with store.db.conn:
        store.db.execute("update runs set created = 'yesterday' where id = 1")
        store.db.execute("update run_changes set change = 0.5 where run = 1")
    page, cursor = store.changed.runs_after(0, limit=2)
    assert [run.id for run in page] == ["r2", "r3"]
    assert [run.id for run in store.changed.runs_after(cursor, limit=2)[0]] == ["r4"]


def test_metric_points_and_heartbeats_are_no_change_of_a_table(store: Store) -> None:
    """They come several times a second; a list of adapters is not read again for them."""
    run = new_run(store)
    before = store.changed.counts()
    store.metrics.append(run.id, [(1, "loss", 2.0)])
    store.runs.prioritise(run.id, 1)
    assert store.changed.counts() == before
    store.runs.request(run.id, "cancel")
    assert store.changed.counts() == {**before, "runs": before["runs"] + 1}


def test_another_process_sees_the_same(store: Store) -> None:
    with open_store(store.root) as other:
        cursor = other.changed.run_end()
        new_run(store)
        assert [run.id for run in other.changed.runs_after(cursor)[0]] == ["r1"]
        assert other.changed.counts()["runs"] == 1


def test_older_runs_come_in_pages(store: Store) -> None:
    for _ in range(5):
        new_run(store)
    assert [run.id for run in store.runs.list(limit=2)] == ["r5", "r4"]
    assert [run.id for run in store.changed.runs_before("r4", limit=2)] == ["r3", "r2"]
    assert store.changed.run_ids() == ["r5", "r4", "r3", "r2", "r1"]


def test_the_newest_metrics_of_many_runs_are_read_at_once(store: Store) -> None:
    first, second, third = (new_run(store).id for _ in range(3))
    store.metrics.append(first, [(1, "loss", 2.0), (2, "loss", 1.0), (2, "grad_norm", 0.5)])
    store.metrics.append(second, [(1, "loss", float("inf"))])
    found = store.metrics.latest_of([first, second, third])
    assert found == {first: {"loss": 1.0, "grad_norm": 0.5}, second: {"loss": float("inf")}, third: {}}
    assert store.metrics.latest_of([first], "grad_norm") == {first: {"grad_norm": 0.5}}
