"""What a run trains and validates on: its tasks' rows as tokens and, for a mixture, the order of draws."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch.utils.data import Dataset

from store import Store
from store.errors import BadInput
from store.models import Model
from store.runs import Run
from store.templates import parse_template
from workbench.composing.mixing import Order
from workbench.composing.requests import codec_of
from workbench.composing.template import composer
from workbench.runs import plan
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import token_cache
from workbench.worker.batches import TokenRows, tokenise
from workbench.worker.grouping import epoch_order
from workbench.worker.packing import Packs


class Draws(Dataset[dict[str, torch.Tensor]]):
    """A mixture's examples in the order of its draws; item k is draw k, whoever asks first.

    Args:
        tasks: The rows of each task.
        order: Its sizes are those of the tasks.
        count: So many draws there are.
    """

    def __init__(self, tasks: Sequence[TokenRows], order: Order, count: int) -> None:
        self.tasks = tasks
        self._count = count
        self.order = order

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, draw: int) -> dict[str, torch.Tensor]:
        task, row = self.order[draw]
        return self.tasks[task][row]

    def length_of(self, draw: int) -> tuple[int, int]:
        """How many ids and how many labels a draw's row has."""
        task, row = self.order[draw]
        return self.tasks[task].length_of(row)


@dataclass(frozen=True)
class Data:
    """All that a run reads."""

    tasks: tuple[TokenRows, ...]
    """The rows of each task; one where it is no mixture."""
    train: TokenRows | Draws | Packs
    validation: TokenRows | Draws | Packs | None
    pad: int
    """The id that batches are padded with."""
    pass_steps: int
    """Optimizer steps of one pass."""
    order: Order | None = None
    """Of a mixture: which task and row each draw is."""

    @property
    def ordered(self) -> bool:
        """Whether what is trained on comes in its order already, all passes in one line."""
        return not isinstance(self.train, TokenRows)

    @property
    def rows(self) -> int:
        """Rows that can be trained on."""
        return sum(len(task) for task in self.tasks)

    @property
    def skipped(self) -> int:
        """Rows that cannot."""
        return sum(task.skipped for task in self.tasks)

    def total_steps(self, settings: TrainingSettings) -> int:
        """Optimizer steps of the whole run."""
        if self.ordered:
            return plan.steps_per_epoch(settings, len(self.train))
        return plan.steps(settings, len(self.train))

    def results(self, run: Run, steps: int, options: RunOptions) -> dict[str, Any]:
        """What the lineage tells after so many steps; of a mixture also how often each task came."""
        told: dict[str, Any] = {"rows": self.rows, "skipped": self.skipped, "steps": steps}
        if isinstance(self.train, Packs):
            told["packed"] = {"sequences": self.train.per_pass(), "filled": self.train.filled()}
        if run.mixture is not None:
            told["tasks"] = [
                {**task, "rows": len(rows), "skipped": rows.skipped, "draws": draws}
                for task, rows, draws in zip(run.tasks, self.tasks, self._draws(steps, options), strict=True)
            ]
        return told

    def _draws(self, steps: int, options: RunOptions) -> list[int]:
        """How often each task of a mixture came in so many steps."""
        taken = steps * plan.rows_per_step(options.settings)
        if isinstance(self.train, Packs):
            return self._counted(self.train.drawn(taken))
        if options.settings.group_by_length:
            return self._counted(by_length(self.train, options.settings)(0)[:taken])
        return self.order.counts(taken) if self.order else []

    def _counted(self, draws: Iterable[int]) -> list[int]:
        come = Counter(self.order[draw][0] for draw in draws) if self.order else Counter[int]()
        return [come[task] for task in range(len(self.tasks))]


def read(store: Store, run: Run, options: RunOptions, model: Model, check: Callable[[], None]) -> Data:
    """Render, encode and mask all rows that a run needs, each once.

    Args:
        store: An open store.
        run: The run; its lineage holds the templates' texts.
        options: The same run as options.
        model: Its base.
        check: Called for every row; may raise to end.

    Raises:
        BadInput: A task has no row that can be trained on.
    """
    data = _read(store, run, options, model, check)
    return _packed(data, run, options, model) if options.settings.packing else data


def by_length(rows: TokenRows | Draws, settings: TrainingSettings) -> Callable[[int], list[int]]:
    """From an epoch to the order that brings rows of like length together; draws stay near their places."""
    lengths = [sum(rows.length_of(row)) for row in range(len(rows))]
    shuffled = isinstance(rows, TokenRows)
    return partial(epoch_order, lengths, settings.batch_size, settings.seed, shuffled=shuffled)


def _packed(data: Data, run: Run, options: RunOptions, model: Model) -> Data:
    """The same data as sequences of rows."""
    settings, capacity = options.settings, plan.row_length(options, model)
    pack = partial(Packs, capacity=capacity, sides=1 if model.family == "causal" else 2, seed=settings.seed)
    size = run.lineage["mixture"]["epoch_rows"] if run.mixture else data.rows
    train = pack(data.train, partial(_turn, size, None if run.mixture else settings.seed))
    if settings.max_steps > 0:
        train.extend(sequences=settings.max_steps * plan.rows_per_step(settings))
        of_a_pass = plan.steps_per_epoch(settings, train.per_pass())
    else:
        train.extend(passes=settings.num_train_epochs)
        # Passes follow each other within a step: the last one's validation must not come after the end.
        steps = plan.steps_per_epoch(settings, len(train))
        of_a_pass = max(1, int(steps / max(1.0, settings.num_train_epochs)))
    validation = data.validation
    if validation is not None:
        validation = pack(validation, partial(_turn, len(validation), None))
        validation.extend(passes=1)
    return replace(data, train=train, validation=validation, pass_steps=of_a_pass)


def _turn(rows: int, seed: int | None, turn: int) -> Sequence[int]:
    """The numbers of one pass: dealt out anew, or without a seed those that come next."""
    if seed is None:
        return range(turn * rows, (turn + 1) * rows)
    # S311: an order is to be repeatable, not secret.
    return random.Random(f"{seed}/rows/{turn}").sample(range(rows), rows)  # noqa: S311


def _read(store: Store, run: Run, options: RunOptions, model: Model, check: Callable[[], None]) -> Data:
    reader = _Reader(store, run, options, model, check)
    tasks = tuple(reader.rows(task, task["dataset"]["split"], None) for task in run.tasks)
    if run.mixture is None:
        steps = plan.steps_per_epoch(options.settings, len(tasks[0]))
        return Data(tasks, tasks[0], _validation(reader, run.tasks[0]), reader.pad, steps)
    mixture = run.lineage["mixture"]
    order = Order([len(rows) for rows in tasks], [task["share"] for task in run.tasks], mixture["seed"])
    count = plan.steps(options.settings, mixture["epoch_rows"]) * plan.rows_per_step(options.settings)
    steps = plan.steps_per_epoch(options.settings, mixture["epoch_rows"])
    draws = Draws(tasks, order, count)
    return Data(tasks, draws, _mixed_validation(reader, run), reader.pad, steps, order)


class _Reader:
    """From a task and a split to token rows, all with the run's tokenizer and settings."""

    def __init__(
        self, store: Store, run: Run, options: RunOptions, model: Model, check: Callable[[], None]
    ) -> None:
        self._store = store
        self._run = run
        self._check = check
        self._codec = codec_of(model)
        self._tokenizer = token_cache.tokenizer_hash(model)
        self._max_length = plan.row_length(options, model)
        self._seed = options.settings.seed
        self.pad = self._codec.pad
        self.most_validated = options.settings.max_eval_samples

    def rows(self, task: dict[str, Any], split: str, limit: int | None) -> TokenRows:
        """The first rows of a split as tokens."""
        dataset = self._store.datasets.get(task["dataset"]["name"])
        template = parse_template(task["template"]["text"], origin=f"run {self._run.id}")
        make = partial(
            tokenise,
            self._store.datasets.rows(dataset.name, split, limit=limit),
            composer(self._store, dataset, template, self._seed),
            self._codec,
            max_length=self._max_length,
            folder=self._store.runs.folder(self._run),
            check=self._check,
        )
        key = {
            "dataset": dataset.fingerprint,
            "split": split,
            "limit": limit,
            "template": task["template"]["text"],
            "tokenizer": self._tokenizer,
            "family": self._codec.family,
            "max_length": self._max_length,
            # It deals variants and shown examples out: of a single variant there is nothing to deal.
            "seed": self._seed if template.shots or len(template.variants) > 1 else None,
        }
        try:
            return token_cache.through(self._store.root, key, make, self._check)
        except BadInput as error:
            if self._run.mixture is None:
                raise
            raise BadInput(f"{dataset.name}, split {split!r}: {error.what}", error.remedy) from error

    def size(self, task: dict[str, Any]) -> int:
        """Rows of a task's validation split."""
        dataset = self._store.datasets.get(task["dataset"]["name"])
        return dataset.splits[task["dataset"]["validation_split"]]


def _validation(reader: _Reader, task: dict[str, Any]) -> TokenRows | None:
    split = task["dataset"]["validation_split"]
    return reader.rows(task, split, reader.most_validated) if split and reader.most_validated else None


def _mixed_validation(reader: _Reader, run: Run) -> Draws | None:
    """The tasks that have a validation split, by the same shares; a short one is gone round again."""
    tasks = [task for task in run.tasks if task["dataset"]["validation_split"]]
    if not tasks or not reader.most_validated:
        return None
    shares, seed = [task["share"] for task in tasks], run.lineage["mixture"]["seed"]
    sizes = [reader.size(task) for task in tasks]
    count = min(reader.most_validated, sum(sizes))
    wanted = Order(sizes, shares, seed).counts(count)
    rows = [
        # One row at least: how often a task is drawn is the order's affair.
        reader.rows(task, task["dataset"]["validation_split"], max(1, want))
        for task, want in zip(tasks, wanted, strict=True)
    ]
    return Draws(rows, Order([len(each) for each in rows], shares, seed), count)
