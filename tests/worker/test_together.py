"""One run over two processes: real ones under torchrun, on the processor; they are one training, or none."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from store import Store
from store.runs import Run
from workbench import processes
from workbench.processes import HeldLock
from workbench.runs import command, launch, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

TEMPLATE = """
name = "t"
task = "t"
[[variants]]
name = "v"
prompt = "{{ dialogue }} "
completion = "{{ summary }}"
"""
SECONDS = 120


@pytest.fixture
def shop(
    store: Store, tiny_causal: Path, dialogue_rows: list[dict[str, str]], tmp_path: Path
) -> Iterator[Store]:
    """A store with all that a run needs; its queue is held: the tests start trainers by themselves."""
    store.models.add(str(tiny_causal), name="causal")
    for split, rows in (("train", dialogue_rows[:16]), ("validation", dialogue_rows[17:])):
        path = tmp_path / f"{split}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        store.datasets.add(str(path), name="d", split=split)
    path = tmp_path / "t.toml"
    path.write_text(TEMPLATE)
    store.templates.add(path)
    lock = HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    with lock:
        yield store


@pytest.fixture
def start(shop: Store) -> Iterator[Callable[..., tuple[Run, subprocess.Popen[bytes]]]]:
    """A function that starts a run's trainer as the dispatcher does; what is left of it is killed."""
    started: list[tuple[Run, subprocess.Popen[bytes]]] = []

    def begin(method: str = "lora", **settings: Any) -> tuple[Run, subprocess.Popen[bytes]]:
        defaults = {"max_steps": 4, "batch_size": 2, "eval_steps": 2, "lora_dropout": 0.0}
        chosen = TrainingSettings(**{**defaults, **settings})
        queued = launch.submit(shop, RunOptions("causal", "d", "t", method, settings=chosen))
        nonce = f"nonce-{queued.id}"
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


def series(shop: Store, run: Run, name: str) -> list[tuple[int, float]]:
    """One of its metrics."""
    return shop.metrics.series(run.id, name)


def weights(shop: Store, run: Run) -> dict[str, Any]:
    """Its adapter's tensors."""
    return load_file(shop.adapters.get(str(run.adapter)).path / "adapter_model.safetensors")


def test_two_processes_train_as_one_does_with_two_passes(shop: Store, start: Any) -> None:
    """Copied (DDP) or sharded (FSDP2): the same losses, validation losses and adapter, written once."""
    alone = trained(shop, start(gradient_accumulation_steps=2))
    runs = {way: trained(shop, start(nproc_per_node=2, distributed=way)) for way in ("ddp", "fsdp")}
    expected = weights(shop, alone)
    for way, run in runs.items():
        assert (run.status, run.step, run.total_steps) == ("completed", 4, 4), way
        for name in ("loss", "eval_loss", "grad_norm", "learning_rate"):
            got, wanted = series(shop, run, name), series(shop, alone, name)
            assert [step for step, _ in got] == [step for step, _ in wanted], (way, name)
            assert [value for _, value in got] == pytest.approx([v for _, v in wanted], abs=2e-4), (way, name)
        found = weights(shop, run)
        assert found.keys() == expected.keys()
        assert all(bool((found[key] - expected[key]).abs().max() < 2e-4) for key in expected), way
    assert len(shop.adapters.list()) == 3
