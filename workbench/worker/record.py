"""What a trainer writes down while it trains: metric points in small batches, progress, lines for the log.

It also decides when a loss that is no number has lasted long enough. It changes nothing of the training.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from store.errors import BadInput
from store.sizes import bytes_text
from workbench import telemetry
from workbench.worker.pulse import Pulse

FLUSH_SECONDS = 0.25
PROGRESS_SECONDS = 1.0  # between tellings of the step, where losses are logged more rarely
NON_FINITE_STEPS = 5


Listener = Callable[[Sequence[tuple[int, str, float]]], None]
"""Takes the points, each (step, name, value), that were just written."""


class Recorder(TrainerCallback):
    """Collects what each step yields, on the device, and brings it to the store at the logged steps.

    Args:
        store: An open store of this thread.
        run_id: The run.
        pulse: Asked between steps whether to end.
    """

    def __init__(self, store: Store, run_id: str, pulse: Pulse) -> None:
        self._store = store
        self._run_id = run_id
        self._pulse = pulse
        self._listeners: list[Listener] = []
        self._pass_losses: list[torch.Tensor] = []
        self._tokens = 0
        self._steps: list[tuple[int, torch.Tensor]] = []
        self._points: list[tuple[int, str, float]] = []
        self._clock = time.monotonic()
        self._flushed = 0.0
        self._told = 0.0
        self._non_finite = 0
        self._step = 0
        self._known_to = 0
        self._told_to = 0
        self._unlogged: tuple[int, float] | None = None
        self._earlier_tokens = 0
        self.final: dict[str, float] = {}
        """The newest value of each metric."""

    def listen(self, listener: Listener) -> None:
        """Have the points handed on, each time after they were written."""
        self._listeners.append(listener)

    def add_pass(self, loss: torch.Tensor, tokens: int) -> None:
        """Note one forward and backward pass; nothing is read from the device yet.

        Args:
            loss: Its share of the step's loss, detached, a scalar.
            tokens: How many tokens it read, padding aside.
        """
        self._pass_losses.append(loss)
        self._tokens += tokens

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep of it, after `settle`."""
        return {
            "non_finite": self._non_finite,
            "final": self.final,
            "unlogged": self._unlogged,
            "tokens": self.tokens,
        }

    def resume(self, state: dict[str, Any], step: int) -> None:
        """Go on from what `state` told at a step."""
        self._non_finite, self.final = state["non_finite"], dict(state["final"])
        self._unlogged = None if state["unlogged"] is None else tuple(state["unlogged"])
        self._earlier_tokens, self._step = state["tokens"], step

    @property
    def tokens(self) -> int:
        """Tokens read so far, padding aside."""
        return self._earlier_tokens + self._tokens

    @property
    def finite(self) -> bool:
        """Whether the newest loss that was read is a number."""
        return self._non_finite == 0

    def settle(self) -> None:
        """Bring all that is known of the steps so far to the store, for good: a checkpoint of them follows.

        A step that is not to be logged stays out, unless its loss is no number.
        """
        if self._steps:
            self._read_losses(log_last=False)
        self.flush()
        self._store.runs.progress(self._run_id, self._step, durable=True)

    def leave_out(self, seconds: float) -> None:
        """Count a time that something else took not as training."""
        self._clock += seconds

    def begin(self, total_steps: int, step: int) -> None:
        """Say that the run is running.

        Args:
            total_steps: How many steps it takes in all.
            step: The step that it goes on from. What an earlier attempt measured beyond it stays until
                this one has measured the same.
        """
        self._store.runs.begin(self._run_id, total_steps, step)
        self._known_to, self._told_to = self._store.metrics.last_step(self._run_id), step
        self._step = step
        self.flush()
        self._clock = time.monotonic()

    def finish(self) -> None:
        """Take the losses after the last logged step, and forget what earlier attempts measured."""
        if self._steps:
            self._read_losses(log_last=True)
        elif self._unlogged is not None:
            self._add(self._unlogged[0], "loss", self._unlogged[1])
            self._unlogged = None
        self.forget_later()

    def forget_later(self) -> None:
        """Forget what an earlier attempt measured beyond the newest step: the run ends here."""
        self.flush()
        if self._step:
            self._store.metrics.forget_after(self._run_id, self._step)

    def add_validation_loss(self, step: int, loss: float) -> None:
        """Note a validation loss."""
        self._add(step, "eval_loss", loss)
        self.flush()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Note what was measured beside the training; it is written with the next points."""
        for name, value in values.items():
            self._add(step, name, value)

    @contextlib.contextmanager
    def time_off(self) -> Iterator[None]:
        """Leave the time that something takes out of the tokens per second."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.leave_out(time.monotonic() - began)

    def on_train_begin(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Say that the run is running, and how many steps it will take."""
        self.begin(state.max_steps, state.global_step)

    def on_substep_end(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Listen between the passes of a long step."""
        self._pulse.check()

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Close a step: its loss is the sum of its passes' shares, never a mean over several steps."""
        self._steps.append((state.global_step, torch.stack(self._pass_losses).sum()))
        self._pass_losses.clear()
        self._step = state.global_step
        if time.monotonic() - self._told > PROGRESS_SECONDS:
            self._tell_progress()
        self._pulse.check()

    def on_train_end(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Take the losses of the steps after the last logged one."""
        self.finish()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Take the logged step's own values, and every loss since the last that is no number.

        Raises:
            BadInput: The loss has been no number for several steps.
        """
        if not logs or "loss" not in logs:
            return
        self._read_losses(log_last=True)
        for name in ("learning_rate", "grad_norm"):
            if name in logs:
                self._add(state.global_step, name, logs[name])
        self._add_speed_and_memory()
        if time.monotonic() - self._flushed > FLUSH_SECONDS or self._non_finite:
            self.flush()
        if self._non_finite >= NON_FINITE_STEPS:
            raise BadInput(
                f"the loss is {self.final['loss']} since step {self._step - self._non_finite + 1}, "
                f"{self._non_finite} steps in a row",
                f"lower learning_rate (now {args.learning_rate:g}), or look for broken rows; "
                "with dtype = float16 try bfloat16 or float32",
            )

    def flush(self) -> None:
        """Write what was collected: points, progress, and a line in the log."""
        if not self._points:
            return
        self._store.metrics.append(self._run_id, self._points, known_to=self._known_to, told_to=self._told_to)
        self._told_to = max(self._told_to, *(step for step, _, _ in self._points))
        self._tell_progress()
        newest = {name: value for _, name, value in self._points}
        values = "  ".join(_logged(name, value) for name, value in newest.items())
        sys.stdout.write(f"step {self._step}  {values}\n")
        for listen in self._listeners:
            listen(self._points)
        self._points.clear()
        self._flushed = time.monotonic()

    def _tell_progress(self) -> None:
        self._store.runs.progress(self._run_id, self._step)
        self._told = time.monotonic()

    def _add(self, step: int, name: str, value: float) -> None:
        self._points.append((step, name, value))
        self.final[name] = value

    def _read_losses(self, *, log_last: bool) -> None:
        steps = [step for step, _ in self._steps]
        losses = torch.stack([loss for _, loss in self._steps]).tolist()
        self._steps.clear()
        for step, loss in zip(steps, losses, strict=True):
            finite = math.isfinite(loss)
            self._non_finite = 0 if finite else self._non_finite + 1
            if (log_last and step == steps[-1]) or not finite:
                self._add(step, "loss", loss)
        held_back = not log_last and math.isfinite(losses[-1])
        self._unlogged = (steps[-1], losses[-1]) if held_back else None

    def _add_speed_and_memory(self) -> None:
        now = time.monotonic()
        self._earlier_tokens += self._tokens
        self._add(self._step, "tokens_per_second", self._tokens / max(now - self._clock, 1e-9))
        self._add(self._step, "tokens", self._earlier_tokens)
        self._tokens = 0
        self._clock = now
        self._add(self._step, "memory_bytes", telemetry.process_memory(os.getpid()))
        if torch.cuda.is_available():
            self._add(self._step, "gpu_memory_bytes", torch.cuda.memory_reserved())


def _logged(name: str, value: float) -> str:
    """A metric in a line of the log: `loss 2.0113`, `memory 985 MB`."""
    if name.endswith("_bytes"):
        return f"{name.removesuffix('_bytes')} {bytes_text(value)}"
    return f"{name} {value:.5g}"
