"""A trainer's ear for trouble: what it just recorded and what the machine has left, told to the store."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from workbench import telemetry
from workbench.runs.alerts import Machine, Trouble, Watch

READ_SECONDS = 5.0


class Alarm(TrainerCallback):
    """Tells each trouble of a run once; a listener of the recorder.

    Args:
        store: An open store of this thread.
        run_id: The run.
        read: Reads the machine.
    """

    def __init__(self, store: Store, run_id: str, read: Callable[[], Machine]) -> None:
        self._store = store
        self._run_id = run_id
        self._read = read
        self._read_at = 0.0
        self._watch: Watch | None = None

    def on_train_begin(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Know what an earlier attempt has seen and told, up to the step that this one goes on from."""
        self._store.alerts.forget_after(self._run_id, state.global_step)
        self._watch = Watch(state.max_steps)
        for step, value in self._store.metrics.series(self._run_id, "loss"):
            if step <= state.global_step:
                list(self._watch.loss(step, value))

    def hear(self, points: Sequence[tuple[int, str, float]]) -> None:
        """Take the points that were just written."""
        if self._watch is None or not points:
            return
        for step, name, value in points:
            if name == "loss":
                self._tell(step, self._watch.loss(step, value))
        if time.monotonic() - self._read_at > READ_SECONDS:
            self._read_at = time.monotonic()
            self._tell(max(step for step, _, _ in points), self._watch.machine(self._read()))

    def _tell(self, step: int, troubles: Iterable[Trouble]) -> None:
        for trouble in troubles:
            self._store.alerts.append(self._run_id, step, trouble.kind, trouble.message)
            sys.stdout.write(f"alert ({trouble.kind}): {trouble.message}\n")


def machine_reader(folder: Path, checkpoint_bytes: Callable[[], int]) -> Callable[[], Machine]:
    """Make what reads the machine for a run.

    Args:
        folder: Where its checkpoints are written.
        checkpoint_bytes: Tells what the next one takes.
    """

    def read() -> Machine:
        host = telemetry.read_host()
        devices = [("host", host.memory_used_bytes, host.memory_total_bytes)]
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            # What PyTorch keeps in reserve is no shortage; what it once needed at a time is.
            spare = torch.cuda.memory_reserved() - torch.cuda.max_memory_allocated()
            devices.append(("GPU", total - free - max(0, spare), total))
        return Machine(tuple(devices), shutil.disk_usage(folder).free, checkpoint_bytes())

    return read
