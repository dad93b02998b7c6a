"""The largest step of a run, done by its own trainer, on real tensors or on fake ones, to see what it takes.

At launch it comes before the first step: memory then runs out in the first minute, or not at all, and
nothing of the training is changed by it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from workbench.worker.blueprint import weights
from workbench.worker.forward import POSITIONS
from workbench.worker.longest import Batch, Shape, longest_batch
from workbench.worker.optimizers import state_bytes, state_tensors
from workbench.worker.randomness import untouched_randomness
from workbench.worker.tracking import TensorTracker
from workbench.worker.trainer import RunTrainer


class Gauge:
    """Tells the peak of some work: by CUDA's own counters, or by counting tensors.

    Args:
        device: Where the tensors are.
        held: Tensors that are there already.
    """

    def __init__(self, device: torch.device, held: Iterable[torch.Tensor] = ()) -> None:
        self._tracker = None if _is_real_cuda(device, held := list(held)) else TensorTracker()
        if self._tracker is not None:
            self._tracker.count(held)

    def peak(self, work: Callable[[], object]) -> int:
        """Do some work and tell the most bytes of tensors during it."""
        if self._tracker is None:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            work()
            torch.cuda.synchronize()
            return torch.cuda.max_memory_allocated()
        with self._tracker:
            self._tracker.restart()
            work()
        return self._tracker.peak


def training_peak(trainer: RunTrainer, batch: Batch, gauge: Gauge) -> int:
    """Do the forward and backward passes of one optimizer step, and tell their peak.

    Args:
        trainer: Its model and optimizer are prepared.
        batch: The largest training batch.
        gauge: What measures.
    """
    # The first of several passes leaves its gradients, and the second takes its memory beside them.
    passes = min(trainer.args.gradient_accumulation_steps, 2)
    items = max(1, batch[POSITIONS].shape[1]) * passes
    return max(gauge.peak(lambda: trainer.unrecorded_pass(dict(batch), items)) for _ in range(passes))


def step_peak(trainer: RunTrainer, gauge: Gauge) -> int:
    """Let the optimizer step by the gradients there are, and tell the peak of that."""
    optimizer: Any = trainer.optimizer
    return gauge.peak(getattr(optimizer, "optimizer", optimizer).step)


def evaluation_peak(trainer: RunTrainer, batch: Batch, gauge: Gauge) -> int:
    """Do an evaluation batch, and tell its peak."""

    def evaluate() -> None:
        with torch.no_grad():
            trainer.model(**trainer._prepare_inputs(dict(batch)))

    trainer.model.eval()
    return gauge.peak(evaluate)


def forget_gradients(trainer: RunTrainer) -> None:
    """Drop all gradients, as after a step."""
    trainer.model.zero_grad()


class Rehearsal(TrainerCallback):
    """Does the largest step of a run before its first, and writes down what it took.

    Args:
        store: An open store.
        run_id: The run.
    """

    trainer: RunTrainer

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def on_train_begin(
        self, args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Rehearse with the trainer just prepared."""
        if args.torch_compile and args.device.type == "cpu":
            return  # tensors cannot be counted inside of compiled code
        trainer = self.trainer
        batch = longest_batch(trainer.train_dataset, args.per_device_train_batch_size, trainer.data_collator)
        validation = (
            longest_batch(trainer.eval_dataset, args.per_device_eval_batch_size, trainer.data_collator)
            if trainer.eval_dataset is not None
            else None
        )
        shapes = {"training": _shape(batch), "evaluation": validation and _shape(validation)}
        # Before the step: where memory does not suffice, the way out is reckoned from these.
        self._store.runs.planned(self._run_id, device=args.device.type, shapes=shapes)
        self._store.runs.planned(self._run_id, **measured_step(trainer, batch, validation))


def measured_step(trainer: RunTrainer, batch: Batch, validation: Batch | None) -> dict[str, Any]:
    """The largest step, from which everything comes out as it went in, and what it took.

    The optimizer does not step; a place as large as its states is taken, until it has states of its own.
    """
    device = trainer.args.device
    trained = [each for each in trainer.model.parameters() if each.requires_grad]
    states = list(state_tensors(trainer.optimizer))
    places = [] if states else _places(trainer.args.optim, trained)
    gauge = Gauge(device, [*weights(trainer.model), *states, *places])
    start = time.monotonic()
    with untouched_randomness(), _kept_mode(trainer.model):
        training = training_peak(trainer, batch, gauge)
        forget_gradients(trainer)
        seconds = time.monotonic() - start
        evaluation = None if validation is None else evaluation_peak(trainer, validation, gauge)
    del places
    return {**told(training, evaluation, device), "measured_seconds": seconds}


def told(training: int, evaluation: int | None, device: torch.device) -> dict[str, Any]:
    """What was measured, as a run's plan keeps it."""
    figures: dict[str, Any] = {
        "measured_peak_bytes": max(training, evaluation or 0),
        "measured_training_bytes": training,
        "measured_evaluation_bytes": evaluation,
        "measured_process_bytes": most_resident(),
    }
    if device.type == "cuda":
        figures["measured_reserved_bytes"] = torch.cuda.max_memory_reserved()
        torch.cuda.empty_cache()
    return figures


def most_resident() -> int:
    """The most bytes of host memory that this process has held (proc(5), status)."""
    for line in (
        Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii", errors="replace").splitlines()
    ):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _places(optim: str, trained: Iterable[torch.nn.Parameter]) -> list[torch.Tensor]:
    sizes = [(state_bytes(optim, each), each.device) for each in trained]
    return [torch.ones(size, dtype=torch.uint8, device=device) for size, device in sizes if size]


@contextlib.contextmanager
def _kept_mode(model: torch.nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _shape(batch: Batch) -> dict[str, int]:
    return dataclasses.asdict(Shape.of(batch))


def _is_fake(tensor: torch.Tensor) -> bool:
    return type(tensor).__name__ == "FakeTensor"


def _is_real_cuda(device: torch.device, held: list[torch.Tensor]) -> bool:
    return device.type == "cuda" and not any(_is_fake(each) for each in held)
