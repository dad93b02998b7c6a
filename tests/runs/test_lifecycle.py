"""Pausing, resuming with other settings, retrying: what is allowed, and what is refused and why."""

from __future__ import annotations

import threading
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from store import BadInput, Conflict, Store
from store.runs import Run
from workbench.processes import HeldLock
from workbench.runs import launch, lifecycle, repeating
from workbench.runs.options import RunOptions
from workbench.runs.queue import trainer_lock
from workbench.runs.training import TrainingSettings, fields


def submitted(store: Store) -> Run:
    """A queued run."""
    return launch.submit(store, RunOptions("causal", "d", "t", settings=TrainingSettings(max_steps=10)))


def interrupted(store: Store, step: int = 6) -> Run:
    """A run that died after so many steps."""
    run = submitted(store)
    store.runs.claim(run.id, "n")
    store.runs.begin(run.id, 10)
    store.runs.progress(run.id, step)
    return store.runs.interrupt(run.id, "killed")


def test_a_waiting_run_is_paused_at_once_and_resumed_into_the_queue(stock: Store) -> None:
    """A second time of either is refused with what to do."""
    run = submitted(stock)
    assert lifecycle.pause(stock, run.id).status == "paused"
    with pytest.raises(Conflict, match=f"paused already; let it go on: workbench run resume {run.id}"):
        lifecycle.pause(stock, run.id)
    assert lifecycle.resume(stock, run.id).status == "queued"
    with pytest.raises(Conflict, match="is queued; it needs no resuming"):
        lifecycle.resume(stock, run.id)
    assert lifecycle.pause_or_resume(stock, run.id).status == "paused"
    assert lifecycle.pause_or_resume(stock, run.id).status == "queued"


def test_a_run_at_work_is_asked(stock: Store) -> None:
    """Its worker obeys at its next step."""
    run = submitted(stock)
    stock.runs.claim(run.id, "n")
    stock.runs.begin(run.id, 10)
    run = lifecycle.pause(stock, run.id)
    assert (run.status, run.request) == ("running", "pause")


def test_settings_are_changed_from_the_checkpoint_on(stock: Store) -> None:
    """In the catalog, in run.toml and in the lineage; auto is reckoned anew."""
    run = interrupted(stock)
    with stock.checkpoints.staging(run.id, 4) as staged:
        (staged / "x").write_text("x")
        stock.checkpoints.publish(run.id, 4, staged)
    rate = run.settings["learning_rate"]
    run = lifecycle.resume(stock, run.id, {"learning_rate": 1e-4, "max_steps": 30})
    assert (run.status, run.settings["learning_rate"], run.settings["max_steps"]) == ("queued", 1e-4, 30)
    described = tomllib.loads((stock.runs.folder(run) / "run.toml").read_text())
    assert described["settings"]["max_steps"] == 30 and described["dataset"] == "d"
    assert run.lineage["changes"] == [
        {"step": 4, "settings": {"learning_rate": [rate, 1e-4], "max_steps": [10, 30]}}
    ]
    stock.runs.request(run.id, "pause")
    run = lifecycle.resume(stock, run.id, {"learning_rate": None})
    assert run.settings["learning_rate"] == rate


def test_what_a_checkpoint_depends_on_is_refused_with_the_reason_and_nothing_changes(stock: Store) -> None:
    """All of them in one message; the same value again is no change."""
    run = interrupted(stock)
    with pytest.raises(BadInput) as refused:
        lifecycle.resume(stock, run.id, {"r": 8, "batch_size": 2, "max_steps": 30, "seed": 42})
    text = str(refused.value)
    assert "r (the checkpoint's weights have its shape)" in text
    assert "batch_size (the checkpoint's place in the data is counted in it)" in text
    assert "seed" not in text and "run start" in text
    again = stock.runs.get(run.id)
    assert (again.status, again.settings) == ("interrupted", run.settings)
    with pytest.raises(BadInput, match="max_steps = -5"):
        lifecycle.resume(stock, run.id, {"max_steps": -5})


def test_what_was_measured_at_the_beginning_stays_what_is_measured(stock: Store) -> None:
    """The lineage holds the probes, and the base's scores stand at step 0."""
    run = interrupted(stock)
    with pytest.raises(BadInput, match=r"another probes \(.*\), probe_rows \(the base was measured by them"):
        lifecycle.resume(stock, run.id, {"probes": ("d:t",), "probe_rows": 8})


def test_what_this_machine_lacks_is_refused_before_the_run_goes_on(stock: Store) -> None:
    """As when a run is started."""
    run = interrupted(stock)
    missing = next((name for name in ("wandb", "trackio", "tensorboard") if find_spec(name) is None), None)
    if missing is None:
        pytest.skip("every export is installed")
    with pytest.raises(BadInput, match=f"needs the package {missing}, which is not installed"):
        lifecycle.resume(stock, run.id, {"report_to": missing})
    assert stock.runs.get(run.id).settings == run.settings


def test_a_prediction_for_other_settings_is_forgotten(stock: Store) -> None:
    """A queue would give room for it, and later predictions would be corrected by it."""
    run = interrupted(stock)
    stock.runs.planned(run.id, predicted_bytes=7, predicted_peak_bytes=5, measured_peak_bytes=6)
    kept = lifecycle.resume(stock, run.id, {"max_steps": 20, "report_to": "none"}).plan
    assert kept == {"predicted_bytes": 7, "predicted_peak_bytes": 5, "measured_peak_bytes": 6}
    stock.runs.request(run.id, "pause")
    assert lifecycle.resume(stock, run.id, {"gradient_checkpointing": True}).plan == {}


def test_every_fixed_setting_exists(stock: Store) -> None:
    """A setting that is renamed must not become changeable by that."""
    assert set(lifecycle.FIXED) <= {info.name for info in fields()}
    assert not {"learning_rate", "num_train_epochs", "max_steps", "eval_steps", "save_steps"} & set(
        lifecycle.FIXED
    )
    assert stock.runs.list() == []


def test_data_that_has_changed_is_refused_before_anything_is_queued(stock: Store, tmp_path: Path) -> None:
    """A checkpoint's place in it would mean nothing."""
    run = interrupted(stock)
    more = tmp_path / "more.jsonl"
    more.write_text('{"dialogue": "x", "summary": "y"}\n')
    stock.datasets.add(str(more), name="d", split="test")
    with pytest.raises(Conflict, match="'d' has changed since"):
        lifecycle.resume(stock, run.id)
    assert stock.runs.get(run.id).status == "interrupted"


def test_a_retried_run_is_a_fresh_one_of_the_same_specification(stock: Store) -> None:
    """The old one stays; one that has not ended is not retried."""
    old = stock.runs.prioritise(interrupted(stock).id, 3)
    new = lifecycle.retry(stock, old.id)
    assert new.id != old.id and new.status == "queued" and new.step == 0
    assert (new.settings, new.name, new.method) == (old.settings, old.name, old.method)
    assert new.priority == 3
    assert stock.runs.get(old.id) == old
    with pytest.raises(Conflict, match="is queued; wait for its end, or cancel it"):
        lifecycle.retry(stock, new.id)
    lifecycle.pause(stock, new.id)
    with pytest.raises(Conflict, match="is paused; resume it"):
        lifecycle.retry(stock, new.id)


def test_a_deterministic_run_gets_what_cublas_reads_at_its_start() -> None:
    """And every run has its sets in one order."""
    assert repeating.environment({"deterministic": True})["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert repeating.environment({"deterministic": False}) == {"PYTHONHASHSEED": "0"}


def test_a_run_is_removed_once_its_trainer_is_gone(stock: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It records its end some moments earlier; one that stays is told."""
    run = interrupted(stock)
    lock = HeldLock.take(trainer_lock(stock, run))
    assert lock is not None
    with lock, monkeypatch.context() as patched:
        patched.setattr(lifecycle, "ENDING_SECONDS", 0.0)
        with pytest.raises(Conflict, match=f"the trainer of run {run.id} is still ending; try again"):
            lifecycle.remove(stock, [run.id])
    lock = HeldLock.take(trainer_lock(stock, run))
    assert lock is not None
    threading.Timer(0.2, lock.release).start()
    assert [each.id for each in lifecycle.remove(stock, [run.id])] == [run.id]
    assert stock.runs.list() == []
