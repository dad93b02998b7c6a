"""What adapters do to the weights of their base, layer by layer, and how two of them differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store import Store
from workbench.adapters.asking import Tell, ask


@dataclass(frozen=True)
class Layer:
    """The changes of one weight, for one or two adapters; norms are Frobenius'.

    Attributes:
        weight: Its name in the base.
        norms: Of each adapter's change; 0 where it changes nothing.
        shares: The same over the norm of the weight itself; None where that is 0.
        ranks: Of each low-rank change; None otherwise.
        cosine: Between two changes as long vectors; None where there are no two.
    """

    weight: str
    norms: tuple[float, ...]
    shares: tuple[float | None, ...]
    ranks: tuple[int | None, ...] = ()
    cosine: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One adapter against its base, or two against each other.

    Attributes:
        total: Over all weights that any of them changes, as one long vector.
        settings: What their configurations say differently: `name`, and a value for each.
    """

    adapters: tuple[str, ...]
    layers: tuple[Layer, ...]
    total: Layer
    settings: tuple[dict[str, Any], ...]


def differ(store: Store, names: Sequence[str], tell: Tell | None = None) -> Comparison:
    """Measure what one or two adapters change.

    Args:
        store: An open store.
        names: One or two adapters of one base.
        tell: Called with how far it is.

    Raises:
        BadInput: One changes no weights, such as a soft prompt.
        Conflict: They are of different bases.
        NotFound: No such adapter, or its base is gone.
    """
    found = [store.adapters.get(name) for name in names]
    for adapter in found:
        store.models.get(adapter.model)
    answer = ask(store.root, "differ", {"adapters": [adapter.name for adapter in found]}, tell)
    return Comparison(
        tuple(adapter.name for adapter in found),
        tuple(_layer(each) for each in answer["layers"]),
        _layer({"weight": "all", **answer["total"]}),
        tuple(answer["settings"]),
    )


def _layer(told: dict[str, Any]) -> Layer:
    return Layer(
        told["weight"],
        tuple(told["norms"]),
        tuple(told["shares"]),
        tuple(told.get("ranks", ())),
        told.get("cosine"),
    )
