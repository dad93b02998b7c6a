"""`workbench score`: predictions of a file against their references, and against another system's."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

import click

from store.errors import BadInput
from workbench.cli import score_report, score_text
from workbench.cli.output import jsonable, print_json, print_piece, print_text
from workbench.cli.progress import Line
from workbench.cli.score_rows import STDIN, name_of, names_of, rows_of
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluation import bleu, comparison, pages
from workbench.evaluation.meters import DEFAULT_METRICS, METRICS, Choices
from workbench.evaluation.report import Scorer
from workbench.evaluation.rows import Row
from workbench.evaluation.significance import SEEDS

SPOOLED_BYTES = 16_000_000
PIECE_CHARACTERS = 1 << 16
Sides = tuple[Sequence[Path], Sequence[Path]]
"""The files of the baseline's runs and of the system's."""


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE|-",
)
@click.option(
    "--against",
    "baselines",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another system's predictions of the same rows: by how much FILE differs, and how sure that is. "
    "Several files of each are runs with other seeds.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(METRICS),
    help="Only this; may be repeated. ROUGE and BLEU otherwise.",
)
@click.option("--tokens", is_flag=True, help="Say for each token what it earned (with --json).")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE", help="Write a report: .html, .md or .json."
)
@click.option("--stemmer", is_flag=True, help="ROUGE compares stems of words (Porter).")
@click.option(
    "--tokenize",
    type=click.Choice(bleu.TOKENIZERS),
    default="13a",
    show_default=True,
    help="BLEU's tokenizer.",
)
@click.option("--lowercase", is_flag=True, help="BLEU and chrF ignore case.")
@click.option(
    "--smooth",
    type=click.Choice(bleu.SMOOTHINGS),
    default="exp",
    show_default=True,
    help="What BLEU takes for the precision of an order without a match.",
)
@click.option(
    "--smooth-value",
    type=click.FloatRange(min=0),
    metavar="X",
    help="What floor and add-k add [default: 0.1 and 1].",
)
@click.option(
    "--effective-order",
    type=click.Choice(bleu.EFFECTIVE_ORDERS),
    default="rows",
    show_default=True,
    help="Where BLEU leaves out orders that a text is too short for.",
)
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    default=SEEDS,
    show_default=True,
    help="Of the resampling of --against; may be repeated.",
)
@json_option
@pass_session
def command(
    session: Session,
    /,
    files: tuple[Path, ...],
    baselines: tuple[Path, ...],
    report: Path | None,
    seeds: tuple[int, ...],
    metrics: tuple[str, ...],
    tokens: bool,
    stemmer: bool,
    **options: Any,
) -> None:
    """Score predictions against references: ROUGE as rouge-score has it, BLEU, chrF and TER as sacrebleu.

    FILE holds one JSON object a line, {"prediction": ..., "reference": ...} or "references": [...]; a dash
    is standard input. "source", "truncated" and, for perplexity, "log_likelihood" with "tokens" are used
    where they are there.
    """
    choices = Choices(metrics or DEFAULT_METRICS, tokens, stemmer, bleu.Options(**options))
    score_report.check(report)
    if baselines:
        _compare(session, (baselines, files), choices, seeds, report)
    elif len(files) == 1:
        _score(session, files[0], choices, report)
    else:
        raise BadInput(
            "several files are runs of one system", "name another's by --against, or score one file"
        )


def _score(session: Session, file: Path, choices: Choices, report: Path | None) -> None:
    scorer, odd, poorest = Scorer(choices), score_text.OddRows(), pages.Poorest()
    # Rows wait in a file: a fault in the last of a million must leave one document on stdout, the error's.
    with tempfile.SpooledTemporaryFile(SPOOLED_BYTES, "w+", encoding="ascii", newline="") as spool:
        with Line(quiet=session.as_json) as line:
            for row in rows_of(file, line):
                document = scorer.add(row)
                odd.add(scorer.rows, document["signals"])
                if report is not None:
                    poorest.add(scorer.rows, row, document)
                if session.as_json:
                    spool.write(", " if scorer.rows > 1 else "")
                    spool.write(json.dumps(jsonable(document), allow_nan=False))
        totals = scorer.totals()
        if report is not None:
            page = pages.score_page(name_of(file), scorer.rows, totals, poorest, choices)
            score_report.write(report, page, {**totals, "rows": score_report.shown(poorest)})
        if session.as_json:
            _print_document(spool, totals)
        else:
            print_text(score_text.corpus(totals, scorer.rows, odd))


def _print_document(spool: IO[str], totals: Mapping[str, Any]) -> None:
    """Print the rows that were put aside and what is said of all, as one document."""
    print_piece('{"rows": [')
    spool.seek(0)
    while piece := spool.read(PIECE_CHARACTERS):
        print_piece(piece)
    print_text(f"], {json.dumps(jsonable(totals), allow_nan=False)[1:]}")


def _compare(
    session: Session, files: Sides, choices: Choices, seeds: tuple[int, ...], report: Path | None
) -> None:
    if STDIN in (*files[0], *files[1]):
        raise BadInput("two systems are read twice, which standard input cannot be", "name two files")
    if len(files[0]) != len(files[1]):
        numbers = f"{len(files[1])} runs against {len(files[0])}"
        raise BadInput(f"{numbers} cannot be compared", "give as many files of one system as of the other")
    with Line(quiet=session.as_json) as line:
        rounds = 0

        def tell(done: int, total: int) -> None:
            nonlocal rounds
            rounds += done == 0
            line.write(f"resampled {done:,} of {total:,} times, seed {rounds} of {len(seeds)}")

        found = comparison.compare(_pairs(files, line), choices, seeds, tell)
    deciding = score_report.deciding(found)
    rows = {number: pair for number, pair in enumerate(_pairs(files, None), 1) if number in deciding}
    names = names_of(files)
    document = score_report.comparison(names, found, rows)
    if report is not None:
        score_report.write(report, pages.comparison_page(names, found, rows, choices), document)
    if session.as_json:
        print_json(document)
    else:
        print_text(score_text.comparison(found, names, rows))


def _pairs(files: Sides, line: Line | None) -> Iterator[tuple[Sequence[Row], Sequence[Row]]]:
    """The rows of all files side by side.

    Raises:
        BadInput: One has more rows than another.
    """
    flat = [*files[0], *files[1]]
    for rows in zip_longest(*[_named(file, None if at else line) for at, file in enumerate(flat)]):
        if None in rows:
            shorter = flat[rows.index(None)]
            longer = next(file for file, row in zip(flat, rows, strict=True) if row is not None)
            raise BadInput(f"{longer} has more rows than {shorter}", "score the same rows of both")
        yield rows[: len(files[0])], rows[len(files[0]) :]


def _named(file: Path, line: Line | None) -> Iterator[Row]:
    """A file's rows, whose faults tell which of the two files has them."""
    try:
        yield from rows_of(file, line)
    except BadInput as error:
        what = error.what if str(file) in error.what else f"{file}: {error.what}"
        raise BadInput(what, error.remedy) from error
