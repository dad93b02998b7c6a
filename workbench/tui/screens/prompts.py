"""Prompts to compare answers to: rows that an adapter has not been trained on, by the template of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import starter
from workbench.composing import template as composing

if TYPE_CHECKING:
    from store import Store
    from store.adapters import Adapter
    from store.runs import Run

UNSEEN = ("test", "validation", "valid", "dev", "eval")
"""Splits that hold rows which were not trained on, the best first."""


@dataclass(frozen=True)
class Choice:
    """A base and who shall answer over it; None is the bare base."""

    model: str
    systems: tuple[str | None, ...]


@dataclass(frozen=True)
class DataPrompt:
    """A prompt with the answers that the data holds to it; `origin` says which row it is."""

    prompt: str
    references: tuple[str, ...] = ()
    origin: str = ""


def unseen_split(splits: dict[str, int], trained: str) -> str:
    """The split to take unseen rows from; the trained one where there is no other."""
    others = [name for name in splits if name != trained]
    return next((name for name in UNSEEN if name in others), others[-1] if others else trained)


def from_run(store: Store, run: Run, number: int) -> DataPrompt:
    """Render a row that a run was not trained on, as the run rendered its own.

    Args:
        store: The store.
        run: The run.
        number: Counts through the rows of the split, and begins again after the last.
    """
    of, by = run.example_data
    dataset = store.datasets.get(of)
    trained = run.tasks[0] if run.mixture else run.lineage
    split = unseen_split(dataset.splits, trained.get("dataset", {}).get("split", "train"))
    index = number % max(1, dataset.splits[split])
    row = store.datasets.row(dataset.name, split, index)
    template = store.templates.get(by)
    at_work = composing.composer(store, dataset, template, run.settings.get("seed", 0))
    example = at_work.example(index, row)
    model = store.models.get(run.model)
    prompt = example.asked(causal=model.family == "causal", chat=model.chat_template)
    return DataPrompt(prompt, (example.completion,), f"row {index} of {dataset.name} {split}")


def next_prompt(store: Store, model: str, adapters: Sequence[str], number: int) -> DataPrompt | None:
    """A prompt to compare answers to.

    Args:
        store: The store.
        model: The base.
        adapters: The adapters that are to answer; the first that a run of this store made gives its data.
        number: Counts through the rows.

    Returns:
        A row of data, else one of the starter's own examples; None where there is neither.
    """
    for name in adapters:
        made_by = store.adapters.get(name).run
        if made_by is not None:
            return from_run(store, store.runs.get(made_by), number)
    if model == starter.MODEL:
        return DataPrompt(starter.EXAMPLE_PROMPTS[number % len(starter.EXAMPLE_PROMPTS)])
    return None


def newest(store: Store) -> Choice | None:
    """What a newcomer wants to compare: the adapter made last and its base, else the first model."""
    for adapter in store.adapters.list():
        return Choice(adapter.model, (None, adapter.name))
    return next((Choice(model.name, (None,)) for model in store.models.list()), None)


def adapters_of(store: Store, model: str) -> list[Adapter]:
    """The adapters of a base, newest first."""
    return [adapter for adapter in store.adapters.list() if adapter.model == model]
