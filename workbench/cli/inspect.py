"""`workbench inspect`: the rows of an evaluation by any score, one of them word by word, and their spread."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from store.errors import NotFound
from store.row_scores import METRICS, NAMES, ROW, ScoredRow, Sort
from workbench.cli.output import Column, cell, table
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluation.meters import Choices
from workbench.evaluation.report import tokens
from workbench.evaluation.row_scores import BINS, WORDS_OF_ROWS, by_frequency, fill, top_of
from workbench.evaluation.rows import Row

if TYPE_CHECKING:
    from store import Store
    from store.evaluations import Evaluation, EvaluationRow

GAIN = "gain"


@click.command()
@click.argument("group", metavar="GROUP")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="rouge1",
    show_default=True,
    help="The score that is shown, and that `--sort gain` compares.",
)
@click.option(
    "--sort",
    type=click.Choice((ROW, GAIN, *NAMES)),
    default=ROW,
    show_default=True,
    metavar="SCORE",
    help="By row, by the last system's gain over the first, or by one of its scores and signals: "
    + ", ".join(NAMES)
    + ".",
)
@click.option("--least", is_flag=True, help="The least first; otherwise the greatest.")
@click.option("--filter", "text", default="", metavar="TEXT", help="Only rows that contain a text.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most rows.")
@click.option("--row", type=click.IntRange(0), metavar="N", help="One row, token by token (with --json).")
@click.option("--spread", is_flag=True, help="How the scores are spread, in place of the rows.")
@json_option
@pass_session
def command(
    session: Session,
    /,
    group: str,
    metric: str,
    row: int | None,
    spread: bool,
    limit: int,
    **order: Any,
) -> None:
    """Look into an evaluation: its rows by any score, one row, or how the scores are spread.

    GROUP is what `workbench evaluate` made, such as g1.
    """
    with session.open_store() as store:
        members = store.evaluations.list(group)
        if not members:
            groups = ", ".join(dict.fromkeys(each.group for each in store.evaluations.list()))
            raise NotFound(f"no evaluation group {group!r}", f"there are: {groups or 'none yet'}")
        fill(store, [each.id for each in members])
        if row is not None:
            _show_row(session, store, members, row)
        elif spread:
            _show_spread(session, store, members, metric)
        else:
            _show_rows(session, store, members, metric, limit, **order)


def system(evaluation: Evaluation) -> str:
    """Who answered."""
    return evaluation.adapter or "base"


def _show_rows(
    session: Session,
    store: Store,
    members: list[Evaluation],
    metric: str,
    limit: int,
    *,
    sort: str,
    least: bool,
    text: str,
) -> None:
    ids = [each.id for each in members]
    by = Sort(metric, -1, 0) if sort == GAIN else Sort(sort, -1)
    if sort != ROW:
        by = Sort(by.name, by.system, by.less, descending=not least)
    indexes = store.row_scores.order(ids, by, text)
    rows = store.row_scores.page(ids, indexes[:limit])
    names = [system(each) for each in members]
    columns = [
        Column("ROW", lambda row: str(row.index), right=True),
        *(_score_column(name, at, metric) for at, name in enumerate(names)),
        Column("FLAGS", lambda row: _flags(row), right=True),
        Column("REFERENCE", lambda row: cell(row.reference, 60)),
    ]
    document = {
        "group": members[0].group,
        "systems": names,
        "total": len(indexes),
        "rows": [{"row": row.index, "reference": row.reference, "scores": list(row.scores)} for row in rows],
    }
    session.show(document, table(columns, rows, empty="no row"))


def _score_column(name: str, at: int, metric: str) -> Column:
    def write(row: ScoredRow) -> str:
        scores = row.scores[at]
        return "-" if scores is None else f"{scores[metric]:.{2 if metric == 'bleu' else 4}f}"

    return Column(cell(name).upper(), write, right=True)


def _flags(row: ScoredRow) -> str:
    return str(sum(int(scores["flags"]) for scores in row.scores if scores is not None))


def _show_row(session: Session, store: Store, members: list[Evaluation], row: int) -> None:
    answers = store.row_scores.answers([each.id for each in members], row)
    found = [(each, answer) for each, answer in zip(members, answers, strict=True) if answer is not None]
    if not found:
        raise NotFound(f"no system has answered row {row}", "see the rows: workbench inspect GROUP")
    first = found[0][1]
    document = {
        "row": row,
        "prompt": first.prompt,
        "references": first.references,
        "systems": [_explained(each, answer) for each, answer in found],
    }
    lines = [f"prompt: {cell(first.prompt, 200)}", *(f"reference: {cell(text)}" for text in first.references)]
    for each, answer in found:
        lines.append(f"\n{cell(system(each))}: {cell(answer.prediction)}")
        lines += [f"  {cell(sentence)}" for sentence in _sentences(_explained(each, answer))]
    session.show(document, "\n".join(lines))


def _explained(evaluation: Evaluation, answer: EvaluationRow) -> dict[str, Any]:
    row = Row(answer.prediction, answer.references or ("",), answer.source or "")
    return {
        "system": system(evaluation),
        "prediction": answer.prediction,
        "tokens": tokens(row, Choices(tokens=True)),
    }


def _sentences(explained: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {part['sentence']}"
        for name, part in explained["tokens"].items()
        if isinstance(part, dict) and "sentence" in part
    ]


def _show_spread(session: Session, store: Store, members: list[Evaluation], metric: str) -> None:
    top = top_of(metric)
    found = []
    for each in members:
        spread = store.row_scores.spread(each.id, metric, BINS, top)
        words = by_frequency(store.row_scores.texts(each.id, WORDS_OF_ROWS))
        found.append({"system": system(each), **asdict(spread), "words": [asdict(part) for part in words]})
    columns = [
        Column(f"{metric.upper()} FROM", lambda at: f"{at * top / BINS:g}", right=True),
        *(_bin_column(each) for each in found),
    ]
    session.show({"metric": metric, "systems": found}, table(columns, list(range(BINS)), empty=""))


def _bin_column(spread: dict[str, Any]) -> Column:
    return Column(cell(spread["system"]).upper(), lambda at: f"{spread['bins'][at]:,}", right=True)
