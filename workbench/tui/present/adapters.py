"""What the Adapters screen says: the list, and one adapter with the run, data and base that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from store.sizes import bytes_text
from workbench.tui.clean import clean, page
from workbench.tui.glyphs import count_text
from workbench.tui.present.cells import STRONG, Cell, age, facts, lines, outside, place, quiet, short

if TYPE_CHECKING:
    from store.adapters import Adapter

VALUE_LIMIT = 160
"""The most characters of a value of the lineage that are shown."""

EMPTY = (
    "No adapters yet.\n\n"
    "Every completed run publishes one here: press {key:app.runs}, then {key:runs.new_run}.\n"
    "Press {key:adapters.add} to add a PEFT folder that was trained elsewhere."
)


def cells(adapter: Adapter, now: float) -> tuple[Cell, ...]:
    """An adapter in the list."""
    return (
        outside(adapter.name),
        outside(adapter.model),
        outside(adapter.method),
        quiet("gone") if adapter.run_gone else outside(adapter.run or "added"),
        count_text(adapter.trainable),
        bytes_text(adapter.bytes),
        quiet(age(adapter.created, now)),
    )


def detail(of: Adapter, lineage: Mapping[str, Any], now: float) -> Content:
    """Everything about one adapter, and where it comes from."""
    told = facts(
        (
            ("name", of.name),
            ("method", f"{of.method} ({of.peft_type})"),
            ("base model", of.model),
            ("base fingerprint", short(of.model_fingerprint)),
            ("run", f"{of.run}, which is gone" if of.run_gone else of.run or "none: added from a folder"),
            ("trainable", f"{of.trainable:,} parameters"),
            ("size", bytes_text(of.bytes)),
            ("fingerprint", short(of.fingerprint)),
            ("folder", place(of.path)),
            ("made", f"{age(of.created, now)} ago"),
        )
    )
    return lines([told, *_lineage(lineage)])


def _lineage(lineage: Mapping[str, Any]) -> list[Content]:
    """What made it: single values first, then each part of the card under its own heading."""
    single = {key: value for key, value in lineage.items() if not isinstance(value, Mapping)}
    parts = [_part(key, value) for key, value in lineage.items() if value and key not in single]
    return [_part("lineage", single), *parts] if lineage else []


def _part(name: str, part: Mapping[str, Any]) -> Content:
    heading = Content.styled(f"\n{clean(str(name), 40)}", STRONG)
    return lines([heading, facts(_flat(part))]) if part else heading


def _flat(part: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in part.items():
        label = f"{prefix}{clean(str(key), 40)}"
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{label}.")
        else:
            told = (
                value if isinstance(value, str) else json.dumps(value, default=str) if value != [] else "none"
            )
            # What is cut leads nowhere.
            whole = isinstance(value, str) and len(told) <= VALUE_LIMIT
            pairs.append((label, page(told) if whole else clean(told, VALUE_LIMIT)))
    return pairs


def why_not_compare(chosen: Sequence[Adapter]) -> str | None:
    """Why these adapters cannot answer side by side; None where they can."""
    if not chosen:
        return "no adapter is selected"
    bases = sorted({adapter.model for adapter in chosen})
    return (
        f"the marked adapters have different bases: {', '.join(map(clean, bases))}"
        if len(bases) > 1
        else None
    )
