"""Runs outlive what starts and what watches them, and a run that dies says so: real processes, killed."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stocking

from store import Store, open_store
from store.runs import Run
from workbench import processes
from workbench.runs import launch, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

# What a person's terminal runs: it submits, and then talks to the terminal until that is gone.
SUBMIT_AND_WATCH = """
import sys
from store import open_store
from workbench.runs import launch
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

with open_store(sys.argv[1]) as store:
    settings = TrainingSettings(max_steps=400, batch_size=4)
    run = launch.submit(store, RunOptions("tiny", "dialogues", "summarise", settings=settings))
    launch.wait(store, run.id, lambda run: print(run.id, run.status, run.step, flush=True))
"""


@pytest.fixture
def shop(
    store_root: Path,
    tiny_causal: Path,
    dialogue_file: Path,
) -> Iterator[Store]:
    """A store with a model, dialogues and a template."""
    with open_store(store_root) as store:
        store.models.add(str(tiny_causal), name="tiny")
        store.datasets.add(str(dialogue_file), name="dialogues")
        stocking.add_template(store, "summarise", "{{ dialogue }} Summary: ")
        yield store


def until(truth: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def kill_dispatcher(root: Path) -> int:
    """kill -9 of the store's dispatcher."""
    dispatcher = processes.find("workbench.runs.queue", str(root))
    assert dispatcher is not None
    assert processes.terminate(dispatcher, signal.SIGKILL)
    until(lambda: not processes.held(root / queue.LOCK), seconds=2, what="the lock outlived its holder")
    return dispatcher.pid


def steps(store: Store, run: Run) -> list[int]:
    """The steps whose loss is in the store."""
    return [step for step, _ in store.metrics.series(run.id, "loss")]


def test_a_closed_terminal_and_a_killed_dispatcher_change_nothing(shop: Store) -> None:
    """The run goes on under a new dispatcher, ends once, and shows every step once."""
    child, terminal = pty.fork()
    if child == 0:
        argv = [sys.executable, "-c", SUBMIT_AND_WATCH, str(shop.root)]
        os.execv(sys.executable, argv)  # noqa: S606 (no shell is what is wanted)
    until(
        lambda: any(run.step >= 3 for run in shop.runs.list("running")),
        seconds=90,
        what="the run does not start",
    )
    os.close(terminal)  # the hang-up: the kernel sends SIGHUP to all that belong to the terminal
    _, status = os.waitpid(child, 0)
    assert status != 0
    run = shop.runs.list()[0]
    assert run.identity is not None and processes.alive(run.identity)

    first = kill_dispatcher(shop.root)
    launch.attend(shop)
    second = processes.find("workbench.runs.queue", str(shop.root))
    assert second is not None and second.pid != first
    pid = run.pid
    run = launch.wait(shop, run.id)
    assert (run.status, run.pid, run.step) == ("completed", pid, 400)
    assert steps(shop, run) == list(range(1, 401))
    assert len(shop.adapters.list()) == 1


def test_a_killed_trainer_is_interrupted_within_five_seconds(shop: Store) -> None:
    """Its points stay, its cause is named, and the next run takes its place."""
    settings = TrainingSettings(max_steps=100_000, batch_size=4)
    options = RunOptions("tiny", "dialogues", "summarise", settings=settings)
    run = launch.submit(shop, options)
    waiting = launch.submit(shop, options)
    until(lambda: shop.runs.get(run.id).step >= 3, seconds=90, what="the run does not start")
    run = shop.runs.get(run.id)
    assert run.identity is not None
    seen = steps(shop, run)
    killed = time.monotonic()
    assert processes.terminate(run.identity, signal.SIGKILL)
    until(
        lambda: not shop.runs.get(run.id).live, seconds=5, what="still said to be running after five seconds"
    )
    run = shop.runs.get(run.id)
    assert run.status == "interrupted"
    assert "SIGKILL" in str(run.error) and "ran out of memory" in str(run.error)
    assert run.hint == f"let it go on: workbench run resume {run.id}"
    assert steps(shop, run)[: len(seen)] == seen
    until(lambda: shop.runs.get(waiting.id).live, seconds=5, what="the next run does not start")
    assert time.monotonic() - killed < 10
    shop.runs.request(waiting.id, "cancel")
    assert launch.wait(shop, waiting.id).status == "cancelled"


def test_a_run_whose_data_changed_while_it_waited_is_failed_by_name(shop: Store, tmp_path: Path) -> None:
    """What was checked at submission is what is trained on, or nothing is."""
    lock = processes.HeldLock.take(shop.root / queue.LOCK)
    assert lock is not None
    with lock:
        run = launch.submit(shop, RunOptions("tiny", "dialogues", "summarise"))
        more = tmp_path / "more.jsonl"
        more.write_text(json.dumps({"dialogue": "x", "summary": "y"}) + "\n")
        shop.datasets.add(str(more), name="dialogues", split="validation")
    run = launch.wait(shop, run.id)
    assert run.status == "failed"
    assert "'dialogues' has changed" in str(run.error) and run.hint == "start the run again"
