"""A store is upgraded while processes of an older version work on it, and neither minds the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import Store, open_store
from store.db import CATALOG, connect, write
from store.migrations import migrations

RUN = {
    "name": "old",
    "status": "starting",
    "model": "m",
    "dataset": "d",
    "template": "t",
    "method": "lora",
    "settings": "{}",
    "lineage": "{}",
    "created": 1.0,
}


@pytest.fixture
def older(store_root: Path) -> Iterator[Any]:
    """The connection of a trainer that was started before scores were indexed, and its run."""
    store_root.mkdir(mode=0o700)
    db = connect(store_root / CATALOG)
    with write(db):
        migrations.apply(db, stop_before="m010_scored_rows")
        db.table("runs").insert(RUN)
    yield db
    db.conn.close()


def evaluation(store: Store) -> str:
    return store.evaluations.create(
        model="m", adapter=None, dataset="d", split="test", template="t", total=1, settings={}
    ).id


def test_a_trainer_of_an_older_version_reads_the_columns_that_it_knows(older: Any, store_root: Path) -> None:
    """It makes its records of whole rows, and would end at a column more."""
    known = {table: [*older.table(table).columns_dict] for table in ("runs", "evaluations")}
    with open_store(store_root) as store:
        evaluation(store)
        for table, columns in known.items():
            (row,) = older.table(table).rows
            assert [*row] == columns


def test_what_a_trainer_of_an_older_version_does_is_seen(older: Any, store_root: Path) -> None:
    with open_store(store_root) as store:
        (run,), cursor = store.changed.runs_after(0)
        assert (run.id, run.step) == ("r1", 0)
        with write(older):
            older.table("runs").update(1, {"status": "running", "step": 7})
        (run,), _ = store.changed.runs_after(cursor)
        assert (run.status, run.step) == ("running", 7)
        assert store.changed.counts()["runs"] == 1


def test_a_trainer_of_an_older_version_goes_on_while_other_runs_are_removed(
    older: Any, store_root: Path
) -> None:
    """It reads and writes its own run; what is in the trash is a row to it as any other."""
    with write(older):
        older.table("runs").insert({**RUN, "name": "ended", "status": "failed"})
    columns = [*older.table("runs").columns_dict]
    with open_store(store_root) as store:
        store.runs.remove("r2")
        with write(older):
            older.table("runs").update(1, {"status": "running", "step": 7})
        assert [[*row] for row in older.table("runs").rows] == [columns, columns]
        assert [(run.id, run.step) for run in store.runs.list()] == [("r1", 7)]
        store.trash.restore()
        assert [run.id for run in store.runs.list()] == ["r2", "r1"]
        store.runs.remove("r2")
        store.trash.empty()
        assert [row["name"] for row in older.table("runs").rows] == ["old"]


@pytest.mark.parametrize("table", ["runs", "evaluations"])
def test_columns_of_a_newer_version_are_passed_over(older: Any, store_root: Path, table: str) -> None:
    with open_store(store_root) as store:
        evaluation(store)
        before = store.runs.get("r1"), store.evaluations.get("e1")
        older.execute(f"alter table {table} add column later text")
        assert (store.runs.get("r1"), store.evaluations.get("e1")) == before
        assert (store.runs.list(), store.evaluations.list()) == ([before[0]], [before[1]])


def test_an_evaluation_that_goes_into_the_trash_or_comes_back_is_told(store: Store) -> None:
    number = evaluation(store)
    counted = [store.changed.counts()["evaluations"]]
    for change in (lambda: store.evaluations.remove(number), store.trash.restore):
        change()
        counted.append(store.changed.counts()["evaluations"])
    assert counted[0] < counted[1] < counted[2]
