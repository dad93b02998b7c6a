"""kill -9 of trainers and dispatchers at any moment: the run goes on and ends as if never stopped."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stocking

from store import Store, open_store
from store.runs import Run
from workbench import processes
from workbench.runs import launch, lifecycle, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

METHODS = ("lora", "qlora", "prompt-tuning")
STATE_SECONDS = 5.0
START_SECONDS = 300.0
LOADING_SHARE = 0.15  # of the kills come before the first step, wherever in the loading that is
DISPATCHER_SHARE = 0.2
SEED = int(os.environ.get("WORKBENCH_KILL_SEED", "7"))


@pytest.fixture
def shop(store_root: Path, tiny_causal: Path, dialogue_rows: list[dict[str, str]]) -> Iterator[Store]:
    """A store with a model, dialogues with a validation split, and a template."""
    with open_store(store_root) as store:
        store.models.add(str(tiny_causal), name="tiny")
        stocking.add_rows(store, "dialogues", dialogue_rows[:20])
        stocking.add_rows(store, "dialogues", dialogue_rows[20:], split="validation")
        stocking.add_template(store, "summarise", "{{ dialogue }} Summary: ")
        yield store


@dataclass
class Toll:
    """What was killed, and what was seen on the way."""

    trainers: int = 0
    dispatchers: int = 0
    runs: int = 0
    slowest_state: float = 0.0
    steps_at_death: list[int] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All of them."""
        return self.trainers + self.dispatchers


class Storm:
    """One run, killed again and again.

    Args:
        store: An open store.
        run: The run.
        chance: Decides when and whom.
        toll: What is counted.
    """

    def __init__(self, store: Store, run: Run, chance: random.Random, toll: Toll) -> None:
        self._store = store
        self._id = run.id
        self._chance = chance
        self._toll = toll
        self._seen: dict[tuple[str, int], float] = {}

    @property
    def run(self) -> Run:
        """The run as it is now."""
        return self._store.runs.get(self._id)

    def rage(self, kills: int) -> Run:
        """Kill until so many are counted or the run has come to its end; then let it."""
        while self._toll.kills < kills and self._reaches_its_moment():
            if self._chance.random() < DISPATCHER_SHARE:
                self._kill_dispatcher()
            else:
                self._kill_trainer()
            self._look()
        run = launch.wait(self._store, self._id, lambda _: self._look())
        assert run.status == "completed", (run.error, self._store.runs.log_path(run).read_text()[-2000:])
        return run

    def _reaches_its_moment(self) -> bool:
        """Wait until a trainer loads or trains, and then some time; false where the run is over before."""
        self._until(lambda: self.run.live and self.run.identity is not None, "it does not start")
        if self._chance.random() < LOADING_SHARE:
            time.sleep(self._chance.uniform(0, 4))
        else:
            self._until(lambda: self.run.status == "running", "it does not train")
            goal = self.run.step + self._chance.randint(1, 12)
            self._until(lambda: self.run.step >= goal, "it makes no step")
            time.sleep(self._chance.uniform(0, 0.2))
        return not self.run.over

    def _kill_trainer(self) -> None:
        identity = self.run.identity
        if identity is None or not processes.terminate(identity, signal.SIGKILL):
            return
        killed = time.monotonic()
        until(lambda: not self.run.live, STATE_SECONDS, "a dead run is said to live")
        self._toll.slowest_state = max(self._toll.slowest_state, time.monotonic() - killed)
        self._toll.trainers += 1
        self._toll.steps_at_death.append(self.run.step)
        if self.run.status != "completed":  # it may have died after its last write but one
            assert self.run.status == "interrupted"
            assert f"workbench run resume {self._id}" in str(self.run.hint)
            self._look()
            lifecycle.resume(self._store, self._id)

    def _kill_dispatcher(self) -> None:
        """The trainer goes on, and the next dispatcher adopts it."""
        root = self._store.root
        dispatcher = processes.find("workbench.runs.queue", str(root))
        if dispatcher is None or not processes.terminate(dispatcher, signal.SIGKILL):
            return
        until(lambda: not processes.held(root / queue.LOCK), 2, "the lock outlived its holder")
        self._toll.dispatchers += 1
        launch.attend(self._store)

    def _look(self) -> None:
        """What was acknowledged once is there, with the same value, at every time."""
        now = {
            (name, step): value
            for name in ("loss", "eval_loss")
            for step, value in self._store.metrics.series(self._id, name)
        }
        assert self._seen.items() <= now.items(), "a metric was lost or has changed"
        self._seen = now

    def _until(self, truth: Callable[[], bool], what: str) -> None:
        until(lambda: truth() or self.run.over, START_SECONDS, what)


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


def storm(store: Store, method: str, kills: int, steps: int) -> Toll:
    """A run never stopped, and as many as so many kills take: each equal to it, to the bit."""
    through = launch.wait(store, submitted(store, method, steps).id)
    assert through.status == "completed", through.error
    chance, toll = random.Random(f"{SEED} {method}"), Toll()
    while toll.kills < kills:
        toll.runs += 1
        run = Storm(store, submitted(store, method, steps), chance, toll).rage(kills)
        assert series(store, run) == series(store, through)
        adapters = [store.adapters.get(str(each.adapter)).fingerprint for each in (run, through)]
        assert adapters[0] == adapters[1]
        assert list(store.checkpoints.folder(run.id).glob(".*")) == []
    print(
        f"{method}: {toll.trainers} trainers and {toll.dispatchers} dispatchers killed in {toll.runs} runs, "
        f"at steps {toll.steps_at_death}; a death was shown after {toll.slowest_state:.1f} s at most",
        flush=True,
    )
    return toll


@pytest.mark.parametrize("method", ["lora", pytest.param("qlora", marks=pytest.mark.slow)])
def test_a_killed_run_ends_as_one_never_stopped(shop: Store, method: str) -> None:
    """Two deaths of the trainer or its dispatcher, anywhere."""
    assert storm(shop, method, kills=2, steps=60).kills == 2


@pytest.mark.slow
def test_fifty_kills_change_nothing(shop: Store) -> None:
    """Over LoRA, QLoRA and prompt tuning; prints what happened."""
    assert sum(storm(shop, method, kills=17, steps=150).kills for method in METHODS) >= 50


@pytest.mark.slow
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
