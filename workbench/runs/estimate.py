"""What a run comes to in tokens, time and disk, from its plan, its memory and the runs before it."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import dataclass
from typing import Any

from store import Store
from workbench.runs.options import RunOptions
from workbench.runs.plan import Plan
from workbench.runs.probing import Memory

EARLIER_RUNS = 20
"""So many of the newest runs of the same kind are looked at for their speed."""


@dataclass(frozen=True)
class Estimate:
    """A run in tokens, seconds and bytes of disk; what nothing is known of is None."""

    tokens_per_epoch: int | None
    tokens_sampled: bool
    """Whether the tokens are those of a sample's mean row."""
    seconds: float | None
    """Of all steps; loading and validation come on top."""
    seconds_from: str
    """What the time was reckoned from, or why it is not known."""
    disk_bytes: int | None
    """Checkpoints that stand at once, and the adapter."""
    disk_free: int


def estimate(store: Store, options: RunOptions, plan: Plan, memory: Memory | None) -> Estimate:
    """Reckon tokens, time and disk.

    Args:
        store: An open store.
        options: The run.
        plan: Its size.
        memory: What the probe answered, where it did.
    """
    mean = memory.mean_tokens if memory else None
    seconds, source = _seconds(store, options, plan, memory, mean)
    return Estimate(
        tokens_per_epoch=None if mean is None else round(mean * plan.rows),
        tokens_sampled=memory is not None and memory.rows_seen < memory.rows,
        seconds=seconds,
        seconds_from=source,
        disk_bytes=None if memory is None else _disk(options, memory),
        disk_free=shutil.disk_usage(store.root).free,
    )


def _seconds(
    store: Store, options: RunOptions, plan: Plan, memory: Memory | None, mean: float | None
) -> tuple[float | None, str]:
    measured: Any = memory.measured if memory else None
    if measured:
        return plan.steps * measured["step_seconds"], "the measured step, of the longest rows"
    if mean is None:
        return None, "not known before the rows are measured"
    alike = store.runs.list("completed", model=options.model, method=options.method, limit=EARLIER_RUNS)
    for run in alike:
        speeds = [speed for _, speed in store.metrics.series(run.id, "tokens_per_second")]
        if speeds:
            tokens = plan.epochs * plan.rows * mean
            return tokens / statistics.median(speeds), f"the speed of run {run.id}"
    return None, "no run of this model and method yet: --verify measures a step"


def _disk(options: RunOptions, memory: Memory) -> int:
    # A checkpoint holds the trained weights, as large as their gradients, and the optimizer's states; the
    # best one is kept beside the newest, and a new one is written before an old one goes.
    checkpoint = memory.gradients + memory.optimizer
    return checkpoint * (options.settings.save_total_limit + 2) + memory.gradients
