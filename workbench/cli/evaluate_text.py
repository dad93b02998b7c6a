"""What `workbench evaluate` says of evaluations: tables, and the mean and spread over seeds and variants."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from store.evaluations import Evaluation
from workbench.cli.figures import ago
from workbench.cli.output import Column, cell, status, table

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu")


def document(made: Sequence[Evaluation]) -> dict[str, Any]:
    """A group as a document: its evaluations, and each system's mean and spread over them."""
    return {"group": made[0].group, "evaluations": made, "systems": _spreads(made)}


def group(made: Sequence[Evaluation]) -> str:
    """Write a group: each evaluation, and mean and spread where a system has several."""
    text = score_table(made)
    spreads = _spreads(made)
    if all(each["evaluations"] == 1 for each in spreads):
        return text
    columns = [
        Column("ANSWERED BY", lambda each: cell(each["system"])),
        Column("TIMES", lambda each: str(each["evaluations"]), right=True),
        *(Column(name.upper(), _spread_writer(name), right=True) for name in METRICS),
    ]
    return f"{text}\n\n{table(columns, spreads, empty='')}"


def score_table(made: Sequence[Evaluation]) -> str:
    """Lay evaluations out as a table: who answered, how it was asked, rows, and the corpus scores."""
    columns = [
        Column("ANSWERED BY", lambda each: cell(system(each))),
        *_ways(made),
        Column("ROWS", _rows, right=True),
        *(Column(name.upper(), _score_writer(name), right=True) for name in METRICS),
        Column("EVALUATION", lambda each: each.id),
    ]
    return table(columns, made, empty="nothing was evaluated")


def listed(found: Sequence[Evaluation]) -> str:
    """Lay all evaluations out as a table."""
    columns = [
        Column("ID", lambda each: each.id),
        Column("GROUP", lambda each: each.group),
        Column("STATUS", lambda each: status(each.status)),
        Column("MODEL", lambda each: cell(each.model), shrinks=True),
        Column("ANSWERED BY", lambda each: cell(system(each)), shrinks=True),
        Column("DATA", lambda each: cell(f"{each.dataset} {each.split}"), shrinks=True),
        Column("TEMPLATE", lambda each: cell(each.template), shrinks=True),
        *_ways(found),
        Column("ROWS", _rows, right=True),
        *(Column(name.upper(), _score_writer(name), right=True) for name in ("rougeL", "bleu")),
        Column("CREATED", lambda each: ago(each.created)),
    ]
    return table(columns, found, empty="no evaluations yet: workbench evaluate --help")


def system(evaluation: Evaluation) -> str:
    """What answered: the adapter's name, or the base."""
    return evaluation.adapter or "base"


def score_text(name: str, score: float | None) -> str:
    """Write a score: BLEU on 0-100 with two digits, ROUGE on 0-1 with four."""
    if score is None:
        return "-"
    return f"{score:.2f}" if name == "bleu" else f"{score:.4f}"


def _ways(made: Iterable[Evaluation]) -> list[Column]:
    """How evaluations were asked, where they differ in it."""
    found: list[Column] = []
    for name in ("variant", "seed"):
        if len({each.settings.get(name) for each in made}) > 1:
            found.append(Column(name.upper(), _setting_writer(name)))
    return found


def _setting_writer(name: str) -> Callable[[Evaluation], str]:
    return lambda each: cell(each.settings.get(name))


def _rows(evaluation: Evaluation) -> str:
    whole = evaluation.rows == evaluation.total
    return f"{evaluation.rows:,}" if whole else f"{evaluation.rows:,} of {evaluation.total:,}"


def _score_writer(name: str) -> Callable[[Evaluation], str]:
    return lambda each: score_text(name, each.scores.get(name))


def _spread_writer(name: str) -> Callable[[dict[str, Any]], str]:
    def written(each: dict[str, Any]) -> str:
        found = each["scores"].get(name)
        if found is None:
            return "-"
        return f"{score_text(name, found['mean'])} ±{score_text(name, found['deviation'])}"

    return written


def _spreads(made: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """Each system's mean score over its completed evaluations, and their sample standard deviation."""
    found = []
    for name in dict.fromkeys(map(system, made)):
        members = [each for each in made if system(each) == name and each.status == "completed"]
        scores: dict[str, dict[str, float | None]] = {}
        for metric in METRICS:
            values = [each.scores[metric] for each in members if metric in each.scores]
            if values:
                deviation = statistics.stdev(values) if len(values) > 1 else None
                scores[metric] = {"mean": statistics.fmean(values), "deviation": deviation}
        found.append({"system": name, "evaluations": len(members), "scores": scores})
    return found
