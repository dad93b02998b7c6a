"""A real optimizer step and an evaluation batch of a planned run, measured; the model is thrown away."""

from __future__ import annotations

import time
from typing import Any

from workbench.worker.blueprint import weights
from workbench.worker.longest import Batch
from workbench.worker.rehearsal import (
    Gauge,
    evaluation_peak,
    forget_gradients,
    step_peak,
    told,
    training_peak,
)
from workbench.worker.trainer import RunTrainer

STEPS = 2
"""In the second the optimizer's states stand from the start, and nothing is done for the first time."""


def verify(trainer: RunTrainer, batch: Batch, validation: Batch | None) -> dict[str, Any]:
    """Do the largest steps of a run for real.

    Args:
        trainer: From `memory.make_trainer`, on real weights.
        batch: The largest training batch.
        validation: The largest validation batch, if there is one.

    Returns:
        Peaks in bytes and the seconds of a step, as a run's plan keeps them.
    """
    device = trainer.args.device
    gauge = Gauge(device, weights(trainer.model))
    peaks, seconds = [], 0.0
    for _ in range(STEPS):
        start = time.monotonic()
        peaks.append(training_peak(trainer, batch, gauge))
        peaks.append(step_peak(trainer, gauge))
        forget_gradients(trainer)
        seconds = time.monotonic() - start
    evaluation = None if validation is None else evaluation_peak(trainer, validation, gauge)
    passes = min(trainer.args.gradient_accumulation_steps, 2)
    whole = seconds / passes * trainer.args.gradient_accumulation_steps
    return {**told(max(peaks), evaluation, device), "step_seconds": whole}
