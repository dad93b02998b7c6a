"""What the list of metrics says of each: its newest value, and which runs have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from textual.content import Content

from workbench.tui.present.cells import NONE, Row, outside, quiet
from workbench.tui.present.curves import unit
from workbench.tui.widgets.chart_lines import value_text

NAMED_RUNS = 3


@dataclass(frozen=True)
class Known:
    """A metric that some of the runs shown have."""

    name: str
    values: Mapping[str, float] = field(default_factory=dict)
    """Its newest value, by run id."""


def known(latest: Mapping[str, Mapping[str, float]]) -> list[Known]:
    """The metrics of some runs, losses first, then by name.

    Args:
        latest: The newest value of each metric, by run id.
    """
    names = sorted({name for values in latest.values() for name in values}, key=_order)
    return [
        Known(name, {run: values[name] for run, values in latest.items() if name in values}) for name in names
    ]


def listed(found: Sequence[Known], shown: Iterable[str]) -> list[Known]:
    """The metrics to choose from, in the order of `known`: also those drawn that nothing is known of yet."""
    names = {each.name for each in found}
    return sorted(
        [*found, *(Known(name) for name in shown if name not in names)], key=lambda each: _order(each.name)
    )


def rows(found: Iterable[Known]) -> list[Row]:
    """A line for each metric."""
    return [(each.name, (outside(each.name), _newest(each), _runs(each))) for each in found]


def _newest(metric: Known) -> str:
    value = next(iter(metric.values.values()), None)
    return NONE if value is None else value_text(value, unit(metric.name))


def _runs(metric: Known) -> Content:
    ids = list(metric.values)
    if not ids:
        return quiet("not measured yet")
    return quiet(
        ", ".join(ids[:NAMED_RUNS]) + (f" and {len(ids) - NAMED_RUNS} more" if ids[NAMED_RUNS:] else "")
    )


def _order(name: str) -> tuple[bool, bool, str]:
    return name != "loss", "loss" not in name, name
