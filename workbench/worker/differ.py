"""How two adapters of one base differ in what they do to its weights, or one from the bare base."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from store import Store
from store.adapters import Adapter
from store.errors import Conflict
from store.peft_folder import read_config
from workbench.worker.deltas import BaseWeights, Dense, deltas, inner

COMPARED = (
    *("r", "lora_alpha", "use_rslora", "use_dora", "target_modules", "rank_pattern", "alpha_pattern"),
    *("modules_to_save", "feedforward_modules", "bias"),
)
Tell = Callable[[str], None]


def differ(store: Store, asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Measure what adapters change.

    Args:
        store: An open store.
        asked: `adapters`, the names of one or two.
        tell: Called with how far it is.

    Returns:
        `layers`, a list with `weight`, and for each adapter `norms`, their shares of the weight's own norm
        and `ranks` (None where it changes nothing, or no rank is known); with two, `cosine` between them.
        `total`, the same over all layers; `settings`, what their configurations say differently.

    Raises:
        BadInput: One changes no weights.
        Conflict: They are of different bases.
    """
    adapters = [store.adapters.get(name) for name in asked["adapters"]]
    record = store.models.get(adapters[0].model)
    for adapter in adapters:
        store.adapters.check_base(adapter, record)
    if len({adapter.model_fingerprint for adapter in adapters}) > 1:
        raise Conflict("the adapters are of different bases", "choose two of one base")
    weights = BaseWeights(record.path)
    made = [deltas(adapter, record, weights) for adapter in adapters]
    names = list(dict.fromkeys(name for each in made for name in each))
    layers = []
    for number, name in enumerate(names, start=1):
        tell(f"{number} of {len(names)} weights")
        found = [each[name]() if name in each else None for each in made]
        own = Dense(weights[name])
        squares = [0.0 if each is None else inner(each, each) for each in found]
        crossed = (
            inner(found[0], found[1])
            if len(found) == 2 and found[0] is not None and found[1] is not None
            else 0.0
        )
        ranks = [each.rank if each is not None else None for each in found]
        layers.append({"weight": name, "ranks": ranks, **_figures(squares, crossed, inner(own, own))})
    return {
        "layers": [{key: layer[key] for key in layer if key != "sums"} for layer in layers],
        "total": _total(layers),
        "settings": _settings(adapters),
    }


def _figures(squares: list[float], crossed: float, own: float) -> dict[str, Any]:
    norms = [math.sqrt(max(each, 0.0)) for each in squares]
    figures: dict[str, Any] = {"norms": norms}
    figures["shares"] = [norm / math.sqrt(own) if own else None for norm in norms]
    if len(norms) == 2:
        figures["cosine"] = max(-1.0, min(crossed / (norms[0] * norms[1]), 1.0)) if all(norms) else None
    return {**figures, "sums": (squares, crossed, own)}


def _total(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """All changes as one long vector."""
    sums = [layer["sums"] for layer in layers]
    squares = [sum(column) for column in zip(*(each for each, _, _ in sums), strict=True)]
    figures = _figures(squares, sum(each for _, each, _ in sums), sum(each for _, _, each in sums))
    return {key: figures[key] for key in figures if key != "sums"}


def _settings(adapters: list[Adapter]) -> list[dict[str, Any]]:
    """What differs between two adapters' configurations, and their methods."""
    if len(adapters) < 2:
        return []
    configs = [read_config(adapter.path) for adapter in adapters]
    pairs = {"method": [adapter.method for adapter in adapters]}
    pairs |= {key: [_plain(config.get(key)) for config in configs] for key in COMPARED}
    return [{"name": key, "values": values} for key, values in pairs.items() if values[0] != values[1]]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
