"""The list of an evaluation's rows: its columns, what each is sorted by, and its cells; it reads no store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.row_scores import COUNTS, ROW, SIGNALS, ScoredRow, Sort
from workbench.tui.clean import clean
from workbench.tui.pages import Cell, Line
from workbench.tui.present.cells import NONE, number_of
from workbench.tui.present.inspect import NAMES, Metric
from workbench.tui.state import Saved, chosen

SYSTEM_WIDTH = 12
REFERENCE = "reference"


@dataclass(frozen=True)
class GridColumn:
    """A column of the list, and what it is sorted by; the text of the reference is sorted by its length."""

    label: str
    sort: Sort


def score_of(metric: Metric) -> str:
    """The score that a row has by a metric: one BLEU, whatever runs are looked at."""
    return "bleu" if metric.startswith("bleu") else metric


def columns(systems: Sequence[str], metric: Metric) -> tuple[GridColumn, ...]:
    """A score per system, their difference, how many signals are flagged, the reference, and every signal."""
    name = score_of(metric)
    places = range(len(systems))
    labels = [each[:SYSTEM_WIDTH] for each in systems]
    gain = (GridColumn("gain", Sort(name, -1, less=0)),) if len(systems) > 1 else ()
    of_each = [
        GridColumn(signal if len(systems) == 1 else f"{signal} {labels[at]}", Sort(signal, at))
        for signal in (COUNTS[0], *SIGNALS)
        for at in places
    ]
    return (
        *(GridColumn(label, Sort(name, at)) for at, label in enumerate(labels)),
        *gain,
        *(
            GridColumn("flags" if len(systems) == 1 else f"flags {labels[at]}", Sort("flags", at))
            for at in places
        ),
        GridColumn(REFERENCE, Sort("reference_words", 0)),
        *of_each,
    )


def line(row: ScoredRow, shown: Sequence[GridColumn]) -> Line:
    """One row of the list."""
    return Line(row.index, tuple(_cell(row, column) for column in shown))


def _cell(row: ScoredRow, column: GridColumn) -> Cell:
    if column.label == REFERENCE:
        return Cell(clean(row.reference, 300))
    value = value_of(row, column.sort)
    if value is None:
        return Cell(NONE, "null")
    return Cell(_written(column.sort, value), "number")


def value_of(row: ScoredRow, sort: Sort) -> float | None:
    """What a row is sorted by; None where a system has not answered it."""
    scores = row.scores[sort.system]
    value = scores.get(sort.name) if scores is not None else None
    if sort.less is None or value is None:
        return value
    other = row.scores[sort.less]
    return value - other[sort.name] if other is not None else None


def _written(sort: Sort, value: float) -> str:
    sign = "+" if sort.less is not None else ""
    if sort.name in (*COUNTS, "loop", "empty", "truncated"):
        return f"{value:.0f}"
    digits = 1 if sort.name == "bleu" else 2 if sort.name in SIGNALS else 3
    return f"{value:{sign}.{digits}f}"


def next_sort(column: GridColumn, now: Sort) -> Sort:
    """What the sort key does on a column: greatest first, then least first, then the rows' own order."""
    falling = Sort(column.sort.name, column.sort.system, column.sort.less, descending=True)
    if now == falling:
        return column.sort
    return Sort() if now == column.sort else falling


def recalled_sort(saved: Saved) -> Sort:
    """The order of an earlier session; whether these systems have it is seen when there are columns."""
    less = saved.get("less")
    return Sort(
        chosen(saved, "name", str, ROW),
        chosen(saved, "system", int, -1),
        less if type(less) is int else None,
        chosen(saved, "descending", bool, False),
    )


def title(shown: int, metric: Metric, order: str, text: str = "") -> str:
    """What the list holds, by what it is scored, how it is ordered, and the text that its rows contain."""
    told = [number_of(shown, "row"), NAMES[metric], order, *([f"with '{text}'"] if text else [])]
    return ", ".join(told)


def order_text(shown: Sequence[GridColumn], sort: Sort) -> str:
    """How the rows are ordered, in words."""
    if sort.name == ROW:
        return "in order"
    label = next((each.label for each in shown if _alike(each.sort, sort)), sort.name)
    return f"{'most' if sort.descending else 'least'} {label} first"


def _alike(one: Sort, other: Sort) -> bool:
    return (one.name, one.system, one.less) == (other.name, other.system, other.less)
