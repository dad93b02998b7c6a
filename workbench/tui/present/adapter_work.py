"""What is asked before an adapter is merged, exported or combined, and what a comparison of weights says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.adapters import merging
from workbench.adapters.combining import METHODS, Combination
from workbench.adapters.exporting import FORMATS, Wish
from workbench.adapters.merging import Merging
from workbench.runs.fields import FieldInfo
from workbench.tui.clean import clean
from workbench.tui.glyphs import number_text
from workbench.tui.present.cells import NONE, Cell, Row, outside, quiet

if TYPE_CHECKING:
    from store.adapters import Adapter
    from workbench.adapters.differing import Comparison, Layer

WEIGHT = "weight of "
"""Before an adapter's name in the form of a combination: adapters may be called like its other fields."""


def merge_fields(name: str) -> list[FieldInfo]:
    """The form of a merge into the store."""
    return [
        _text("model", f"{name}-merged", "What to call the merged model in the store"),
        _onto(),
    ]


def export_fields(name: str) -> list[FieldInfo]:
    """The form of an export."""
    return [
        _choice("format", tuple(FORMATS), "peft is the adapter; the others hold the whole model"),
        _text("folder", name, "A folder that is not there yet, from where the workbench was started"),
        _field("adapter_only", bool, False, "For ollama and gguf: the LoRA alone, beside its base"),
        _onto(),
    ]


def combine_fields(chosen: Sequence[Adapter]) -> list[FieldInfo]:
    """The form of a combination."""
    share = round(1 / max(len(chosen), 1), 3)
    return [
        *(_field(f"{WEIGHT}{each.name}", float, share, "Its share; may be negative") for each in chosen),
        _choice("method", tuple(METHODS), f"cat: {METHODS['cat']}; svd: {METHODS['svd']}"),
        _text("name", "-".join(each.name for each in chosen)[:100], "What to call the new adapter"),
    ]


def merge_request(values: Mapping[str, Any]) -> tuple[str, Merging]:
    """The name and the way of merging that a form asks for."""
    return values["model"], Merging(values["onto"])


def export_request(values: Mapping[str, Any]) -> tuple[Path, Wish]:
    """The folder and the wish that a form asks for."""
    folder = Path(values["folder"]).expanduser().absolute()
    return folder, Wish(values["format"], values["adapter_only"], Merging(values["onto"]))


def combine_request(values: Mapping[str, Any]) -> tuple[list[tuple[str, float]], str, Combination]:
    """The parts, the name and the way of combining that a form asks for."""
    parts = [(key.removeprefix(WEIGHT), value) for key, value in values.items() if key.startswith(WEIGHT)]
    return parts, values["name"], Combination(values["method"])


def why_not(name: str, chosen: Sequence[Adapter]) -> str | None:
    """Why something cannot be done with the chosen adapters; None where it can."""
    if not chosen:
        return "no adapter is selected"
    if name in ("merge", "export") and len(chosen) > 1:
        return f"one at a time: {len(chosen)} adapters are marked"
    if name == "merge" and (reason := merging.UNMERGEABLE.get(chosen[0].peft_type)):
        return f"it cannot be merged: {reason}"
    if name == "combine" and len(chosen) < 2:
        return "mark two or more LoRA adapters with {key:table.mark}"
    if name == "combine" and (other := next((each for each in chosen if each.peft_type != "LORA"), None)):
        return f"{clean(other.name)} is no LoRA ({clean(other.method)})"
    if name == "diff" and len(chosen) > 2:
        return f"two at most: {len(chosen)} adapters are marked"
    if name in ("combine", "diff") and len({each.model_fingerprint for each in chosen}) > 1:
        return "the marked adapters have different bases"
    return None


def diff_rows(found: Comparison) -> list[Row]:
    """A row for all weights together, and one for each, the largest changes first."""
    ordered = sorted(found.layers, key=lambda layer: -max(layer.norms))
    return [(layer.weight, _diff_cells(layer)) for layer in (found.total, *ordered)]


def diff_summary(found: Comparison) -> str:
    """What the configurations say differently."""
    told = [
        f"{each['name']} {' | '.join(clean(str(value), 60) for value in each['values'])}"
        for each in found.settings
    ]
    return "\n".join(["Norms are Frobenius'; a share is over the weight's own norm.", *told])


def _diff_cells(layer: Layer) -> tuple[Cell, ...]:
    cells: list[Cell] = [outside(layer.weight)]
    for norm, share in zip(layer.norms, layer.shares, strict=True):
        told = NONE if share is None else f"{100 * share:.3g} %"
        cells += [number_text(norm), quiet(told)] if norm else [quiet(NONE), quiet(NONE)]
    if len(layer.norms) == 2:
        cells.append(quiet(NONE) if layer.cosine is None else f"{layer.cosine:+.3f}")
    return tuple(cells)


def _onto() -> FieldInfo:
    return _choice(
        "onto",
        merging.BASES,
        "Into the base as stored, or as NF4 holds it (QLoRA); auto: by its method",
    )


def _choice(name: str, options: tuple[str, ...], help_text: str) -> FieldInfo:
    return FieldInfo(name, str, False, options[0], help_text, None, None, None, None, options, "")


def _text(name: str, value: str, help_text: str) -> FieldInfo:
    return _field(name, str, value, help_text)


def _field(name: str, kind: type, value: Any, help_text: str) -> FieldInfo:
    return FieldInfo(name, kind, False, value, help_text, None, None, None, None, None, "")
