"""What ends training before its last step, in good order."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class TimeLimit(TrainerCallback):
    """Ends training in good order once its time is up; the adapter is published as it is then."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._start = 0.0

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Start the clock: loading the base does not count."""
        self._start = time.monotonic()

    def on_step_end(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Make this step the last one when the time is up."""
        if self._seconds and time.monotonic() - self._start >= self._seconds:
            control.should_training_stop = True
