"""`workbench score`: predictions of a file against their references."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from store.errors import BadInput
from workbench.cli.output import Column, cell, table
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluation.bleu import TOKENIZERS
from workbench.evaluation.report import METRICS, score_rows
from workbench.evaluation.rouge import ROUGE
from workbench.evaluation.rows import read_lines

STDIN = Path("-")
ROWS_TOLD = 10
COLUMNS = (
    Column("METRIC", lambda line: line[0]),
    Column("PRECISION", lambda line: line[1], right=True),
    Column("RECALL", lambda line: line[2], right=True),
    Column("F1", lambda line: line[3], right=True),
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE|-")
@click.option(
    "--metric", "metrics", multiple=True, type=click.Choice(METRICS), help="Only this; all otherwise."
)
@click.option("--tokens", is_flag=True, help="Say for each token what it earned (with --json).")
@click.option("--stemmer", is_flag=True, help="ROUGE compares stems of words (Porter).")
@click.option(
    "--tokenize", type=click.Choice(TOKENIZERS), default="13a", show_default=True, help="BLEU's tokenizer."
)
@click.option("--lowercase", is_flag=True, help="BLEU ignores case.")
@json_option
@pass_session
def command(session: Session, /, file: Path, metrics: tuple[str, ...], **choices: Any) -> None:
    """Score predictions against references: ROUGE as rouge-score computes it, BLEU as sacrebleu does.

    FILE holds one JSON object a line, {"prediction": ..., "reference": ...} or "references": [...]; a dash
    is standard input.
    """
    rows = read_lines(_lines(file))
    report = score_rows(rows, metrics=metrics or METRICS, **choices)
    session.show(report, report_text(report))


def report_text(report: dict[str, Any]) -> str:
    """Write a report for people: corpus scores, BLEU's signature, and the rows that look odd."""
    corpus = report["corpus"]
    lines = [
        (name, *(f"{corpus[name][part]:.4f}" for part in ("precision", "recall", "fmeasure")))
        for name in ROUGE
        if name in corpus
    ]
    parts = [f"{len(report['rows']):,} rows"]
    if lines:
        parts.append(table(COLUMNS, lines, empty=""))
    if "bleu" in corpus:
        parts.append(f"BLEU {corpus['bleu']['score']:.2f}  {cell(corpus['bleu']['signature'])}")
    return "\n".join([*parts, *_odd_rows(report["rows"])])


def _odd_rows(rows: list[dict[str, Any]]) -> Iterator[str]:
    flagged = [
        (number, name, signal["sentence"])
        for number, row in enumerate(rows, 1)
        for name, signal in row["signals"].items()
        if signal["flagged"]
    ]
    if not flagged:
        return
    counts = Counter(name for _, name, _ in flagged)
    yield "\nflagged: " + ", ".join(f"{name} in {count:,}" for name, count in counts.most_common())
    for number, name, sentence in flagged[:ROWS_TOLD]:
        yield f"  row {number}, {name}: {cell(sentence)}"
    if len(flagged) > ROWS_TOLD:
        yield f"  and {len(flagged) - ROWS_TOLD:,} more, all of them with --json"


def _lines(file: Path) -> Iterator[str]:
    try:
        if file == STDIN:
            yield from _decoded(sys.stdin.buffer, "standard input")
        else:
            with file.open("rb") as opened:
                yield from _decoded(opened, str(file))
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror})", "name a file of JSON lines") from error


def _decoded(lines: Any, name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{name}, line {number} is not UTF-8 text", "save the file as UTF-8") from error
