"""Runs: legal changes of status only, one worker for each, requests answered, a folder that tells all."""

from __future__ import annotations

import itertools
import subprocess
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from store import BadInput, Conflict, NotFound, Store, open_store
from store.identity import Identity
from store.run_status import MOVES, STATUSES, Status
from store.runs import Run

IDENTITY = Identity("boot", 4711, 99, "nonce")


def create(store: Store, name: str = "first", **more: Any) -> Run:
    settings = {"max_steps": 10, "learning_rate": 2e-4, "target_modules": ["q", "v"], "warmup_steps": None}
    wanted = {"model": "m", "dataset": "d", "template": "t", "method": "lora", "settings": settings}
    return store.runs.create(name=name, **(wanted | more), lineage={"dataset": "f" * 8})


def bring_to(store: Store, status: Status) -> Run:
    """Make a run of a status by legal moves."""
    run = create(store, f"a-{status}")
    if status == "queued":
        return run
    store.runs.claim(run.id, "nonce")
    if status in ("running", "completed"):
        store.runs.begin(run.id, 10)
    ends: dict[Status, Callable[[], Run]] = {
        "completed": lambda: store.runs.complete(run.id, "adapter"),
        "failed": lambda: store.runs.fail(run.id, "error", "hint"),
        "cancelled": lambda: store.runs.cancelled(run.id),
        "interrupted": lambda: store.runs.interrupt(run.id, "gone"),
    }
    return ends[status]() if status in ends else store.runs.get(run.id)


def test_a_run_is_entered_queued_with_its_folder(store: Store) -> None:
    run = create(store)
    assert (run.id, run.status, run.step, run.pid, run.live, run.over) == (
        "r1",
        "queued",
        0,
        None,
        False,
        False,
    )
    assert run.settings["warmup_steps"] is None and run.lineage == {"dataset": "ffffffff"}
    assert store.runs.folder(run) == store.root / "runs" / "r1"
    assert store.runs.log_path(run).name == "log.txt"
    document = tomllib.loads((store.runs.folder(run) / "run.toml").read_text())
    assert document == {
        "name": "first", "model": "m", "dataset": "d", "template": "t", "method": "lora",
        "settings": {"max_steps": 10, "learning_rate": 2e-4, "target_modules": ["q", "v"]},
    }  # fmt: skip


def test_a_run_goes_through_its_life(store: Store) -> None:
    run = create(store)
    claimed = store.runs.claim(run.id, "nonce")
    assert claimed is not None and claimed.status == "starting" and claimed.started is not None
    store.runs.identify(run.id, IDENTITY)
    assert store.runs.get(run.id).identity == IDENTITY and store.runs.get(run.id).pid == 4711
    assert store.runs.begin(run.id, 10).total_steps == 10
    store.runs.progress(run.id, 7)
    assert (store.runs.get(run.id).step, store.runs.get(run.id).live) == (7, True)
    done = store.runs.complete(run.id, "first")
    assert (done.status, done.adapter, done.over) == ("completed", "first", True)
    assert done.ended is not None and done.heartbeat is not None


# No operation pauses a run, and none leads back to the queue.
BEFORE = [status for status in STATUSES if status != "paused"]
AFTER = [status for status in BEFORE if status != "queued"]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(BEFORE, AFTER)))
def test_only_legal_changes_of_status_are_made(store: Store, before: Status, after: Status) -> None:
    run = bring_to(store, before)
    moves: dict[Status, Callable[[], object]] = {
        "starting": lambda: store.runs.claim(run.id, "other") or _refuse(),
        "running": lambda: store.runs.begin(run.id, 10),
        "completed": lambda: store.runs.complete(run.id, "x"),
        "failed": lambda: store.runs.fail(run.id, "x", "y"),
        "cancelled": lambda: store.runs.cancelled(run.id),
        "interrupted": lambda: store.runs.interrupt(run.id, "x"),
    }
    if after in MOVES.get(before, ()):
        moves[after]()
        assert store.runs.get(run.id).status == after
    else:
        with pytest.raises(Conflict):
            moves[after]()
        assert store.runs.get(run.id) == run


def _refuse() -> None:
    raise Conflict("not claimed", "")


def test_a_run_is_claimed_by_one_of_many(store: Store) -> None:
    run = create(store)
    stores = [open_store(store.root) for _ in range(8)]
    claims = [other.runs.claim(run.id, str(number)) for number, other in enumerate(stores)]
    assert sum(claim is not None for claim in claims) == 1


def test_what_a_run_waited_for_is_forgotten_when_it_is_claimed(store: Store) -> None:
    """What it was predicted to take is not."""
    run = create(store)
    store.runs.planned(run.id, waits_for="2 GPUs at a time", predicted_bytes=7)
    claimed = store.runs.claim(run.id, "nonce")
    assert claimed is not None and claimed.plan == {"predicted_bytes": 7}


def test_only_what_is_another_value_counts_as_changed(store: Store) -> None:
    """Settings are kept as JSON, where a tuple comes back as a list."""
    run = create(store)
    changed = store.runs.change(run.id, {**run.settings, "target_modules": ("q", "v"), "max_steps": 20})
    assert changed.lineage["changes"] == [{"step": 0, "settings": {"max_steps": [10, 20]}}]


def test_only_its_own_worker_identifies_itself(store: Store) -> None:
    run = create(store)
    with pytest.raises(Conflict):
        store.runs.identify(run.id, IDENTITY)
    store.runs.claim(run.id, "another")
    with pytest.raises(Conflict, match="not this process's to work on"):
        store.runs.identify(run.id, IDENTITY)


def test_progress_on_a_run_that_is_not_running_is_refused(store: Store) -> None:
    run = bring_to(store, "interrupted")
    with pytest.raises(Conflict, match=f"run {run.id} is interrupted, not running"):
        store.runs.progress(run.id, 3)
    store.runs.heartbeat(run.id)
    assert store.runs.get(run.id) == run


def test_cancelling_a_queued_run_ends_it_and_a_live_one_is_asked(store: Store) -> None:
    assert store.runs.request(create(store).id, "cancel").status == "cancelled"
    live = bring_to(store, "running")
    assert store.runs.request(live.id, "cancel").status == "running"
    assert store.runs.requested(live.id) == "cancel"
    assert store.runs.cancelled(live.id).request is None
    with pytest.raises(Conflict, match="is cancelled already"):
        store.runs.request(live.id, "cancel")


def test_a_run_is_found_by_id_and_by_name_the_newest_first(store: Store) -> None:
    first, second = create(store, "same"), create(store, "same")
    assert store.runs.get("r1") == first and store.runs.get("same") == second
    assert [run.id for run in store.runs.list()] == ["r2", "r1"]
    assert [run.id for run in store.runs.list("completed")] == []
    for wanted in ("r3", "r0", "sme", "r99999999999999999999", ""):
        with pytest.raises(NotFound):
            store.runs.get(wanted)


@pytest.mark.parametrize("name", ["r7", "a/b", "", "..", "a b"])
def test_a_bad_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput):
        create(store, name)
    assert store.runs.list() == []


def test_a_scripted_run_by_another_process_is_seen_step_by_step(
    store: Store, fake_worker: Callable[..., subprocess.Popen[str]]
) -> None:
    worker = fake_worker(store.root, steps=15, pace=0.01, nan_at=3)
    assert worker.wait() == 0
    run = store.runs.get("fake")
    assert (run.status, run.step, run.total_steps, run.adapter) == ("completed", 15, 15, "fake")
    losses = store.metrics.series(run.id, "loss")
    assert [step for step, _ in losses] == list(range(1, 16))
    assert losses[2][1] != losses[2][1] and losses[-1][1] < losses[0][1]
    assert "step 15/15" in store.runs.log_path(run).read_text()


def test_a_scripted_run_obeys_a_request_to_cancel(
    store: Store, fake_worker: Callable[..., subprocess.Popen[str]]
) -> None:
    worker = fake_worker(store.root, steps=10_000, pace=0.01)
    assert worker.stdout is not None
    run_id = worker.stdout.readline().strip()
    store.runs.request(run_id, "cancel")
    assert worker.wait(timeout=20) == 0
    assert store.runs.get(run_id).status == "cancelled"
