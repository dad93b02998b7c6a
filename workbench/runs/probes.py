"""Forgetting probes: other tasks that a run is judged by while it trains; which, and how much was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store import Store
from store.errors import BadInput, StoreError
from store.mixtures import Task
from store.runs import Run
from store.templates import format_template
from workbench.composing.tasks import Source, find
from workbench.runs.splits import held_out_split
from workbench.runs.training import TrainingSettings

METRICS = ("loss", "rougeL")
"""Of each probe: loss per token of the completions, and ROUGE-L of greedy answers."""
PREFIX = "probe/"


@dataclass(frozen=True)
class Standing:
    """One metric of one probe: what the base had, what the model has now, and the difference."""

    name: str
    """dataset:template, as in the setting."""
    metric: str
    base: float
    now: float
    change: float
    step: int

    @property
    def worse(self) -> bool:
        """Whether something was forgotten: a higher loss, a lower score, or a value that is no number."""
        return not (self.change <= 0 if self.metric == "loss" else self.change >= 0)


def metric_name(probe: str, metric: str) -> str:
    """The name of a probe's metric points."""
    return f"{PREFIX}{probe}/{metric}"


def find_all(store: Store, settings: TrainingSettings) -> list[Source]:
    """Bring each probe's data and template together.

    Raises:
        BadInput: One is not dataset:template, or is not in the store, or they do not fit; all is told.
    """
    found, faults = [], []
    for label in dict.fromkeys(settings.probes or ()):
        try:
            found.append(_find(store, label))
        except StoreError as error:
            faults.append(f"probe {label!r}: {error}")
    if faults:
        raise BadInput("; ".join(faults), "correct probes, each dataset:template")
    return found


def lineage(sources: list[Source]) -> list[dict[str, Any]]:
    """What a run records of its probes: their data, and the templates' texts as they are now."""
    return [
        {
            "name": f"{source.dataset.name}:{source.template.name}",
            "dataset": {
                "name": source.dataset.name,
                "fingerprint": source.dataset.fingerprint,
                "split": source.task.split,
            },
            "template": {
                "name": source.template.name,
                "hash": source.template.hash,
                "text": format_template(source.template),
            },
        }
        for source in sources
    ]


def standings(store: Store, run: Run) -> list[Standing]:
    """How each probe of a run stands against the base, in the order of the setting."""
    found = []
    for probe in run.lineage.get("probes", ()):
        for metric in METRICS:
            series = store.metrics.series(run.id, metric_name(probe["name"], metric))
            if series and series[0][0] == 0:
                (_, base), (step, now) = series[0], series[-1]
                found.append(Standing(probe["name"], metric, base, now, now - base, step))
    return found


def _find(store: Store, label: str) -> Source:
    dataset, colon, template = label.partition(":")
    if not (dataset and colon and template):
        raise BadInput("it names no dataset and template", "write it as dataset:template")
    split = held_out_split(store.datasets.get(dataset))
    return find(store, Task(dataset, template, split=split))
