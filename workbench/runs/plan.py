"""What a run will come to, reckoned from its options and the store's records alone: no model is loaded."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from store import Store
from store.mixtures import Task
from store.models import Model
from workbench.composing.mixing import epoch_rows, shares
from workbench.composing.requests import codec_of
from workbench.composing.tasks import Ruler, Share, Source, divide, find, find_all
from workbench.runs import requirements, sequences
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
    """Of packed rows: sequences."""
    row_length: int
    """Most tokens of a row: prompt and completion together, or each where an encoder reads the prompt."""
    learning_rate: float
    """Peak step size."""
    tasks: tuple[Share, ...] = ()
    """Of a mixture: each task's share."""
    steps_exact: bool = True
    """Whether the trainer will count the same steps; packed rows of a large split are reckoned from some."""


def plan(store: Store, options: RunOptions, *, measure: bool = False) -> Plan:
    """Reckon the size of a run.

    Args:
        store: An open store.
        options: The run.
        measure: Tell the shares of a mixture's tokens too: a sample of its rows is rendered and encoded.

    Raises:
        NotFound: There is no such model, dataset or mixture.
        BadInput: A task of the mixture is not whole, or the settings cannot work here.
    """
    model = store.models.get(options.model)
    requirements.check(store, options, model)
    tasks: tuple[Share, ...] = ()
    if options.mixture:
        mixture = store.mixtures.get(options.mixture)
        sources = find_all(store, mixture)
        rows = epoch_rows(mixture, [source.rows for source in sources])
        tasks = tuple(divide(store, mixture, sources, ruler(options, model) if measure else None))
    else:
        rows = store.datasets.get(options.dataset).splits.get(options.split, 0)
    filled, exact = rows, True
    if options.settings.packing and rows:
        filled, exact = _sequences(store, options, model, rows)
    total = (packed_steps if options.settings.packing else steps)(options.settings, filled)
    return Plan(
        rows=rows,
        steps=total,
        epochs=_epochs(options.settings, total, filled),
        rows_per_step=rows_per_step(options.settings),
        row_length=row_length(options, model),
        learning_rate=learning_rate(options, model),
        tasks=tasks,
        steps_exact=exact or options.settings.max_steps > 0,
    )


def _epochs(settings: TrainingSettings, total: int, items: int) -> float:
    """Passes over so many rows, or sequences, that some steps make."""
    if not items:
        return 0.0
    if not settings.packing:
        return total / steps_per_epoch(settings, items)
    return total * rows_per_step(settings) / items if settings.max_steps > 0 else settings.num_train_epochs


def _sequences(store: Store, options: RunOptions, model: Model, rows: int) -> tuple[int, bool]:
    """The sequences that one pass fills when rows are packed, and whether their number is exact."""
    sources = sources_of(store, options)
    if options.mixture:
        mixture = store.mixtures.get(options.mixture)
        parts = shares(mixture, [source.rows for source in sources])
        return sequences.of_mixture(store, sources, parts, rows, ruler(options, model))
    return sequences.of_split(store, sources[0], ruler(options, model))


def sources_of(store: Store, options: RunOptions) -> list[Source]:
    """The data and templates of a run: one pair, or those of a mixture's tasks.

    Raises:
        NotFound: Something named is not in the store.
        BadInput: They do not fit each other.
    """
    if options.mixture:
        return find_all(store, store.mixtures.get(options.mixture))
    return [find(store, Task(options.dataset, options.template, split=options.split))]


def rows_per_step(settings: TrainingSettings) -> int:
    """Rows behind one optimizer step."""
    return settings.batch_size * settings.gradient_accumulation_steps * settings.nproc_per_node


def ruler(options: RunOptions, model: Model) -> Ruler:
    """What a run's examples are measured with: the trainer's own tokenizer, length and seed."""
    return Ruler(codec_of(model), row_length(options, model), options.settings.seed)


def steps_per_epoch(settings: TrainingSettings, rows: int) -> int:
    """Optimizer steps in one pass: the last batch and the last accumulation may be smaller."""
    batches = math.ceil(math.ceil(rows / settings.batch_size) / settings.nproc_per_node)
    return math.ceil(batches / settings.gradient_accumulation_steps)


def steps(settings: TrainingSettings, rows: int) -> int:
    """Optimizer steps of a whole run over `rows` usable rows."""
    if settings.max_steps > 0:
        return settings.max_steps
    return math.ceil(settings.num_train_epochs * steps_per_epoch(settings, rows))


def packed_steps(settings: TrainingSettings, sequences: int) -> int:
    """Optimizer steps of a whole run over packed rows: passes follow each other within a step.

    Args:
        settings: The run's.
        sequences: Of each pass.
    """
    if settings.max_steps > 0:
        return settings.max_steps
    whole = math.floor(settings.num_train_epochs)
    part = math.ceil((settings.num_train_epochs - whole) * sequences)
    return steps_per_epoch(settings, whole * sequences + part)


def row_length(options: RunOptions, model: Model) -> int:
    """Most tokens of a row: the setting, within what the model can take beside the virtual tokens."""
    room = row_room(options, model)
    return options.settings.max_length if room is None else min(options.settings.max_length, room)


def row_room(options: RunOptions, model: Model) -> int | None:
    """Most tokens of a row that the model can take beside the virtual tokens; None: it states no limit."""
    virtual = options.settings.num_virtual_tokens if METHODS[options.method].virtual_tokens else 0
    return model.max_length - virtual if model.max_length else None


def learning_rate(options: RunOptions, model: Model) -> float:
    """Peak step size: the one asked for, else the method's own, scaled to the model's width."""
    asked = options.settings.learning_rate
    if asked is not None:
        return asked
    config = json.loads((model.path / "config.json").read_text(encoding="utf-8"))
    width = next((config[key] for key in WIDTH_KEYS if isinstance(config.get(key), int)), REFERENCE_WIDTH)
    scaled = METHODS[options.method].learning_rate * (REFERENCE_WIDTH / width) ** WIDTH_EXPONENT
    return float(f"{scaled:.2g}")
