"""What a run trains and validates on: its tasks' rows as tokens and, for a mixture, the order of draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from store import Store
from store.errors import BadInput
from store.models import Model
from store.runs import Run
from store.templates import parse_template
from workbench.composing import masking
from workbench.composing.mixing import Order
from workbench.composing.template import composer
from workbench.runs import plan
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.batches import TokenRows, tokenise


class Draws(Dataset[dict[str, torch.Tensor]]):
    """A mixture's examples in the order of its draws; item k is draw k, whoever asks first.

    Args:
        tasks: The rows of each task.
        order: Its sizes are those of the tasks.
        count: So many draws there are.
    """

    def __init__(self, tasks: Sequence[TokenRows], order: Order, count: int) -> None:
        self._tasks = tasks
        self._count = count
        self.order = order

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, draw: int) -> dict[str, torch.Tensor]:
        task, row = self.order[draw]
        return self._tasks[task][row]


@dataclass(frozen=True)
class Data:
    """All that a run reads."""

    tasks: tuple[TokenRows, ...]
    """The rows of each task; one where it is no mixture."""
    train: TokenRows | Draws
    validation: TokenRows | Draws | None
    pad: int
    """The id that batches are padded with."""
    pass_steps: int
    """Optimizer steps of one pass."""

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
        if isinstance(self.train, Draws):
            return len(self.train) // plan.rows_per_step(settings)
        return plan.steps(settings, len(self.train))

    def results(self, run: Run, steps: int, options: RunOptions) -> dict[str, Any]:
        """What the lineage tells after so many steps; of a mixture also how often each task came."""
        told: dict[str, Any] = {"rows": self.rows, "skipped": self.skipped, "steps": steps}
        if isinstance(self.train, Draws):
            drawn = self.train.order.counts(steps * plan.rows_per_step(options.settings))
            told["tasks"] = [
                {**task, "rows": len(rows), "skipped": rows.skipped, "draws": draws}
                for task, rows, draws in zip(run.tasks, self.tasks, drawn, strict=True)
            ]
        return told


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
    reader = _Reader(store, run, options, model, check)
    tasks = tuple(reader.rows(task, task["dataset"]["split"], None) for task in run.tasks)
    if run.mixture is None:
        steps = plan.steps_per_epoch(options.settings, len(tasks[0]))
        return Data(tasks, tasks[0], _validation(reader, run.tasks[0]), reader.pad, steps)
    mixture = run.lineage["mixture"]
    order = Order([len(rows) for rows in tasks], [task["share"] for task in run.tasks], mixture["seed"])
    count = plan.steps(options.settings, mixture["epoch_rows"]) * plan.rows_per_step(options.settings)
    steps = plan.steps_per_epoch(options.settings, mixture["epoch_rows"])
    return Data(tasks, Draws(tasks, order, count), _mixed_validation(reader, run), reader.pad, steps)


class _Reader:
    """From a task and a split to token rows, all with the run's tokenizer and settings."""

    def __init__(
        self, store: Store, run: Run, options: RunOptions, model: Model, check: Callable[[], None]
    ) -> None:
        self._store = store
        self._run = run
        self._check = check
        self._codec = masking.load_codec(model.path, model.family)
        self._max_length = plan.row_length(options, model)
        self._seed = options.settings.seed
        self.pad = self._codec.pad
        self.most_validated = options.settings.max_eval_samples

    def rows(self, task: dict[str, Any], split: str, limit: int | None) -> TokenRows:
        """The first rows of a split as tokens."""
        dataset = self._store.datasets.get(task["dataset"]["name"])
        template = parse_template(task["template"]["text"], origin=f"run {self._run.id}")
        try:
            return tokenise(
                self._store.datasets.rows(dataset.name, split, limit=limit),
                composer(self._store, dataset, template, self._seed),
                self._codec,
                max_length=self._max_length,
                folder=self._store.runs.folder(self._run),
                check=self._check,
            )
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
