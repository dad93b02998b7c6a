"""A run's settings as transformers' training arguments."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import TrainingArguments

from store.errors import BadInput
from workbench.runs.options import RunOptions
from workbench.worker import data, kernels
from workbench.worker.loading import compute_dtype


def arguments(folder: Path, options: RunOptions, device: torch.device, rows: data.Data) -> TrainingArguments:
    """Translate a run's settings.

    Raises:
        BadInput: The device cannot compute in the precision asked for.
    """
    settings = options.settings
    # Draws and packed sequences come in their own order, and all passes are one long row of them.
    ordered = rows.ordered
    precision = compute_dtype(settings.dtype, device)
    if precision == torch.float16 and device.type != "cuda":
        raise BadInput("dtype = float16 needs a GPU", "choose bfloat16, float32 or auto")
    return TrainingArguments(
        output_dir=str(folder),  # it must be named, and gets nothing: saving is our own
        num_train_epochs=settings.num_train_epochs,
        max_steps=rows.total_steps(settings) if ordered else settings.max_steps,
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
        # By steps even where it is after each epoch: then it comes before the checkpoint of its step.
        eval_strategy="no" if rows.validation is None else "steps",
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
        **kernels.arguments(settings),
    )
