"""What a run will come to, reckoned from its options and the store's records alone: no model is loaded."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from store import Store
from store.models import Model
from workbench.composing.codec import load_codec
from workbench.composing.mixing import epoch_rows
from workbench.composing.tasks import Ruler, Share, divide, find_all
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

REFERENCE_WIDTH = 4096
WIDTH_KEYS = ("hidden_size", "d_model", "n_embd", "dim")
# Adam's best step falls with the width, for low-rank updates too; "LoRA Without Regret" (Thinking Machines,
# 2025) fits this exponent to Llama models. On the 64-wide stories260K it gives 5e-3, where 2e-4 hardly moves.
WIDTH_EXPONENT = 0.775


@dataclass(frozen=True)
class Plan:
    """The size of a run."""

    rows: int
    """Examples of one pass: the rows of the training split, or what a mixture counts."""
    steps: int
    """Optimizer steps."""
    epochs: float
    """Passes over the rows that these steps make."""
    rows_per_step: int
    row_length: int
    """Most tokens of a row: prompt and completion together, or each where an encoder reads the prompt."""
    learning_rate: float
    """Peak step size."""
    tasks: tuple[Share, ...] = ()
    """Of a mixture: each task's share."""


def plan(store: Store, options: RunOptions, *, measure: bool = False) -> Plan:
    """Reckon the size of a run.

    Args:
        store: An open store.
        options: The run.
        measure: Tell the shares of a mixture's tokens too: a sample of its rows is rendered and encoded.

    Raises:
        NotFound: There is no such model, dataset or mixture.
        BadInput: A task of the mixture is not whole.
    """
    model = store.models.get(options.model)
    tasks: tuple[Share, ...] = ()
    if options.mixture:
        mixture = store.mixtures.get(options.mixture)
        sources = find_all(store, mixture)
        rows = epoch_rows(mixture, [source.rows for source in sources])
        tasks = tuple(divide(store, mixture, sources, ruler(options, model) if measure else None))
    else:
        rows = store.datasets.get(options.dataset).splits.get(options.split, 0)
    total = steps(options.settings, rows)
    per_epoch = steps_per_epoch(options.settings, rows)
    return Plan(
        rows=rows,
        steps=total,
        epochs=total / per_epoch if per_epoch else 0.0,
        rows_per_step=rows_per_step(options.settings),
        row_length=row_length(options, model),
        learning_rate=learning_rate(options, model),
        tasks=tasks,
    )


def rows_per_step(settings: TrainingSettings) -> int:
    """Rows behind one optimizer step."""
    return settings.batch_size * settings.gradient_accumulation_steps * settings.nproc_per_node


def ruler(options: RunOptions, model: Model) -> Ruler:
    """What a run's examples are measured with: the trainer's own tokenizer, length and seed."""
    codec = load_codec(model.path, model.family)
    return Ruler(codec, row_length(options, model), options.settings.seed)


def steps_per_epoch(settings: TrainingSettings, rows: int) -> int:
    """Optimizer steps in one pass: the last batch and the last accumulation may be smaller."""
    batches = math.ceil(math.ceil(rows / settings.batch_size) / settings.nproc_per_node)
    return math.ceil(batches / settings.gradient_accumulation_steps)


def steps(settings: TrainingSettings, rows: int) -> int:
    """Optimizer steps of a whole run over `rows` usable rows."""
    if settings.max_steps > 0:
        return settings.max_steps
    return math.ceil(settings.num_train_epochs * steps_per_epoch(settings, rows))


def row_length(options: RunOptions, model: Model) -> int:
    """Most tokens of a row: the setting, within what the model can take beside the virtual tokens."""
    virtual = options.settings.num_virtual_tokens if METHODS[options.method].virtual_tokens else 0
    limit = min(options.settings.max_length, model.max_length or options.settings.max_length)
    return min(limit, (model.max_length or limit + virtual) - virtual)


def learning_rate(options: RunOptions, model: Model) -> float:
    """Peak step size: the one asked for, else the method's own, scaled to the model's width."""
    asked = options.settings.learning_rate
    if asked is not None:
        return asked
    config = json.loads((model.path / "config.json").read_text(encoding="utf-8"))
    width = next((config[key] for key in WIDTH_KEYS if isinstance(config.get(key), int)), REFERENCE_WIDTH)
    scaled = METHODS[options.method].learning_rate * (REFERENCE_WIDTH / width) ** WIDTH_EXPONENT
    return float(f"{scaled:.2g}")
