"""`workbench evaluate`: answers to a whole split, scored, for the base and its adapters."""

from __future__ import annotations

from collections.abc import Callable

import click

from store.evaluations import Evaluation
from workbench.cli.generate import chosen_adapters
from workbench.cli.output import Column, cell, table
from workbench.cli.progress import Line
from workbench.cli.session import Session, json_option, pass_session
from workbench.client import evaluate

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu")


@click.command()
@click.option("--model", required=True, metavar="M", help="The base model.")
@click.option("--adapter", "names", multiple=True, metavar="A", help="An adapter; may be repeated.")
@click.option("--base", is_flag=True, help="Evaluate the bare base too, before the adapters.")
@click.option("--dataset", required=True, metavar="D", help="The dataset that asks.")
@click.option("--template", required=True, metavar="T", help="The template that makes prompts of its rows.")
@click.option("--split", metavar="S", help="Its split [default: test, else validation].")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N rows.")
@json_option
@pass_session
def command(
    session: Session,
    model: str,
    names: tuple[str, ...],
    base: bool,
    dataset: str,
    template: str,
    split: str | None,
    limit: int | None,
) -> None:
    """Answer a dataset with the base and its adapters, and score the answers against its completions."""
    with Line(quiet=session.as_json) as line:
        made = evaluate(
            session.root(),
            model,
            chosen_adapters(names, base),
            dataset,
            template,
            split,
            limit,
            on_progress=lambda done, total: line.write(f"{done} of {total} answers", now=done == total),
        )
    document = {"group": made[0].group, "evaluations": made}
    session.show(document, score_table(made))


def score_table(evaluations: list[Evaluation]) -> str:
    """Lay evaluations out as a table: who answered, rows, and the corpus scores."""
    columns = [
        Column("ANSWERED BY", lambda made: cell(made.adapter or "base")),
        Column("ROWS", lambda made: str(made.rows), right=True),
        *(Column(name.upper(), _score_writer(name), right=True) for name in METRICS),
        Column("EVALUATION", lambda made: made.id),
    ]
    return table(columns, evaluations, empty="nothing was evaluated")


def _score_writer(name: str) -> Callable[[Evaluation], str]:
    return lambda made: score_text(name, made.scores.get(name))


def score_text(name: str, score: float | None) -> str:
    """Write a score: BLEU on 0-100 with two digits, ROUGE on 0-1 with four."""
    if score is None:
        return "-"
    return f"{score:.2f}" if name == "bleu" else f"{score:.4f}"
