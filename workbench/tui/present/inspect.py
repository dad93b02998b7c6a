"""What the Inspect screen says about evaluations: the list of them, and above their rows the scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, status_text
from workbench.tui.present.cells import (
    NONE,
    QUIET,
    Cell,
    Row,
    lines,
    outside,
    quiet,
    score,
)

if TYPE_CHECKING:
    from store.evaluations import Evaluation

Metric = Literal["rouge1", "rouge2", "rougeL", "bleu1", "bleu2", "bleu3", "bleu4"]
METRICS: tuple[Metric, ...] = ("rouge1", "rouge2", "rougeL", "bleu1", "bleu2", "bleu3", "bleu4")
"""BLEU by the length of the runs of words whose matches are coloured; a row has one BLEU."""
NAMES: Mapping[str, str] = {
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "bleu": "BLEU",
    **{f"bleu{order}": f"BLEU-{order}" for order in range(1, 5)},
}
CORPUS = ("rouge1", "rouge2", "rougeL", "bleu")

FILE_HELP = 'Lines like {"prediction": "...", "reference": "..."}'

EMPTY = (
    "No evaluations yet.\n\n"
    "Press {key:inspect.evaluate} to let a base and its adapters answer a dataset's test split\n"
    "and score every answer. Press {key:inspect.open} to open a JSONL file of predictions."
)


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
    """What answered, the adapter or the bare base; and how it was asked, where that is not as usual."""
    told = [evaluation.adapter or "base", evaluation.settings.get("variant") or ""]
    if evaluation.settings.get("seed"):
        told.append(f"seed {evaluation.settings['seed']}")
    return " ".join(filter(None, told))


def summary(members: Sequence[Evaluation], resume: str) -> Content:
    """A group's scores, one line per system; `resume` says how one that broke off goes on."""
    width = max((len(system(each)) for each in members), default=0) + 2
    return lines(
        Content.assemble(
            (clean(system(each)).ljust(width), "bold"),
            # On a narrow screen only one of them has room.
            (clean(each.error), "$error")
            if each.error
            else "   ".join(f"{NAMES[name]} {_corpus(each, name)}" for name in CORPUS),
            (f"; {resume}", QUIET) if each.status in ("failed", "interrupted") else "",
        )
        for each in members
    )


def _corpus(evaluation: Evaluation, name: str) -> str:
    value = evaluation.scores.get(name)
    return NONE if value is None else f"{value:.1f}" if name == "bleu" else score(value)


def file_summary(name: str) -> Content:
    """What stands above the rows of a file."""
    return Content.assemble(("file ", QUIET), (clean(name), "bold"))
