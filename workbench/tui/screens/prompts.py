"""Who can be asked what: a base with its adapters and checkpoints, and rows of data as prompts for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from store.adapters import LATEST, MARK
from workbench import starter
from workbench.composing import template as composing
from workbench.tui.present.compare import DataPrompt, Speaker
from workbench.tui.screens.rendering import fits
from workbench.tui.state import Saved, chosen

if TYPE_CHECKING:
    from store import Store
    from store.runs import Run

UNSEEN = ("test", "validation", "valid", "dev", "eval")
"""Splits that hold rows which were not trained on, the best first."""
RUNS_LOOKED_AT = 20
"""Only so many of the newest runs are offered by their checkpoints."""


@dataclass(frozen=True)
class Choice:
    """A base and who shall answer over it; None is the bare base."""

    model: str
    systems: tuple[str | None, ...]


@dataclass(frozen=True)
class Source:
    """Rows that prompts are made of."""

    dataset: str
    split: str
    template: str
    rows: int
    seed: int = 0
    """Deals the phrasings out over the rows, as a run's does."""

    @property
    def label(self) -> str:
        """The source in a line."""
        return f"{self.dataset} {self.split}, {self.template}"


def unseen_split(splits: dict[str, int], trained: str) -> str:
    """The split to take unseen rows from; the trained one where there is no other."""
    others = [name for name in splits if name != trained]
    return next((name for name in UNSEEN if name in others), others[-1] if others else trained)


def source_of(store: Store, run: Run) -> Source:
    """Rows that a run was not trained on, by its own template, phrased as elsewhere.

    Its validation rows are phrased as in its samples, others as by an evaluation, so as on Inspect.
    """
    of, by = run.example_data
    splits = store.datasets.get(of).splits
    data = (run.tasks[0] if run.mixture else run.lineage).get("dataset", {})
    trained = data.get("split", "train")
    split = unseen_split(splits, trained)
    seed = run.settings.get("seed", 0) if split in (trained, data.get("validation_split")) else 0
    return Source(of, split, by, splits[split], seed)


def own_source(store: Store, systems: Sequence[str]) -> Source | None:
    """The rows that go with adapters: those of the first whose run is in this store."""
    for system in systems:
        made_by = store.adapters.resolve(system).known_run
        run = store.runs.find(made_by) if made_by is not None else None
        if run is not None:
            return source_of(store, run)
    return None


def sources(store: Store, systems: Sequence[str]) -> list[Source]:
    """All rows that some template fits, those that go with the adapters first."""
    own = own_source(store, systems)
    templates = [store.templates.get(each.name) for each in store.templates.list()]
    fitting = [
        Source(dataset.name, split, template.name, rows)
        for dataset in store.datasets.list()
        for template in templates
        if fits(template, dataset.columns)
        for split, rows in dataset.splits.items()
    ]
    return [own, *(each for each in fitting if each.label != own.label)] if own else fitting


def from_row(store: Store, source: Source, model: str, number: int) -> DataPrompt:
    """Render a row as the model is shown it.

    Args:
        store: The store.
        source: The rows.
        model: The base.
        number: Counts through the rows, and begins again after the last, or before the first.
    """
    dataset, template = store.datasets.get(source.dataset), store.templates.get(source.template)
    index = number % max(1, source.rows)
    row = store.datasets.row(dataset.name, source.split, index)
    example = composing.composer(store, dataset, template, source.seed).example(index, row)
    record = store.models.get(model)
    prompt = example.asked(causal=record.family == "causal", chat=record.chat_template)
    return DataPrompt(prompt, (example.completion,), f"row {index} of {dataset.name} {source.split}")


def take(
    store: Store, model: str, systems: Sequence[str], number: int, source: Source | None
) -> DataPrompt | None:
    """A prompt to compare answers to.

    Args:
        store: The store.
        model: The base.
        systems: The adapters that are to answer.
        number: Counts through the rows.
        source: The rows; None takes those that go with the adapters.

    Returns:
        A row of data, else one of the starter's own examples; None where there is neither.
    """
    rows = source or own_source(store, systems)
    if rows is not None:
        return from_row(store, rows, model, number)
    if model == starter.MODEL:
        return DataPrompt(starter.EXAMPLE_PROMPTS[number % len(starter.EXAMPLE_PROMPTS)])
    return None


def newest(store: Store) -> Choice | None:
    """What a newcomer wants to compare: the adapter made last and its base, else the first model."""
    for adapter in store.adapters.list(limit=1):
        return Choice(adapter.model, (None, adapter.name))
    return next((Choice(model.name, (None,)) for model in store.models.list()), None)


def speakers(store: Store, model: str) -> list[Speaker]:
    """The adapters of a base, newest first, then the runs that have only checkpoints so far."""
    made = [Speaker(each.name, each.method) for each in store.adapters.list(model=model)]
    going = [run for run in store.runs.list(limit=RUNS_LOOKED_AT) if run.model == model and not run.adapter]
    return [*made, *(found for run in going if (found := checkpoint_of(store, run)) is not None)]


def recalled_source(saved: Saved) -> Source | None:
    """The rows of an earlier session, None where it named none."""
    source = chosen(saved, "source", dict, {})
    dataset, split, template = (chosen(source, name, str, "") for name in ("dataset", "split", "template"))
    if not (dataset and split and template):
        return None
    rows, seed = chosen(source, "rows", int, 0), chosen(source, "seed", int, 0)
    return Source(dataset, split, template, rows, seed)


def still_there(store: Store, model: str, source: Source | None) -> tuple[bool, Source | None]:
    """Whether there still is a base of that name; and the rows, None where they are gone."""
    there = any(each.name == model for each in store.models.list())
    if source is None:
        return there, None
    splits = next((each.splits for each in store.datasets.list() if each.name == source.dataset), {})
    kept = source.split in splits and source.template in store.templates.names()
    return there, replace(source, rows=splits[source.split]) if kept else None


def checkpoint_of(store: Store, run: Run) -> Speaker | None:
    """The newest checkpoint of a run; None where there is none."""
    newest = store.checkpoints.newest(run.id)
    return (
        Speaker(f"{run.id}{MARK}{LATEST}", f"step {newest.step} of {run.name}")
        if newest is not None
        else None
    )


def system_of(store: Store, run: Run) -> str | None:
    """What of a run can answer: its adapter, else its newest checkpoint."""
    if run.adapter:
        return run.adapter
    found = checkpoint_of(store, run)
    return found.system if found is not None else None
