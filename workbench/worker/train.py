"""One training run from top to bottom: read what was asked, prepare, train, publish.

The process around it (lock, identity, heartbeat, how it ends) is `pulse` and `__main__`.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_callback import PrinterCallback

from store import Store
from store.adapters import Adapter
from store.errors import BadInput
from store.runs import Run
from workbench.composing import masking
from workbench.runs import plan
from workbench.runs.options import RunOptions, make_settings
from workbench.runs.training import TrainingSettings
from workbench.worker import data, methods
from workbench.worker.batches import collator
from workbench.worker.loading import compute_device, compute_dtype, load_model, prepare_process
from workbench.worker.publish import publish_adapter
from workbench.worker.pulse import Pulse
from workbench.worker.record import Recorder

_GPU_MULTIPLE = 8


def train(store: Store, run: Run, pulse: Pulse) -> Adapter:
    """Train one run's adapter and publish it.

    Args:
        store: An open store of this thread.
        run: The run, in status `starting`.
        pulse: This process's sign of life; asked between steps whether to end.

    Returns:
        The published adapter; the run is completed by the caller.

    Raises:
        StoreError: What was asked for does not exist any more, does not fit, or diverged.
        Cancelled: The run was asked to end.
    """
    options = _options(run)
    model = store.models.get(run.model)
    prepare_process(model)
    device = compute_device()

    rows = data.read(store, run, options, model, pulse.check)
    validated = 0 if rows.validation is None else len(rows.validation)
    _say(f"{rows.rows} rows, {rows.skipped} skipped; {validated} validation rows; {device}")
    for task, of in zip(rows.tasks, run.tasks, strict=True):
        for reason in task.reasons:
            _say(f"skipped {of['dataset']['name']} {reason}" if run.mixture else f"skipped {reason}")
    pulse.check()

    base = load_model(model, dtype=options.settings.dtype, device=device, four_bit=options.method == "qlora")
    set_seed(options.settings.seed)
    adapted = methods.add_adapter(base, options)
    trainable, total = adapted.get_nb_trainable_parameters()
    _say(f"{run.method}: {trainable:,} trained parameters of {total:,}")
    pulse.check()

    recorder = Recorder(store, run.id, pulse)
    trainer = RunTrainer(
        recorder=recorder,
        pulse=pulse,
        model=adapted,
        args=_arguments(store.runs.folder(run), options, device, rows),
        train_dataset=rows.train,
        eval_dataset=rows.validation,
        data_collator=collator(rows.pad, multiple_of=_GPU_MULTIPLE if device.type == "cuda" else 1),
        callbacks=[recorder, TimeLimit(options.settings.max_seconds)],
    )
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train()
    finally:
        recorder.flush()

    results = {
        **rows.results(run, trainer.state.global_step, options),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "final": {name: recorder.final[name] for name in ("loss", "eval_loss") if name in recorder.final},
    }
    for task in results.get("tasks", ()):
        _say(f"{task['draws']} examples of {task['dataset']['name']} by {task['template']['name']}")
    return publish_adapter(store, run, model, adapted, results)


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


def _options(run: Run) -> RunOptions:
    split = {} if run.mixture else {"split": run.tasks[0]["dataset"]["split"]}
    return RunOptions(
        model=run.model,
        dataset=run.dataset,
        template=run.template,
        mixture=run.mixture,
        method=run.method,
        name=run.name,
        settings=make_settings(run.settings),
        **split,
    )


def _arguments(folder: Path, options: RunOptions, device: torch.device, rows: data.Data) -> TrainingArguments:
    settings = options.settings
    # A mixture's draws come in their own order, and all passes are one long row of them.
    mixed = isinstance(rows.train, data.Draws)
    precision = compute_dtype(settings.dtype, device)
    if precision == torch.float16 and device.type != "cuda":
        raise BadInput("dtype = float16 needs a GPU", "choose bfloat16, float32 or auto")
    return TrainingArguments(
        output_dir=str(folder),  # it must be named, and gets nothing: saving is our own
        num_train_epochs=settings.num_train_epochs,
        max_steps=len(rows.train) // plan.rows_per_step(settings) if mixed else settings.max_steps,
        train_sampling_strategy="sequential" if mixed else "random",
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=settings.optim,
        logging_steps=settings.logging_steps,
        logging_nan_inf_filter=False,
        eval_strategy=_eval_strategy(settings, rows),
        eval_steps=settings.eval_steps or rows.pass_steps,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=device.type == "cpu",
        bf16=precision == torch.bfloat16,
        fp16=precision == torch.float16,
        seed=settings.seed,
        data_seed=settings.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
        label_names=["labels"],
    )


def _eval_strategy(settings: TrainingSettings, rows: data.Data) -> str:
    if rows.validation is None:
        return "no"
    return "steps" if settings.eval_steps or isinstance(rows.train, data.Draws) else "epoch"


@contextlib.contextmanager
def untouched_randomness() -> Iterator[None]:
    """Give every generator back as it was: training after an evaluation equals training without one."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
