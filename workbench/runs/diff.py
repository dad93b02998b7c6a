"""What differs between runs: of what they were made, how they were set, with what, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store import Store
from store.adapters import LINEAGE
from store.configs import read_json
from store.runs import Run

GROUPS = ("model", "data", "method", "settings", "versions", "device", "course", "result")
"""The kinds of facts, in the order in which they are told."""
LOSSES = ("loss", "eval_loss")
_LEFT_OUT = ("text",)
_GROUP_OF = {
    "base": "model",
    "dataset": "data",
    "template": "data",
    "mixture": "data",
    "tasks": "data",
    "versions": "versions",
    "device": "device",
    "rows": "data",
    "skipped": "data",
    "trainable": "method",
}


@dataclass(frozen=True)
class Difference:
    """One fact that is not the same of all runs; `values` are in the runs' order, None where one has none."""

    group: str
    name: str
    values: tuple[Any, ...]


def differences(
    runs: Sequence[Run],
    latest: Mapping[str, Mapping[str, float]],
    trained: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Difference]:
    """Compare runs by everything that is recorded of what they are, and by their last losses.

    Args:
        runs: Two or more.
        latest: The newest value of each metric, by run id.
        trained: What the lineage of a run's adapter adds, such as its device, by run id.

    Returns:
        What differs, by group; names, times and paths of the runs themselves are no difference.
    """
    facts = [_facts(run, latest.get(run.id, {}), (trained or {}).get(run.id, {})) for run in runs]
    keys = dict.fromkeys(key for each in facts for key in each)
    found = [
        Difference(group, name, values)
        for group, name in keys
        if not _same(values := tuple(each.get((group, name)) for each in facts))
    ]
    return sorted(found, key=lambda each: GROUPS.index(each.group))


def read_differences(store: Store, runs: Sequence[Run]) -> list[Difference]:
    """Compare runs as they stand now in the store."""
    now = [store.runs.get(run.id) for run in runs]
    latest = {run.id: store.metrics.latest(run.id) for run in now}
    return differences(now, latest, _read_trained(store, now))


def _read_trained(store: Store, runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """What the adapters that runs made say of how they were made, by run id."""
    made = store.adapters.some([run.adapter for run in runs if run.adapter])
    cards = {each.name: each.path / LINEAGE for each in made}
    found = {run.id: cards[run.adapter] for run in runs if run.adapter in cards}
    return {run: read_json(card) for run, card in found.items() if card.is_file()}


def _facts(run: Run, latest: Mapping[str, float], trained: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    facts: dict[tuple[str, str], Any] = {("model", "model"): run.model, ("method", "method"): run.method}
    data = {"mixture": run.mixture} if run.mixture else {"dataset": run.dataset, "template": run.template}
    facts |= {("data", name): value for name, value in data.items()}
    facts |= {("settings", name): value for name, value in run.settings.items()}
    for key, value in {**run.lineage, **trained}.items():
        group = _GROUP_OF.get(key)
        if group is not None:
            # Names stand there already; a group of its own is not said twice.
            begin = "" if key == group == "versions" else key
            facts |= {(group, name): each for name, each in _flat(begin, value).items()}
    facts[("device", "GPUs")] = list(run.devices) or None
    facts[("course", "status")] = run.status
    facts[("course", "steps")] = run.step
    facts[("course", "changes")] = list(run.lineage.get("changes", [])) or None
    facts |= {("result", name): latest.get(name) for name in LOSSES}
    return facts


def _flat(name: str, value: Any) -> dict[str, Any]:
    """A nested record as dotted names, without the texts that a hash stands for."""
    if isinstance(value, Mapping):
        parts = [
            _flat(f"{name}.{key}" if name else str(key), each)
            for key, each in value.items()
            if key not in _LEFT_OUT
            and not (key == "name" and name in ("base", "dataset", "template", "mixture"))
        ]
        return {key: each for part in parts for key, each in part.items()}
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        parts = [_flat(f"{name}.{number}", each) for number, each in enumerate(value, start=1)]
        return {key: each for part in parts for key, each in part.items()}
    return {name: value}


def _same(values: Sequence[Any]) -> bool:
    first = values[0]
    # Two NaN are no difference, though they are not equal.
    return all(each == first or (each != each and first != first) for each in values)
