"""transformers' Trainer as a run uses it: watched, and undisturbed by its own validation."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Trainer, TrainerControl

from workbench.composing import masking
from workbench.worker.pulse import Pulse
from workbench.worker.randomness import untouched_randomness
from workbench.worker.record import Recorder


class RunTrainer(Trainer):
    """transformers' Trainer, watched: each pass goes to the recorder, and validation disturbs nothing."""

    control: TrainerControl

    def __init__(self, *, recorder: Recorder, pulse: Pulse, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._recorder = recorder
        self._pulse = pulse

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """One forward and backward pass, noted with its loss and its tokens."""
        tokens = inputs["attention_mask"].sum()
        if self.model.config.is_encoder_decoder:
            tokens = tokens + (inputs["labels"] != masking.IGNORED).sum()
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._recorder.add_pass(loss, tokens)
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The validation split's loss per trained token; random states come out as they went in."""
        with untouched_randomness(), torch.no_grad():
            loss = self._validation_loss()
        self._recorder.add_validation_loss(self.state.global_step, loss)
        metrics = {"eval_loss": loss}
        # Without this the trainer holds the evaluation for still due.
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _validation_loss(self) -> float:
        self.model.eval()
        total, count = 0.0, 0
        for batch in self.get_eval_dataloader():
            self._pulse.check()
            inputs = self._prepare_inputs(batch)
            labels = inputs["labels"]  # [batch, target]
            # A causal model predicts the next token: the first label has no prediction.
            predicted = labels if self.model.config.is_encoder_decoder else labels[:, 1:]
            tokens = int((predicted != masking.IGNORED).sum())
            total += float(self.model(**inputs).loss) * tokens
            count += tokens
        return total / count if count else float("nan")
