"""What ends training before its last step, in good order; both survive a pause."""

from __future__ import annotations

import math
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class TimeLimit(TrainerCallback):
    """Ends training in good order once its time is up; the adapter is published as it is then."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self.spent = 0.0
        """Seconds of earlier attempts, before the checkpoint that this one goes on from."""

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, with those of earlier attempts; loading the base does not count."""
        return self.spent + (0.0 if self._start is None else time.monotonic() - self._start)

    @property
    def reached(self) -> bool:
        """Whether the time is up."""
        return bool(self._seconds) and self.elapsed >= self._seconds

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Make this step the last one when the time is up."""
        if self.reached and not control.should_training_stop:
            control.should_training_stop = True
            control.should_evaluate = args.eval_strategy != "no"


class Judge(TrainerCallback):
    """Knows the lowest validation loss, and ends training when there has been no better one for too long.

    Args:
        patience: End after so many validations without a better loss; 0 never.
        threshold: A loss is better only if it is lower by this much; for the lowest that does not count.
    """

    def __init__(self, patience: int, threshold: float) -> None:
        self._patience = patience
        self._threshold = threshold
        self._reference = math.inf
        self._since = 0
        self.lowest = math.inf
        self.lowest_step = 0
        """The step of the lowest loss; 0 where there was none."""

    @property
    def reached(self) -> bool:
        """Whether patience is at its end."""
        return 0 < self._patience <= self._since

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep of it."""
        return {
            "reference": self._reference,
            "since": self._since,
            "lowest": self.lowest,
            "lowest_step": self.lowest_step,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what `state` told."""
        self._reference, self._since = state["reference"], state["since"]
        self.lowest, self.lowest_step = state["lowest"], state["lowest_step"]

    def forget_lowest(self) -> None:
        """Begin anew to look for the lowest loss: the weights of the known one are gone."""
        self.lowest, self.lowest_step = math.inf, 0

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Take a validation loss."""
        loss = (metrics or {}).get("eval_loss", math.nan)
        if loss < self.lowest:
            self.lowest, self.lowest_step = loss, state.global_step
        if loss < self._reference - self._threshold:
            self._reference, self._since = loss, 0
        else:
            self._since += 1
        if self.reached:
            control.should_training_stop = True
