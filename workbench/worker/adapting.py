"""From a base's record to the model that a run trains: loaded, and the method laid over it."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel, set_seed

from store.models import Model
from workbench.runs.options import RunOptions
from workbench.worker import kernels, lora_init, methods
from workbench.worker.batches import collator
from workbench.worker.data import Data
from workbench.worker.loading import load_model


def load(model: Model, options: RunOptions, device: torch.device) -> PreTrainedModel:
    """Load a run's base as the run asks for it.

    Args:
        model: The base's record.
        options: The run.
        device: Where it is to stand.
    """
    return load_model(
        model,
        dtype=options.settings.dtype,
        device=device,
        four_bit=options.method == "qlora",
        attention=kernels.attention(options.settings),
    )


def adapt(base: PreTrainedModel, model: Model, options: RunOptions, rows: Data) -> torch.nn.Module:
    """Lay a run's method over its loaded base; the same seed makes the same beginning.

    Args:
        base: The base.
        model: Its record.
        options: The run.
        rows: What it reads: some beginnings are made from the first of it.
    """
    set_seed(options.settings.seed)
    causal = model.family == "causal"
    first = lora_init.first_batches(rows.tasks[0], collator(rows.pad), options.settings, causal=causal)
    return methods.add_adapter(base, options, first)
