"""One run over two processes: real ones under torchrun, on the processor; they are one training, or none."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stocking
from safetensors.torch import load_file

from store import Store
from store.errors import BadInput
from store.peft_folder import files_of
from store.runs import Run
from workbench import processes
from workbench.runs import command, launch, lifecycle, queue
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.group import Group, is_over, read_group
from workbench.worker.pulse import Pulse
from workbench.worker.train import train

SECONDS = 300


@pytest.fixture
def shop(stock: Store, dialogue_rows: list[dict[str, str]]) -> Store:
    """A store with all that a run needs; the last of the rows that two processes validate is one's alone."""
    stocking.add_rows(stock, "odd", dialogue_rows[:16])
    stocking.add_rows(stock, "odd", dialogue_rows[17:], split="validation")
    return stock


def options(method: str = "lora", model: str = "causal", **settings: Any) -> RunOptions:
    """A short run."""
    defaults = {"max_steps": 4, "batch_size": 2, "eval_steps": 2, "lora_dropout": 0.0}
    return RunOptions(model, "odd", "t", method, settings=TrainingSettings(**{**defaults, **settings}))


@pytest.fixture
def start(shop: Store) -> Iterator[Callable[..., tuple[Run, subprocess.Popen[bytes]]]]:
    """A function that starts a run's trainer as the dispatcher does; what is left of it is killed."""
    started: list[tuple[Run, subprocess.Popen[bytes]]] = []

    def begin(
        method: str = "lora", model: str = "causal", again: Run | None = None, **settings: Any
    ) -> tuple[Run, subprocess.Popen[bytes]]:
        queued = again or launch.submit(shop, options(method, model, **settings))
        nonce = f"nonce-{queued.id}-{queued.attempts}"
        run = shop.runs.claim(queued.id, nonce)
        assert run is not None
        child = processes.spawn(
            command.trainer_argv(shop, run, nonce, queue.WORKER),
            log=shop.runs.log_path(run),
            cwd=shop.runs.folder(run),
            env=command.trainer_environment(run),
        )
        started.append((run, child))
        return run, child

    yield begin
    for run, child in started:
        for identity in processes.find_all(run.id, str(shop.root), "train"):
            processes.terminate(identity, signal.SIGKILL)
        child.wait()


def trained(shop: Store, started: tuple[Run, subprocess.Popen[bytes]]) -> Run:
    """A run after its end."""
    run, child = started
    assert child.wait(SECONDS) == 0, shop.runs.log_path(run).read_text()
    return shop.runs.get(run.id)


def weights(shop: Store, run: Run) -> dict[str, Any]:
    """Its adapter's tensors."""
    return load_file(files_of(shop.adapters.get(str(run.adapter)).path)[1])


def until(truth: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def processes_left(shop: Store, run: Run) -> list[int]:
    """The living processes that were started for a run."""
    return [identity.pid for identity in processes.find_all(run.id, str(shop.root), "train")]


def rank_of(pid: int) -> str | None:
    """A process's rank, None for torchrun itself."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((entry[5:].decode() for entry in entries if entry.startswith(b"RANK=")), None)


def pid_of_rank(shop: Store, run: Run, rank: str | None) -> int:
    """The process of a run with this rank; None is torchrun."""
    return next(pid for pid in processes_left(shop, run) if rank_of(pid) == rank)


@pytest.mark.parametrize("way", ["ddp", pytest.param("fsdp", marks=pytest.mark.slow)])
def test_two_processes_train_as_one_does_with_two_passes(shop: Store, start: Any, way: str) -> None:
    """Copied or sharded: the same losses, validation losses, norms and adapter, each written once."""
    alone = launch.submit(shop, options(gradient_accumulation_steps=2))
    claimed = shop.runs.claim(alone.id, "here")
    assert claimed is not None
    alone = shop.runs.complete(alone.id, train(shop, claimed, Pulse()).name)
    pair = trained(shop, start(nproc_per_node=2, distributed=way))
    assert (pair.status, pair.step, pair.total_steps) == ("completed", 4, 4)
    for name in ("loss", "eval_loss", "grad_norm", "learning_rate"):
        got, wanted = shop.metrics.series(pair.id, name), shop.metrics.series(alone.id, name)
        assert [step for step, _ in got] == [step for step, _ in wanted], name
        assert [value for _, value in got] == pytest.approx([v for _, v in wanted], abs=2e-4), name
    found, expected = weights(shop, pair), weights(shop, alone)
    assert found.keys() == expected.keys()
    assert all(bool((found[key] - expected[key]).abs().max() < 2e-4) for key in expected)
    assert len(shop.adapters.list()) == 2
    until(lambda: processes_left(shop, pair) == [], "a process is left")
    assert "trained parameters" in (shop.runs.folder(pair) / "log-rank1.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_a_paused_pair_goes_on_as_if_never_stopped(shop: Store, start: Any, way: str) -> None:
    """With dropout, which differs in each: the same losses and the same adapter, to the bit."""
    settings = {"nproc_per_node": 2, "distributed": way, "max_steps": 150, "lora_dropout": 0.3}
    settings |= {"max_eval_samples": 0, "batch_size": 1}
    through = trained(shop, start(**settings))
    run, child = start(**settings)
    until(lambda: shop.runs.get(run.id).step > 8, "the run does not come to its second epoch")
    shop.runs.request(run.id, "pause")
    child.wait(SECONDS)
    set_aside = shop.runs.get(run.id)
    assert set_aside.status == "paused" and 8 < set_aside.step < 150
    until(lambda: processes_left(shop, run) == [], "a process is left", seconds=20)
    run = trained(shop, start(again=lifecycle.resume(shop, run.id, {})))
    assert (run.status, run.attempts, run.step) == ("completed", 2, 150)
    assert shop.metrics.series(run.id, "loss") == shop.metrics.series(through.id, "loss")
    ends = [shop.adapters.get(str(each.adapter)).fingerprint for each in (run, through)]
    assert ends[0] == ends[1]


def test_a_killed_follower_ends_the_run_and_leaves_nothing_behind(shop: Store, start: Any) -> None:
    """The leader says who was lost; nobody waits for ever; the points that were told stay."""
    run, child = start(nproc_per_node=2, max_steps=100_000, max_eval_samples=0)
    until(lambda: shop.runs.get(run.id).step >= 2, "the run does not start")
    seen = shop.metrics.series(run.id, "loss")
    os.kill(pid_of_rank(shop, run, "1"), signal.SIGKILL)
    until(lambda: not shop.runs.get(run.id).live, "the run hangs", seconds=20)
    ended = shop.runs.get(run.id)
    assert ended.status == "interrupted"
    assert "the process of rank 1 ended before the others" in str(ended.error)
    assert f"workbench run resume {run.id}" in str(ended.hint)
    assert child.wait(40) != 0
    until(lambda: processes_left(shop, run) == [], "a process is left", seconds=10)
    assert shop.metrics.series(run.id, "loss")[: len(seen)] == seen
    assert shop.adapters.list() == []


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["0", None])
def test_a_killed_leader_or_torchrun_takes_all_with_it(shop: Store, start: Any, killed: str | None) -> None:
    """What the dispatcher then finds is a run without a process."""
    run, child = start(nproc_per_node=2, max_steps=100_000, max_eval_samples=0)
    until(lambda: shop.runs.get(run.id).step >= 2, "the run does not start")
    os.kill(pid_of_rank(shop, run, killed), signal.SIGKILL)
    child.wait(40)
    until(lambda: processes_left(shop, run) == [], "a process is left", seconds=30)
    queue.Dispatcher(shop).turn()
    assert shop.runs.get(run.id).status == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fsdp", pytest.param("ddp", marks=pytest.mark.slow)])
def test_a_cancelled_run_ends_in_all_its_processes(shop: Store, start: Any, way: str) -> None:
    """Soon, and as cancelled."""
    run, child = start(nproc_per_node=2, max_steps=100_000, max_eval_samples=0, distributed=way)
    until(lambda: shop.runs.get(run.id).step >= 2, "the run does not start")
    shop.runs.request(run.id, "cancel")
    until(lambda: not shop.runs.get(run.id).live, "the run goes on", seconds=15)
    assert shop.runs.get(run.id).status == "cancelled"
    child.wait(40)
    until(lambda: processes_left(shop, run) == [], "a process is left", seconds=10)


@pytest.mark.slow
def test_the_leaders_clock_stops_all(shop: Store, start: Any) -> None:
    """Each has a clock of its own; a process that stopped alone would leave the others waiting."""
    run = trained(shop, start(nproc_per_node=2, max_steps=100_000, max_seconds=2, max_eval_samples=0))
    assert run.status == "completed" and 0 < run.step < 100_000


@pytest.mark.slow
@pytest.mark.parametrize("way", ["ddp", "fsdp"])
@pytest.mark.parametrize("model", ["causal", "seq2seq"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_over_two_processes(
    shop: Store, start: Any, method: str, model: str, way: str
) -> None:
    """Or is refused before it starts."""
    if (method, way) == ("qlora", "fsdp"):
        with pytest.raises(BadInput, match="4 bits"):
            start(method, nproc_per_node=2, distributed=way)
        return
    run = trained(shop, start(method, model, nproc_per_node=2, distributed=way, max_steps=2))
    assert run.status == "completed"
    assert all(bool(tensor.isfinite().all()) for tensor in weights(shop, run).values())


def test_another_number_of_processes_than_was_asked_for_is_refused(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launcher that quietly starts one process is not believed."""
    run = launch.submit(shop, options(nproc_per_node=2))
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(BadInput, match="nproc_per_node = 2, and 1 processes were started"):
        read_group(run)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert read_group(run) == Group(1, 2)


def test_a_follower_is_over_with_its_leader(shop: Store) -> None:
    """When the run has ended, when its leader is gone, and when another attempt has taken it."""
    run = launch.submit(shop, options())
    shop.runs.claim(run.id, "n")
    assert not is_over(shop.runs.get(run.id), "n")  # the leader has not said who it is yet
    shop.runs.identify(run.id, dataclasses.replace(processes.me(""), nonce="n", start_ticks=1))
    assert is_over(shop.runs.get(run.id), "n")
    shop.runs.cancelled(run.id)
    assert is_over(shop.runs.get(run.id), "n")
