"""A long queue outlives the terminal that filled it and the dispatchers that empty it."""

from __future__ import annotations

import os
import pty
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import stocking

from store import Store
from store.runs import Run
from workbench import processes
from workbench.runs import launch, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

TESTS = Path(__file__).parents[1]
SETTINGS = ".workbench.toml"

# What a person's terminal runs: it queues, starts a dispatcher, and then talks until the terminal is gone.
FILL = """
import sys, time
from pathlib import Path
from store import open_store
from workbench import processes

root, count = Path(sys.argv[1]), int(sys.argv[2])
with open_store(root) as store:
    for number in range(count):
        store.runs.create(name=f"n{number}", model="m", dataset="d", template="t", method="lora",
                          settings={"pace": 0.15}, lineage={})
    argv = processes.module_argv("workbench.runs.queue", "--store", str(root), "--worker", "fake_trainer")
    processes.start(argv, log=root / "queue.log", cwd=root)
    while True:
        print(len(store.runs.list("queued")), flush=True)
        time.sleep(0.05)
"""


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainers be found beside the tests."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def until(truth: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def dispatch(store: Store) -> None:
    """Start a dispatcher, as every command that shows runs does."""
    argv = processes.module_argv(
        "workbench.runs.queue", "--store", str(store.root), "--worker", "fake_trainer"
    )
    processes.start(argv, log=store.root / "queue.log", cwd=store.root)


def starts(store: Store, run: Run) -> int:
    """How often a trainer was started for a run."""
    return len((store.runs.folder(run) / "starts").read_text().splitlines())


def test_twenty_runs_two_at_a_time_survive_the_terminal_and_the_dispatcher(store: Store) -> None:
    """All finish, each once; never more than two live, and the oldest start first."""
    (store.root / SETTINGS).write_text("[queue]\nslots = 2\n")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", FILL, str(store.root), "20"])  # noqa: S606
    most = 0

    def completed(count: int) -> Callable[[], bool]:
        def look() -> bool:
            nonlocal most
            runs = store.runs.list()
            most = max(most, sum(run.live for run in runs))
            return len(runs) == 20 and sum(run.status == "completed" for run in runs) >= count

        return look

    until(completed(2), "the queue does not start")
    os.close(terminal)  # the hang-up: the kernel sends SIGHUP to all that belong to the terminal
    os.waitpid(child, 0)
    for done in (5, 10):
        until(completed(done), "the queue stands still")
        dispatcher = processes.find("workbench.runs.queue", str(store.root))
        assert dispatcher is not None and processes.terminate(dispatcher, signal.SIGKILL)
        until(lambda: not processes.held(store.root / queue.LOCK), "the lock outlived its holder")
        for _ in range(3):
            dispatch(store)  # two screens and a command at once: one of them dispatches
    until(completed(20), "runs are left")
    runs = store.runs.list()
    assert [starts(store, run) for run in runs] == [1] * 20
    assert [run.attempts for run in runs] == [1] * 20
    assert most == 2
    first = [run.id for run in sorted(runs, key=lambda run: run.started or 0)]
    assert first == [f"r{number}" for number in range(1, 21)]
    assert all(len(store.metrics.series(run.id, "loss")) == 5 for run in runs)


def test_a_raised_priority_is_next_and_slots_change_while_the_queue_works(store: Store) -> None:
    """Both are read anew at every turn."""
    runs = [
        store.runs.create(
            name="n", model="m", dataset="d", template="t", method="lora", settings={"pace": 0.4}, lineage={}
        )
        for _ in range(4)
    ]
    store.runs.prioritise(runs[3].id, 1)
    dispatch(store)
    until(lambda: store.runs.get(runs[3].id).live, "the queue does not start")
    assert [store.runs.get(run.id).status for run in runs[:3]] == ["queued"] * 3
    (store.root / SETTINGS).write_text("[queue]\nslots = 3\n")
    until(lambda: sum(run.live for run in store.runs.list()) == 3, "the slots are not read anew", 10)
    until(lambda: all(run.status == "completed" for run in store.runs.list()), "runs are left")


@pytest.mark.slow
def test_a_run_of_two_processes_is_adopted_by_the_next_dispatcher(
    store: Store, tiny_causal: Path, dialogue_file: Path
) -> None:
    """Real trainers under torchrun: their dispatcher is killed, they go on, and the next one ends them."""
    store.models.add(str(tiny_causal), name="tiny")
    store.datasets.add(str(dialogue_file), name="d")
    stocking.add_template(store)
    settings = TrainingSettings(max_steps=100_000, batch_size=2, nproc_per_node=2)
    run = launch.submit(store, RunOptions("tiny", "d", "t", settings=settings))
    until(lambda: store.runs.get(run.id).step >= 2, "the run does not start", 300)
    dispatcher = processes.find("workbench.runs.queue", str(store.root))
    assert dispatcher is not None and processes.terminate(dispatcher, signal.SIGKILL)
    until(lambda: not processes.held(store.root / queue.LOCK), "the lock outlived its holder")
    launch.attend(store)
    before = store.runs.get(run.id).step
    until(lambda: store.runs.get(run.id).step > before, "the run does not go on")
    store.runs.request(run.id, "cancel")
    assert launch.wait(store, run.id).status == "cancelled"
    left = [run.id, str(store.root), "train"]
    until(lambda: not list(processes.find_all(*left)), "a process is left")
    assert store.runs.get(run.id).attempts == 1
