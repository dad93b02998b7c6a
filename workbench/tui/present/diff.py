"""What the table of differences between runs says: a row for each fact, a column for each run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import number_text
from workbench.tui.present.cells import GOOD, NONE, Cell, Row, outside, quiet, short

if TYPE_CHECKING:
    from store.runs import Run
    from workbench.runs.diff import Difference

NAME_LIMIT = 24
LOWER_IS_BETTER = "result"


def heads(runs: Sequence[Run]) -> list[str]:
    """The head of each run's column."""
    return [f"{run.id} {clean(run.name, NAME_LIMIT)}" for run in runs]


def rows(found: Sequence[Difference]) -> list[Row]:
    """The differences, the group named at the first of each."""
    drawn: list[Row] = []
    group = ""
    for each in found:
        cells: list[Cell] = [quiet(each.group if each.group != group else ""), outside(each.name)]
        group = each.group
        best = _lowest(each.values) if group == LOWER_IS_BETTER else None
        cells += [
            Content.styled(
                text(value, each.name), f"bold {GOOD}" if value is not None and value == best else ""
            )
            for value in each.values
        ]
        drawn.append((f"{group}.{each.name}", tuple(cells)))
    return drawn


def summary(found: Sequence[Difference]) -> str:
    """What stands where nothing differs."""
    return (
        ""
        if found
        else "These runs are the same in all that is recorded of them, and ended with the same loss."
    )


def text(value: Any, name: str) -> str:
    """One run's value of a fact, on one line."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value) if isinstance(value, float) else f"{value}"
    if isinstance(value, list | tuple | dict):
        return clean(", ".join(map(str, value)) if not isinstance(value, dict) else json.dumps(value), 200)
    told = str(value)
    return clean(short(told) if name.endswith(("fingerprint", "hash", "revision")) else told, 200)


def _lowest(values: Sequence[Any]) -> float | None:
    finite = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return min(finite) if len(finite) > 1 else None
