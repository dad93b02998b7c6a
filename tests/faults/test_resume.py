"""kill -9 of trainers and dispatchers at any moment: the run goes on and ends as if never stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from store import Store, open_store
from store.runs import Run
from workbench import processes
from workbench.runs import launch, lifecycle, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

TEMPLATE = """
name = "summarise"
task = "summary"
[[variants]]
name = "only"
prompt = "{{ dialogue }} Summary: "
completion = "{{ summary }}"
"""
METHODS = ("lora", "qlora", "prompt-tuning")
STATE_SECONDS = 5.0
START_SECONDS = 180.0
LOADING_SHARE = 0.15  # of the kills come before the first step, wherever in the loading that is
DISPATCHER_SHARE = 0.2
SEED = int(os.environ.get("WORKBENCH_KILL_SEED", "7"))


@pytest.fixture
def shop(
    store_root: Path, tiny_causal: Path, dialogue_rows: list[dict[str, str]], tmp_path: Path
) -> Iterator[Store]:
    """A store with a model, dialogues with a validation split, and a template."""
    with open_store(store_root) as store:
        store.models.add(str(tiny_causal), name="tiny")
        for split, rows in (("train", dialogue_rows[:20]), ("validation", dialogue_rows[20:])):
            path = tmp_path / f"{split}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            store.datasets.add(str(path), name="dialogues", split=split)
        path = tmp_path / "summarise.toml"
        path.write_text(TEMPLATE)
        store.templates.add(path)
        yield store


@dataclass
class Storm:
    """One run, killed again and again; what it saw on the way."""

    store: Store
    run: Run
    chance: random.Random
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    """Every loss that was ever acknowledged."""
    trainers: int = 0
    dispatchers: int = 0
    slowest_state: float = 0.0
    steps_at_death: list[int] = field(default_factory=list)

    def strike(self) -> bool:
        """Kill the run's trainer or the dispatcher at some moment, and let the run go on.

        Returns:
            Whether there was still something to kill.
        """
        if not self._wait_for_the_moment():
            return False
        if self.chance.random() < DISPATCHER_SHARE and self._kill_dispatcher():
            return True
        run = self.store.runs.get(self.run.id)
        if run.identity is None or not processes.terminate(run.identity, signal.SIGKILL):
            return False
        killed = time.monotonic()
        until(lambda: not self._now().live, STATE_SECONDS, "a dead run is said to live")
        self.slowest_state = max(self.slowest_state, time.monotonic() - killed)
        run = self._now()
        if run.status == "completed":
            return False
        assert run.status == "interrupted" and f"workbench run resume {run.id}" in str(run.hint)
        self.trainers += 1
        self.steps_at_death.append(run.step)
        self.look()
        lifecycle.resume(self.store, run.id)
        return True

    def look(self) -> None:
        """What was acknowledged once is there, with the same value, at every time."""
        now = {
            (name, step): value
            for name in ("loss", "eval_loss")
            for step, value in self.store.metrics.series(self.run.id, name)
        }
        assert self.seen.items() <= now.items(), "a metric was lost or has changed"
        self.seen = now

    def finish(self) -> Run:
        """Let it come to its end."""
        run = launch.wait(self.store, self.run.id, lambda _: self.look())
        assert run.status == "completed", (run.error, self.store.runs.log_path(run).read_text()[-2000:])
        return run

    def _now(self) -> Run:
        return self.store.runs.get(self.run.id)

    def _wait_for_the_moment(self) -> bool:
        until(
            lambda: self._now().identity is not None or self._now().over, START_SECONDS, "it does not start"
        )
        if self.chance.random() < LOADING_SHARE:
            time.sleep(self.chance.uniform(0, 4))
            return not self._now().over
        until(lambda: self._now().status == "running" or self._now().over, START_SECONDS, "it does not train")
        goal = self._now().step + self.chance.randint(1, 12)
        until(lambda: self._now().step >= goal or self._now().over, START_SECONDS, "it makes no step")
        time.sleep(self.chance.uniform(0, 0.2))
        return not self._now().over

    def _kill_dispatcher(self) -> bool:
        """Kill the dispatcher: the trainer goes on, and the next dispatcher adopts it."""
        root = self.store.root
        dispatcher = processes.find("workbench.runs.queue", str(root))
        if dispatcher is None or not processes.terminate(dispatcher, signal.SIGKILL):
            return False
        until(lambda: not processes.held(root / queue.LOCK), 2, "the lock outlived its holder")
        self.dispatchers += 1
        launch.attend(self.store)
        return True


def until(truth: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def submitted(store: Store, method: str, steps: int) -> Run:
    """A run that takes a checkpoint every fifth step and validates every seventh."""
    settings = TrainingSettings(
        max_steps=steps, batch_size=4, save_steps=5, eval_steps=7, num_virtual_tokens=4, lora_dropout=0.1
    )
    return launch.submit(
        store, RunOptions("tiny", "dialogues", "summarise", method=method, settings=settings)
    )


def series(store: Store, run: Run) -> list[list[tuple[int, float]]]:
    """Its losses, validation losses, step sizes and gradient norms."""
    return [
        store.metrics.series(run.id, name) for name in ("loss", "eval_loss", "learning_rate", "grad_norm")
    ]


def storm(store: Store, method: str, kills: int, steps: int) -> Storm:
    """A run never stopped, and one that is killed so many times: equal to the bit."""
    through = launch.wait(store, submitted(store, method, steps).id)
    assert through.status == "completed", through.error
    made = Storm(store, submitted(store, method, steps), random.Random(f"{SEED} {method}"))
    while made.trainers + made.dispatchers < kills and made.strike():
        pass
    run = made.finish()
    assert series(store, run) == series(store, through)
    adapters = [store.adapters.get(str(each.adapter)).fingerprint for each in (run, through)]
    assert adapters[0] == adapters[1]
    assert [path.name for path in store.checkpoints.folder(run.id).glob(".*")] == []
    return made


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_ends_as_one_never_stopped(shop: Store, method: str) -> None:
    """Two deaths of the trainer or its dispatcher, anywhere."""
    made = storm(shop, method, kills=2, steps=40)
    assert made.trainers + made.dispatchers == 2


@pytest.mark.slow
def test_fifty_kills_change_nothing(shop: Store) -> None:
    """Over LoRA, QLoRA and prompt tuning; prints what happened."""
    storms = {method: storm(shop, method, kills=17, steps=150) for method in METHODS}
    for method, made in storms.items():
        print(
            f"{method}: {made.trainers} trainers and {made.dispatchers} dispatchers killed, "
            f"at steps {made.steps_at_death}; a death was shown after {made.slowest_state:.1f} s at most"
        )
    assert sum(made.trainers + made.dispatchers for made in storms.values()) >= 50


def test_a_pause_asked_for_from_outside_is_obeyed_and_a_terminated_trainer_goes_on(shop: Store) -> None:
    """As a person and a shutting-down machine do it; both lose no step, and the end is the same."""
    through = launch.wait(shop, submitted(shop, "lora", 60).id)
    run = submitted(shop, "lora", 60)
    until(lambda: shop.runs.get(run.id).step >= 6, START_SECONDS, "it does not train")
    lifecycle.pause(shop, run.id)
    run = launch.wait(shop, run.id)
    newest = shop.checkpoints.newest(run.id)
    assert newest is not None and (run.status, run.step) == ("paused", newest.step)
    assert shop.metrics.last_step(run.id) == run.step and run.request is None
    assert run.identity is not None
    until(lambda: run.identity is None or not processes.alive(run.identity), 10, "its process stays")

    lifecycle.resume(shop, run.id)
    until(lambda: shop.runs.get(run.id).step >= run.step + 5, START_SECONDS, "it does not go on")
    identity = shop.runs.get(run.id).identity
    assert identity is not None and processes.terminate(identity, signal.SIGTERM)
    run = launch.wait(shop, run.id)
    newest = shop.checkpoints.newest(run.id)
    assert newest is not None and (run.status, run.step) == ("interrupted", newest.step)
    assert "SIGTERM" in str(run.error) and f"workbench run resume {run.id}" in str(run.hint)
    lifecycle.resume(shop, run.id)
    run = launch.wait(shop, run.id)
    assert (run.status, run.attempts) == ("completed", 3)
    assert series(shop, run) == series(shop, through)
