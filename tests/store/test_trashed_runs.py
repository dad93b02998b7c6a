"""Runs that are removed go whole and come back whole, whatever dies or fails in between."""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest

from store import Conflict, NotFound, Store, open_store, runs, trashed_runs
from store.db import write
from store.files import TRASH
from store.runs import Run
from store.samples import Answer

POINTS = 35


def ended(store: Store, name: str = "one", status: str = "failed", sweep: str | None = None) -> Run:
    """A run with a row in every table that speaks of runs, and files in its folder."""
    run = store.runs.create(
        name=name,
        model="m",
        dataset="d",
        template="t",
        method="lora",
        settings={},
        lineage={"base": {"fingerprint": "f"}},
        sweep=sweep,
    )
    store.runs.claim(run.id, "n")
    store.runs.begin(run.id, POINTS)
    store.metrics.append(run.id, [(step, "loss", 1 / step) for step in range(1, POINTS + 1)])
    store.samples.append(run.id, 1, [Answer("p", "said", "right")])
    store.alerts.append(run.id, 1, "divergence", "it diverges")
    with store.checkpoints.staging(run.id, 4) as staged:
        (staged / "x").write_text("x" * 1000)
        store.checkpoints.publish(run.id, 4, staged)
    store.runs.log_path(run).write_text("a line\n")
    return store.runs.paused(run.id) if status == "paused" else store.runs.fail(run.id, "why", "what to do")


def add_adapter(store: Store, run: str | None, name: str) -> None:
    """The record of an adapter, without its files."""
    with write(store.db):
        store.db.execute(
            "insert into adapters values (?, 'm', 'f', 'lora', 'LORA', ?, 1, 2, 'e', 3.0)", [name, run]
        )


def everything(store: Store, run: str) -> dict[str, Any]:
    """What the store says of a run."""
    found = store.runs.get(run)
    folder = store.runs.folder(found)
    return {
        "run": found,
        "points": store.metrics.after(0, run=run),
        "samples": store.samples.list(run),
        "alerts": store.alerts.list(run),
        "checkpoints": store.checkpoints.list(run),
        "files": sorted((path.relative_to(folder), path.stat().st_ino) for path in folder.rglob("*")),
    }


def rows_of(store: Store, run: int) -> dict[str, int]:
    """How many rows of each table belong to a run."""
    tables = ("points", "samples", "alerts", "checkpoints", "run_changes", "trashed_runs")
    return {table: store.db.table(table).count_where("run = ?", [run]) for table in tables}


@pytest.mark.parametrize("status", ["failed", "paused"])
def test_a_run_comes_back_as_it_was(store: Store, status: str) -> None:
    """Its files are the same files: nothing was copied."""
    run = ended(store, status=status)
    before = everything(store, run.id)
    assert [each.id for each in store.runs.remove("one")] == ["r1"]
    assert not store.runs.folder(run).exists()
    (entry,) = store.trash.list()
    assert (entry.noun, entry.name, entry.title) == ("run", "r1 (one)", "run r1 (one)")
    assert entry.bytes > 1000
    assert store.trash.restore().name == "r1 (one)"
    assert everything(store, run.id) == before
    assert store.trash.list() == [] and not list((store.root / TRASH).iterdir())


def test_a_run_in_the_trash_is_nowhere_else(store: Store) -> None:
    ended(store, sweep="grid")
    ended(store, "other")
    store.runs.remove("r1")
    assert [run.id for run in store.runs.list()] == ["r2"]
    assert store.runs.list("failed", sweep="grid") == [] and store.runs.sweeps() == []
    assert store.runs.has_sweep("grid")  # the runs may come back to it
    assert store.changed.run_ids() == ["r2"]
    assert [run.id for run in store.changed.runs_after(0)[0]] == ["r2"]
    assert store.changed.runs_before("r2", limit=9) == []
    assert store.names("run", "", 9) == [("r2", "other")]
    assert [alert.run for alert in store.alerts.after(0)[0]] == ["r2"]
    assert store.checkpoints.list("r1") == []
    for wanted in ("r1", "one"):
        with pytest.raises(NotFound, match="is in the trash; take it back: workbench trash restore t1"):
            store.runs.get(wanted)
    with pytest.raises(NotFound, match="is in the trash"):
        store.adapters.resolve("one@4")


def test_several_runs_are_one_entry(store: Store) -> None:
    for _ in range(5):
        ended(store)
    store.runs.remove("r1", "r3", "r1")
    store.runs.remove("r2", "r4", "r5")
    assert [(each.title, each.count) for each in store.trash.list()] == [
        ("runs r2, r4, r5", 3),
        ("runs r1, r3", 2),
    ]
    store.trash.restore("t1")
    assert [run.id for run in store.runs.list()] == ["r3", "r1"]
    store.runs.remove(*(f"r{number}" for number in (3, 1)), *(ended(store).id for _ in range(3)))
    assert store.trash.list()[0].title == "runs r3, r1, r6 and 2 more"


def test_a_run_that_waits_or_works_stays_and_so_do_those_named_with_it(store: Store) -> None:
    ended(store)
    run = ended(store)
    for status, begin in (
        ("queued", lambda: store.runs.resume(run.id)),
        ("starting", lambda: store.runs.claim(run.id, "n")),
        ("running", lambda: store.runs.begin(run.id, 9)),
    ):
        begin()
        with pytest.raises(Conflict, match=f"r2 is {status}; cancel first: workbench run cancel r2"):
            store.runs.remove("r1", "r2")
    assert len(store.runs.list()) == 2 and store.trash.list() == []
    with pytest.raises(NotFound):
        store.runs.remove("r1", "r9")
    assert len(store.runs.list()) == 2


def test_what_is_deleted_for_good_leaves_no_row(store: Store) -> None:
    ended(store)
    ended(store, "other")
    kept = everything(store, "r2"), rows_of(store, 2)
    store.runs.remove("r1")
    with write(store.db):
        store.db.execute("update trash set removed = ?", [time.time() - 8 * 86_400])
    assert [each.title for each in store.trash.expire(7)] == ["run r1 (one)"]
    assert set(rows_of(store, 1).values()) == {0}
    assert (everything(store, "r2"), rows_of(store, 2)) == kept
    assert not list((store.root / TRASH).iterdir())
    with pytest.raises(NotFound, match="no run named 'r1'"):
        store.runs.get("r1")


def test_an_adapter_stays_and_knows_that_its_run_is_gone(store: Store) -> None:
    ended(store)
    for name, run in (("made", "r1"), ("odd", "r1x"), ("outside", None)):
        add_adapter(store, run, name)  # type: ignore[arg-type]
    assert [(each.name, each.run_gone) for each in store.adapters.list()][1:] == [
        ("odd", True),
        ("made", False),
    ]
    cursor, counted = store.changed.run_end(), store.changed.counts()
    store.runs.remove("r1")
    adapter = store.adapters.get("made")
    assert (adapter.run, adapter.run_gone, adapter.known_run) == ("r1", True, None)
    assert store.adapters.some(["made", "outside"]) == [adapter, store.adapters.get("outside")]
    assert not store.adapters.get("outside").run_gone
    gone = store.changed.counts()
    assert {noun for noun in gone if gone[noun] != counted[noun]} == {"runs", "adapters"}
    store.trash.restore()
    assert store.adapters.get("made").known_run == "r1"
    assert [run.id for run in store.changed.runs_after(cursor)[0]] == ["r1"]
    assert store.changed.counts()["runs"] > gone["runs"]


def test_what_a_run_in_the_trash_would_need_can_go(store: Store, tmp_path: Any) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"a": 1}\n')
    store.datasets.add(file, name="d")
    ended(store, status="paused")
    with pytest.raises(Conflict, match="needed by run r1"):
        store.datasets.remove("d")
    store.runs.remove("r1")
    store.datasets.remove("d")
    store.trash.restore("t1")
    assert store.runs.get("r1").status == "paused"


def test_after_a_death_before_its_folder_is_moved_a_run_is_in_the_trash(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(store, ended(store).id)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "recover", die)
    with pytest.raises(KeyboardInterrupt):
        store.runs.remove("r1")
    monkeypatch.undo()
    with open_store(store.root) as again:
        assert again.runs.list() == []
        again.trash.expire(7)
        assert not (again.root / "runs" / "r1").exists()
        assert again.trash.restore().name == "r1 (one)"
        assert everything(again, "r1") == before


def test_a_folder_that_cannot_be_moved_harms_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(store, ended(store).id)

    def fail(*_: object) -> None:
        raise OSError(5, "the disk failed")

    monkeypatch.setattr(trashed_runs, "_move", fail)
    store.runs.remove("r1")
    assert store.runs.list() == []
    store.trash.restore()
    assert everything(store, "r1") == before


def test_a_folder_that_cannot_be_moved_goes_when_the_trash_is_emptied(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as long as it cannot be deleted either, its run is kept, so that the next call finds it."""

    def fail(*_: object) -> None:
        raise OSError(5, "the disk failed")

    home = store.runs.folder(ended(store))
    monkeypatch.setattr(trashed_runs, "_move", fail)
    store.runs.remove("r1")
    with monkeypatch.context() as disk:
        disk.setattr(shutil, "rmtree", lambda path, **_: path.name == "r1" and fail())
        store.trash.expire(0)
    assert home.is_dir() and store.runs.list() == [] and store.trash.list() == []
    assert rows_of(store, 1)["points"] == POINTS
    store.trash.empty()
    assert not home.exists() and set(rows_of(store, 1).values()) == {0}


def test_after_a_death_before_it_is_shown_again_a_run_is_in_the_trash(store: Store) -> None:
    """Its folder is back, its entry is not gone: as after a kill in the middle of a return."""
    before = everything(store, ended(store).id)
    store.runs.remove("r1")
    (store.root / TRASH / "t1" / "runs" / "r1").rename(store.root / "runs" / "r1")
    with open_store(store.root) as again:
        assert again.runs.list() == []
        again.trash.expire(7)
        assert not (again.root / "runs" / "r1").exists()
        again.trash.restore()
        assert everything(again, "r1") == before


def test_others_write_while_points_are_deleted_and_a_death_between_them_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(store)
    ended(store, "other")
    store.runs.remove("r1")
    monkeypatch.setattr(trashed_runs, "BATCH_POINTS", 10)
    turns: list[float] = []

    def write_then_die(seconds: float) -> None:
        turns.append(seconds)
        with open_store(store.root) as other:
            other.metrics.append("r2", [(100 + len(turns), "loss", 1.0)])
        if len(turns) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(trashed_runs.time, "sleep", write_then_die)
    with pytest.raises(KeyboardInterrupt):
        store.trash.empty()
    assert rows_of(store, 1)["points"] == POINTS - 20
    assert [run.id for run in store.runs.list()] == ["r2"] and store.trash.list() == []
    with pytest.raises(NotFound, match="no run named"):
        store.runs.get("r1")
    monkeypatch.undo()
    with open_store(store.root) as again:
        again.trash.expire(7)
        assert set(rows_of(again, 1).values()) == {0}
        assert rows_of(again, 2)["points"] == POINTS + 2


@pytest.mark.parametrize("deed", ["restored", "deleted"])
def test_what_an_older_version_does_with_an_entry_is_understood(store: Store, deed: str) -> None:
    """It knows the entry and its folder, and nothing of hidden runs."""
    before = everything(store, ended(store).id)
    store.runs.remove("r1")
    place = store.root / TRASH / "t1"
    if deed == "restored":
        (place / "runs" / "r1").rename(store.root / "runs" / "r1")
    shutil.rmtree(place)
    with write(store.db):
        store.db.table("trash").delete(1)
    store.trash.expire(7)
    if deed == "restored":
        assert everything(store, "r1") == before
    else:
        assert set(rows_of(store, 1).values()) == {0}


def test_what_an_older_version_took_back_comes_back_by_restore_too(store: Store) -> None:
    before = everything(store, ended(store).id)
    store.runs.remove("r1")
    place = store.root / TRASH / "t1"
    (place / "runs" / "r1").rename(store.root / "runs" / "r1")
    shutil.rmtree(place)
    with write(store.db):
        store.db.table("trash").delete(1)
    with pytest.raises(NotFound, match="no run named"):  # not: that it is in the trash
        store.runs.get("r1")
    with pytest.raises(NotFound, match="no entry of the trash named 't1'"):
        store.trash.restore("t1")
    assert everything(store, "r1") == before
