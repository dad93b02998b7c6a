"""What the Inspect screen says about evaluations: the list, rows by score, and one pair token by token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from workbench.evaluation import rouge
from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, status_text
from workbench.tui.present.cells import (
    NONE,
    QUIET,
    Cell,
    Row,
    difference,
    lines,
    number_of,
    outside,
    quiet,
    score,
)

if TYPE_CHECKING:
    from store.evaluations import Evaluation, EvaluationRow

Metric = Literal["rouge1", "rouge2", "rougeL"]
METRICS: tuple[Metric, ...] = ("rouge1", "rouge2", "rougeL")
NAMES: Mapping[str, str] = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "bleu": "BLEU"}
Order = Literal["row", "base", "adapter", "gain"]
ORDERS: tuple[Order, ...] = ("row", "gain", "base", "adapter")
ORDER_NAMES: Mapping[Order, str] = {
    "row": "in order",
    "gain": "greatest gain first",
    "base": "lowest base first",
    "adapter": "best adapter first",
}

FILE_HELP = 'Lines like {"prediction": "...", "reference": "..."}'

EMPTY = (
    "No evaluations yet.\n\n"
    "Press e to let a base and its adapters answer a dataset's test split\n"
    "and score every answer. Press o to open a JSONL file of predictions."
)


@dataclass(frozen=True)
class Pair:
    """One row of a dataset with the answers of the systems, in the systems' order, and their scores."""

    index: int
    prompt: str
    references: tuple[str, ...]
    predictions: tuple[str, ...]
    scores: tuple[float, ...]

    @property
    def gain(self) -> float | None:
        """How much better the last system is than the first; None for one system."""
        return self.scores[-1] - self.scores[0] if len(self.scores) > 1 else None


def by_group(found: Iterable[Evaluation]) -> dict[str, list[Evaluation]]:
    """Evaluations by the command that made them, newest first, the base before its adapters."""
    ordered = sorted(
        found, key=lambda each: (-_number(each.group), each.adapter is not None, _number(each.id))
    )
    return {group: list(members) for group, members in groupby(ordered, key=lambda each: each.group)}


def _number(identifier: str) -> int:
    digits = identifier.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) if digits.isdecimal() else 0


def groups(found: Mapping[str, Sequence[Evaluation]], signs: Glyphs = UNICODE) -> list[Row]:
    """The list of evaluations, one line per group."""
    return [(group, _group_cells(group, members, signs)) for group, members in found.items()]


def _group_cells(group: str, members: Sequence[Evaluation], signs: Glyphs) -> tuple[Cell, ...]:
    first = members[0]
    return (
        status_text(group_status(members), signs),
        quiet(group),
        outside(f"{first.dataset} {first.split}"),
        outside(", ".join(system(each) for each in members)),
        f"{sum(each.rows for each in members)}/{sum(each.total for each in members)}",
        _change(members),
    )


def _change(members: Sequence[Evaluation]) -> str:
    """ROUGE-1 of the first system, and of the last where there are several."""
    ends = [members[0], *members[1:][-1:]]
    found = [each.scores.get("rouge1") for each in ends]
    return " to ".join(map(score, found)) if any(value is not None for value in found) else NONE


def group_status(members: Sequence[Evaluation]) -> str:
    """The status of a group: completed once all of it is."""
    statuses = {each.status for each in members}
    return next((each for each in ("failed", "running", "interrupted") if each in statuses), "completed")


def system(evaluation: Evaluation) -> str:
    """What answered: the adapter, or the bare base."""
    return evaluation.adapter or "base"


def summary(members: Sequence[Evaluation]) -> Content:
    """A group's scores, one line per system."""
    width = max((len(system(each)) for each in members), default=0) + 2
    return lines(
        Content.assemble(
            (clean(system(each)).ljust(width), "bold"),
            "   ".join(f"{NAMES[name]} {_corpus(each, name)}" for name in (*METRICS, "bleu")),
            (f"   {clean(each.error)}", "$error") if each.error else "",
        )
        for each in members
    )


def _corpus(evaluation: Evaluation, name: str) -> str:
    value = evaluation.scores.get(name)
    return NONE if value is None else f"{value:.1f}" if name == "bleu" else score(value)


def pairs(answers: Sequence[Sequence[EvaluationRow]], metric: Metric = "rouge1") -> list[Pair]:
    """Put the systems' answers to the same rows beside each other and score each.

    Args:
        answers: The rows of each system; rows that not every system has answered are left out.
        metric: Which ROUGE's F1 is the score.
    """
    by_index = [{row.index: row for row in rows} for rows in answers]
    shared = sorted(set.intersection(*(set(rows) for rows in by_index))) if by_index else []
    return [_pair([rows[index] for rows in by_index], metric) for index in shared]


def _pair(rows: Sequence[EvaluationRow], metric: Metric) -> Pair:
    first = rows[0]
    scores = tuple(rouge.score(row.prediction, row.references)[metric].fmeasure for row in rows)
    return Pair(first.index, first.prompt, first.references, tuple(row.prediction for row in rows), scores)


def ordered(found: Iterable[Pair], order: Order) -> list[Pair]:
    """Pairs in an order: by row, or the most telling first: greatest gain, lowest base, highest adapter."""
    if order == "gain":
        return sorted(found, key=lambda pair: (-(pair.gain or 0.0), pair.index))
    if order == "base":
        return sorted(found, key=lambda pair: (pair.scores[0], pair.index))
    if order == "adapter":
        return sorted(found, key=lambda pair: (-pair.scores[-1], pair.index))
    return sorted(found, key=lambda pair: pair.index)


def rows(found: Iterable[Pair]) -> list[Row]:
    """The list of pairs: the row, each system's score, the difference of last and first, the reference."""
    return [(str(pair.index), _pair_cells(pair)) for pair in found]


def _pair_cells(pair: Pair) -> tuple[Cell, ...]:
    gain: tuple[Cell, ...] = () if pair.gain is None else (difference(pair.gain),)
    reference = outside(pair.references[0] if pair.references else "", QUIET)
    return (quiet(str(pair.index)), *map(score, pair.scores), *gain, reference)


def rows_title(shown: int, order: Order, metric: Metric) -> str:
    """What the list of rows holds and how it is ordered."""
    return f"{number_of(shown, 'row')}, {NAMES[metric]}, {ORDER_NAMES[order]}"


def file_summary(name: str) -> Content:
    """What stands above the rows of a file."""
    return Content.assemble(("file ", QUIET), (clean(name), "bold"))
