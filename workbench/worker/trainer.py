"""transformers' Trainer as a run uses it: watched, undisturbed by validation, with checkpoints of ours."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler
from transformers import Trainer, TrainerControl

from workbench.composing import masking
from workbench.worker import checkpoint, ranks, together
from workbench.worker.checkpoint import Training
from workbench.worker.data import Draws
from workbench.worker.forward import TOKENS
from workbench.worker.keeping import Keeper
from workbench.worker.losses import summed_loss
from workbench.worker.order import EpochOrder, shuffled
from workbench.worker.packing import Packs
from workbench.worker.pulse import Pulse
from workbench.worker.randomness import untouched_randomness
from workbench.worker.record import Recorder


class RunTrainer(Trainer):
    """transformers' Trainer, watched: each pass goes to the recorder, and validation disturbs nothing."""

    control: TrainerControl

    def __init__(
        self,
        *,
        recorder: Recorder,
        pulse: Pulse,
        keeper: Keeper | None = None,
        order: EpochOrder | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self._order = order
        self._recorder = recorder
        self._pulse = pulse
        self._keeper = keeper

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:  # noqa: ARG002 (the library's signature)
        """Not counted: going over all parameters for each pass costs more than all other bookkeeping."""
        return 0

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """One forward and backward pass, noted with its loss and its tokens."""
        tokens = inputs.pop(TOKENS)
        loss = super().training_step(model, inputs, num_items_in_batch)
        shared = together.shared_pass(loss, tokens)
        if together.leads():
            self._recorder.add_pass(*shared)
        return loss

    def unrecorded_pass(self, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int) -> torch.Tensor:
        """A forward and backward pass just as training does it, of which nothing is noted."""
        return super().training_step(self.model_wrapped, inputs, num_items_in_batch)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The validation split's loss per trained token; random states come out as they went in."""
        with self._recorder.time_off(), untouched_randomness(), torch.no_grad():
            batches = (self._prepare_inputs(batch) for batch in self._validation_batches())
            total, count = together.totals(*summed_loss(self.model, batches, self._pulse.check))
        loss = total / count if count else float("nan")
        if together.leads():
            self._recorder.add_validation_loss(self.state.global_step, loss)
        metrics = {"eval_loss": loss}
        # Without this the trainer holds the evaluation for still due.
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _validation_batches(self) -> Iterable[dict[str, Any]]:
        """The validation rows in batches; of several processes each has its share, and none a row twice."""
        if ranks.size() == 1:
            return self.get_eval_dataloader()
        rows = together.Share(self.eval_dataset, masking.IGNORED)
        return DataLoader(rows, batch_size=self.args.eval_batch_size, collate_fn=self.data_collator)

    def create_accelerator_and_postprocess(self) -> None:
        """Leave a model that was sharded already as it is: no copies of it are kept equal."""
        super().create_accelerator_and_postprocess()
        if any(isinstance(module, FSDPModule) for module in self.model.modules()):
            self.accelerator.prepare_model = partial(self.accelerator.prepare_model, evaluation_mode=True)

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        return ranks.whole(norm) if isinstance(norm, torch.Tensor) else norm

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        """An order that is a function of seed and epoch alone; draws and packed rows have theirs already."""
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        if isinstance(rows, (Draws, Packs)) and self._order is None:
            return SequentialSampler(rows)
        if self._order is None:
            self._order = EpochOrder(shuffled(len(rows), self.args.data_seed), len(rows))
        return self._order

    def _run_epoch(self, *, epoch: int, **more: Any) -> None:
        # Where batches are skipped and dealt out to processes, the library's word does not reach the order.
        if self._order is not None:
            self._order.set_epoch(epoch)
        super()._run_epoch(epoch=epoch, **more)

    # transformers' own checkpoints are pickles, written in place. What it calls at the same points is ours.

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:  # noqa: ARG002
        if self._keeper is not None:  # a step that is only measured has none
            self._keeper.save(self)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        checkpoint.restore_weights(Path(resume_from_checkpoint), self.model if model is None else model)

    def _load_optimizer_and_scheduler(self, checkpoint_folder: str | None) -> None:
        if checkpoint_folder is not None:
            checkpoint.restore_optimizer(Path(checkpoint_folder), Training.of(self))

    def _load_scaler(self, checkpoint_folder: str | None) -> None:
        """It comes back with the optimizer."""

    def _load_rng_state(self, checkpoint_folder: str | None) -> None:
        if checkpoint_folder is not None:
            checkpoint.restore_randomness(Path(checkpoint_folder))
