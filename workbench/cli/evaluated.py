"""Evaluations of the store scored anew in full, and compared: what `workbench evaluate show` computes."""

from __future__ import annotations

import dataclasses
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from store import Store
from store.errors import BadInput, Conflict, NotFound
from store.evaluations import VERSIONS, Evaluation, EvaluationRow
from workbench.cli import score_report, score_text
from workbench.cli.evaluate_text import system
from workbench.cli.figures import ago
from workbench.cli.output import cell, facts, jsonable, status
from workbench.cli.progress import Line
from workbench.evaluation import comparison, pages
from workbench.evaluation.comparison import Comparison
from workbench.evaluation.meters import Choices
from workbench.evaluation.report import Scorer
from workbench.evaluation.rows import Row

SETTINGS = ("variant", "seed", "temperature", "top_p", "max_new_tokens")
Told = tuple[Any, str]
Pair = tuple[Sequence[Row], Sequence[Row]]
Duel = tuple[list[Evaluation], list[Evaluation]]
"""Runs of a baseline, and as many of a system."""


def check_one(chosen: Sequence[Evaluation], report: Path | None) -> None:
    """Refuse a report of several evaluations.

    Raises:
        BadInput: One is asked for.
    """
    if report is not None and len(chosen) > 1:
        raise BadInput(
            f"a report is of one evaluation, and group {chosen[0].group} has several",
            f"name one of {', '.join(each.id for each in chosen)}",
        )


def scored(store: Store, evaluation: Evaluation, choices: Choices, report: Path | None) -> Told:
    """Score an evaluation's answers, finished or not.

    Returns:
        Its document and its text.
    """
    scorer, odd, poorest = Scorer(choices), score_text.OddRows(), pages.Poorest()
    for answered in store.evaluations.each(evaluation.id):
        row, number = _row(answered), answered.index + 1
        document = scorer.add(row)
        odd.add(number, document["signals"])
        poorest.add(number, row, document)
    text = _facts(evaluation)
    if not scorer.rows:
        return evaluation, text
    totals = scorer.totals()
    if report is not None:
        page = pages.score_page(_name(evaluation), scorer.rows, totals, poorest, choices)
        whole = {"evaluation": evaluation, **totals, "rows": score_report.shown(poorest)}
        score_report.write(report, page, whole)
    return jsonable(evaluation) | totals, f"{text}\n\n{score_text.corpus(totals, scorer.rows, odd)}"


def compared(
    store: Store,
    chosen: Sequence[Evaluation],
    against: str,
    by: tuple[Choices, Sequence[int]],
    report: Path | None,
    line: Line,
) -> Told:
    """Compare evaluations with what stands against each: one evaluation, or a system asked in the same way.

    Args:
        store: The store.
        chosen: One evaluation, or those of a group: a system's seeds are then compared together.
        against: An evaluation's id, or a system of the same group.
        by: Which metrics, and the seeds of the resampling.
        report: Where to write one.
        line: Where progress is told.

    Returns:
        The documents of the comparisons, and their text; of one comparison its document alone.

    Raises:
        NotFound: There is nothing such to compare with.
        Conflict: Two were asked other rows, or for other answers.
    """
    duels = _duels(store, chosen, against)
    check_one([system for _, systems in duels for system in systems[:1]], report)
    told = [_compared(store, duel, by, report, line) for duel in duels]
    if len(told) == 1:
        return told[0]
    return {"comparisons": [document for document, _ in told]}, "\n\n".join(text for _, text in told)


def _duels(store: Store, chosen: Sequence[Evaluation], against: str) -> list[Duel]:
    """What stands against what: runs of a baseline, and as many of a system."""
    found: dict[object, Duel] = {}
    for each in chosen:
        baseline = _counterpart(store, each, against)
        if baseline.id != each.id:
            # A single evaluation stands against each by itself.
            key = each.id if baseline.id == against else (system(each), each.settings.get("variant"))
            duel = found.setdefault(key, ([], []))
            duel[0].append(baseline)
            duel[1].append(each)
    if not found:
        raise Conflict(f"{chosen[0].id} is {against} itself", "name another to compare it with")
    return [*found.values()]


def _compared(
    store: Store, duel: Duel, by: tuple[Choices, Sequence[int]], report: Path | None, line: Line
) -> Told:
    choices, seeds = by
    names = ([_name(each) for each in duel[0]], [_name(each) for each in duel[1]])

    def tell(done: int, total: int) -> None:
        line.write(f"{cell(names[1][0])}: resampled {done:,} of {total:,} times")

    numbers = array("q")
    found = _numbered(comparison.compare(_pairs(store, duel, numbers), choices, seeds, tell), numbers)
    rows = {number: _pair(store, duel, number) for number in sorted(score_report.deciding(found))}
    document = score_report.comparison(names, found, rows)
    sides = zip(("baseline", "system"), duel, strict=True)
    document |= {"evaluations": {side: [each.id for each in members] for side, members in sides}}
    if report is not None:
        score_report.write(report, pages.comparison_page(names, found, rows, choices), document)
    return document, score_text.comparison(found, names, rows)


def _counterpart(store: Store, evaluation: Evaluation, against: str) -> Evaluation:
    if re.fullmatch(r"e\d+", against):
        return store.evaluations.get(against)
    members = store.evaluations.list(evaluation.group)
    asked = [evaluation.settings.get(name) for name in ("seed", "variant")]
    for each in members:
        if system(each) == against and asked == [each.settings.get(name) for name in ("seed", "variant")]:
            return each
    known = ", ".join(dict.fromkeys(map(system, members)))
    raise NotFound(
        f"no {against!r} in group {evaluation.group} to compare {evaluation.id} with",
        f"name an evaluation (workbench evaluate list), or one of {known}",
    )


def _pairs(store: Store, duel: Duel, numbers: array[int]) -> Iterator[Pair]:
    """The rows that all have answered, in their order; a page of each evaluation is held at a time.

    Args:
        store: The store.
        duel: Whose rows.
        numbers: Takes the number of each row, from 1.

    Raises:
        Conflict: They were asked other rows or for other answers, or have answered none that is the same.
    """
    members = [*duel[0], *duel[1]]
    told = " and ".join(each.id for each in members)
    if len({_data(each) for each in members}) > 1:
        raise Conflict(f"{told} have answered other data", "compare evaluations of one split of one dataset")
    for answers in _in_common([store.evaluations.each(each.id) for each in members]):
        number = answers[0].index + 1
        if len({each.references for each in answers}) > 1:
            raise Conflict(
                f"{told} were asked for other answers (row {number})",
                "compare evaluations of one template and variant",
            )
        numbers.append(number)
        yield _sides(answers, duel)
    if not numbers:
        raise Conflict(f"{told} have no row in common", "let them go on first")


def _in_common(sides: Sequence[Iterator[EvaluationRow]]) -> Iterator[list[EvaluationRow]]:
    """Of sides that are in the order of their rows' indexes, the rows that all of them have."""
    at = [next(side, None) for side in sides]
    while rows := [each for each in at if each is not None]:
        if len(rows) < len(sides):
            return
        last = max(each.index for each in rows)
        if all(each.index == last for each in rows):
            yield rows
            last += 1
        at = [row if row.index >= last else next(side, None) for row, side in zip(rows, sides, strict=True)]


def _pair(store: Store, duel: Duel, number: int) -> Pair:
    """One of the rows that all have answered, read again.

    Raises:
        Conflict: One has lost it: it is answered anew.
    """
    members = [*duel[0], *duel[1]]
    found = store.row_scores.answers([each.id for each in members], number - 1)
    answers = [each for each in found if each is not None]
    if len(answers) < len(members):
        raise Conflict(f"row {number} is answered anew at this moment", "ask again when that has ended")
    return _sides(answers, duel)


def _sides(answers: Sequence[EvaluationRow], duel: Duel) -> Pair:
    rows = [_row(each) for each in answers]
    return rows[: len(duel[0])], rows[len(duel[0]) :]


def _data(evaluation: Evaluation) -> tuple[str, str, Any]:
    return evaluation.dataset, evaluation.split, evaluation.settings.get("dataset_fingerprint")


def _numbered(found: Comparison, numbers: Sequence[int]) -> Comparison:
    """Rows are counted in a comparison; here they have the numbers that they have in their split."""
    return dataclasses.replace(
        found,
        scores={
            name: dataclasses.replace(
                each,
                deciding=tuple(dataclasses.replace(one, row=numbers[one.row - 1]) for one in each.deciding),
            )
            for name, each in found.scores.items()
        },
    )


def _row(answered: EvaluationRow) -> Row:
    return Row(answered.prediction, answered.references, answered.source or "", answered.truncated)


def _name(evaluation: Evaluation) -> str:
    return f"{system(evaluation)} ({evaluation.id})"


def _facts(evaluation: Evaluation) -> str:
    settings = evaluation.settings
    versions = settings.get(VERSIONS, {})
    rows = f"{evaluation.rows:,} of {evaluation.total:,} rows"
    told = {
        "evaluation": f"{evaluation.id} of {evaluation.group}, {ago(evaluation.created)}",
        "status": status(evaluation.status) + (f": {cell(evaluation.error)}" if evaluation.error else ""),
        "answered by": cell(system(evaluation)),
        "model": cell(evaluation.model),
        "data": f"{cell(evaluation.dataset)} {cell(evaluation.split)}, {rows}",
        "template": cell(evaluation.template),
        "settings": cell(
            ", ".join(f"{name} {settings[name]}" for name in SETTINGS if settings.get(name) is not None)
        ),
        "versions": cell(", ".join(f"{name} {version}" for name, version in versions.items() if version)),
    }
    return facts(told.items())
