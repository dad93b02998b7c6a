"""An adapter and its base as one plain model, in a folder or in the store, checked before it appears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from store import Store
from store.adapters import Adapter
from store.entries import check_free
from store.errors import BadInput, Conflict
from store.files import building, check_name, staging
from workbench.adapters import cards
from workbench.adapters.asking import Tell, ask

Base = Literal["auto", "stored", "dequantised"]
BASES: tuple[Base, ...] = ("auto", "stored", "dequantised")

_SOFT = "its virtual tokens stand before the text, and no weight of the model can say the same"
UNMERGEABLE = {
    "PROMPT_TUNING": _SOFT,
    "P_TUNING": _SOFT,
    "PREFIX_TUNING": "its keys and values stand before the text, and no weight of the model can say the same",
    "BOTTLENECK": "its layers are not linear, and the architecture has no place for them",
}
"""Why some kinds have no place in plain weights."""


@dataclass(frozen=True)
class Merging:
    """How to merge.

    Args:
        base: `dequantised` merges into what NF4 makes of the base, which QLoRA trained on; `stored` into the
            weights as they are; `auto` chooses by the adapter's method.
        tolerance: How far scores may move, over their deviation; None takes the precision's own.
        device: torch's name of where to compute; None takes the GPU, if there is one.
    """

    base: Base = "auto"
    tolerance: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Merged:
    """What came of it.

    Attributes:
        adapter: The adapter's name.
        path: The folder that was asked for.
        model: The name in the store, if one was asked for.
        check: The figures of the check; see `worker/merge.py`.
        warnings: What to know of it.
    """

    adapter: str
    path: Path | None
    model: str | None
    check: dict[str, Any]
    warnings: tuple[str, ...]


def merge(
    store: Store,
    name: str,
    output: Path | None,
    *,
    add: str | None = None,
    how: Merging | None = None,
    tell: Tell | None = None,
) -> Merged:
    """Merge an adapter into its base.

    Args:
        store: An open store.
        name: The adapter.
        output: A folder that is not there yet; may be left out where `add` is given.
        add: A name, to have the model in the store as well.
        how: How to merge.
        tell: Called with how far it is.

    Raises:
        BadInput: It cannot be merged, or the merged model does not answer like the adapter.
        Conflict: Folder or name are taken, or the adapter is of another base.
        NotFound: No such adapter, or its base is gone.
    """
    if output is None and add is None:
        raise BadInput("nowhere is named for the merged model", "name --output DIR, --add NAME, or both")
    if add is not None:
        check_free(store.db, "model", check_name(add))
    with building(output) if output is not None else staging(store.root) as folder:
        check = write(store, name, folder, how, tell)
        if add is not None:
            adapter = store.adapters.get(name)
            origin = str(output) if output is not None else f"{adapter.model} with {name}"
            store.models.add(str(folder), name=add, origin=origin)
    return Merged(name, output, add, check, tuple(check.pop("warnings")))


def write(
    store: Store, name: str, folder: Path, how: Merging | None = None, tell: Tell | None = None
) -> dict[str, Any]:
    """Merge into an empty folder, with a model card.

    Returns:
        The figures of the check.

    Raises:
        BadInput, Conflict, NotFound: As `merge`.
    """
    how = how or Merging()
    adapter = mergeable(store, name)
    base = how.base
    if base == "auto":
        base = "dequantised" if "qlora" in _methods(adapter) else "stored"
    check = ask(
        store.root,
        "merge",
        {
            "adapter": name,
            "folder": str(folder),
            "dequantised": base == "dequantised",
            "tolerance": how.tolerance,
            "device": how.device,
        },
        tell,
    )
    (folder / "README.md").write_text(cards.merged(store, adapter, check), encoding="utf-8")
    return check


def mergeable(store: Store, name: str) -> Adapter:
    """The adapter, if it can be merged at all.

    Raises:
        BadInput: Its kind has no place in plain weights.
        Conflict: Its base is another by now.
        NotFound: No such adapter, or its base is gone.
    """
    adapter = store.adapters.get(name)
    reason = UNMERGEABLE.get(adapter.peft_type)
    if reason is not None:
        raise BadInput(
            f"adapter {name!r} ({adapter.method}) cannot be merged: {reason}",
            f"use it beside its base: workbench adapter export {name} --output DIR",
        )
    base = store.models.get(adapter.model)
    if base.fingerprint != adapter.model_fingerprint:
        raise Conflict(
            f"model {base.name!r} is not the one that adapter {name!r} was made for",
            "add the original base again, under that name",
        )
    return adapter


def _methods(adapter: Adapter) -> set[str]:
    """How it was trained, as it says now and as it said before it was brought here."""
    return {adapter.method, (cards.lineage(adapter).get("made_from") or {}).get("method", "")}
