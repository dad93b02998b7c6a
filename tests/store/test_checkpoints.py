"""Checkpoints of runs: folders that are whole or not there, rows that follow, damage that is seen."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from store import NotFound, Store
from store.checkpoints import faults


@pytest.fixture
def run_id(store: Store) -> str:
    """A run."""
    entered = store.runs.create(
        name="x", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    return entered.id


def made(store: Store, run_id: str, step: int, loss: float | None = None) -> Path:
    """A checkpoint of two small files."""
    with store.checkpoints.staging(run_id, step) as staged:
        (staged / "weights.safetensors").write_bytes(b"w" * 1000)
        (staged / "state.json").write_text(json.dumps({"step": step}))
        return store.checkpoints.publish(run_id, step, staged, loss).path


def test_a_checkpoint_is_listed_with_its_size_and_its_loss(store: Store, run_id: str) -> None:
    """Newest first; the best is the earliest of the lowest; a loss that is no number is none."""
    for step, loss in ((5, 2.0), (10, 1.0), (15, 1.0), (20, math.nan), (25, None)):
        made(store, run_id, step, loss)
    listed = store.checkpoints.list(run_id)
    assert [(each.step, each.eval_loss) for each in listed] == [
        (25, None),
        (20, None),
        (15, 1.0),
        (10, 1.0),
        (5, 2.0),
    ]
    assert listed[0] == store.checkpoints.newest(run_id) == store.checkpoints.get(run_id, 25)
    assert listed[0].bytes == 1000 + len('{"step": 25}')
    assert store.checkpoints.best(run_id) == store.checkpoints.get(run_id, 10)
    assert all(faults(each.path) == [] for each in listed)


def test_what_is_staged_and_not_published_is_gone(store: Store, run_id: str) -> None:
    """Whatever ends the writing."""
    with pytest.raises(OSError, match="full"), store.checkpoints.staging(run_id, 5) as staged:
        (staged / "half").write_bytes(b"x")
        raise OSError("full")
    assert list(store.checkpoints.folder(run_id).iterdir()) == []
    assert store.checkpoints.newest(run_id) is None and store.checkpoints.best(run_id) is None


def test_a_removed_checkpoint_is_gone_and_asking_for_it_names_the_others(store: Store, run_id: str) -> None:
    """Folder and row; removing does not touch what is being written."""
    made(store, run_id, 5)
    made(store, run_id, 10)
    with store.checkpoints.staging(run_id, 15) as staged:
        store.checkpoints.remove(run_id, 5)
        assert staged.is_dir()
    assert [path.name for path in store.checkpoints.folder(run_id).iterdir()] == ["step-10"]
    with pytest.raises(NotFound, match="no checkpoint of step 5; it has checkpoints of the steps 10"):
        store.checkpoints.get(run_id, 5)


def test_one_of_the_same_step_gives_way(store: Store, run_id: str) -> None:
    """As after a run has gone back."""
    made(store, run_id, 5, 2.0)
    made(store, run_id, 5, 1.0)
    assert [(each.step, each.eval_loss) for each in store.checkpoints.list(run_id)] == [(5, 1.0)]
    assert [path.name for path in store.checkpoints.folder(run_id).iterdir()] == ["step-5"]


@pytest.mark.parametrize("place", range(0, 600, 7))
def test_no_changed_byte_of_the_manifest_is_believed(store: Store, run_id: str, place: int) -> None:
    """Either it is told, or it says the same as before."""
    path = made(store, run_id, 5, 1.5) / "manifest.json"
    content = bytearray(path.read_bytes())
    before = json.loads(content)
    place %= len(content)
    content[place] ^= 1
    path.write_bytes(content)
    if not faults(path.parent):
        assert json.loads(content) == before


def test_a_folder_that_was_renamed_is_no_checkpoint_of_that_step(store: Store, run_id: str) -> None:
    """A copy of step 5 does not pass for step 9; a folder without a manifest passes for nothing."""
    path = made(store, run_id, 5)
    assert faults(path.rename(path.with_name("step-9"))) == ["manifest.json is that of step 5"]
    (path.with_name("step-11")).mkdir()
    assert faults(path.with_name("step-11")) == ["manifest.json is missing"]


def test_damaged_ones_are_put_aside_and_the_newest_whole_one_is_found(store: Store, run_id: str) -> None:
    """Only the newer ones are: those before are not read at all."""
    for step in (5, 10, 15, 20):
        made(store, run_id, step)
    folder = store.checkpoints.folder(run_id)
    (folder / "step-20" / "weights.safetensors").unlink()
    (folder / "step-15" / "state.json").write_text("{}")
    (folder / "step-5" / "state.json").write_text("{}")
    (folder / ".step-25.tmp-dead").mkdir()
    found, damages = store.checkpoints.newest_whole(run_id)
    assert found == store.checkpoints.get(run_id, 10)
    assert [str(damage) for damage in damages] == [
        "the checkpoint of step 20 is damaged: weights.safetensors is missing",
        "the checkpoint of step 15 is damaged: state.json has 2 bytes of 12",
    ]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["damaged-step-15", "damaged-step-20", "step-10", "step-5"]
    assert [each.step for each in store.checkpoints.list(run_id)] == [10, 5]


def test_rows_follow_the_folders(store: Store, run_id: str) -> None:
    """A folder whose row was never written gets it; a row whose folder is gone is not listed."""
    path = made(store, run_id, 5, 1.25)
    listed = store.checkpoints.list(run_id)
    store.db.execute("delete from checkpoints")
    store.db.conn.commit()
    assert store.checkpoints.newest_whole(run_id) == (listed[0], [])
    path.rename(path.with_name("elsewhere"))
    assert store.checkpoints.list(run_id) == []
