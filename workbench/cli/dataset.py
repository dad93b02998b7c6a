"""`workbench dataset`: datasets of the store."""

from __future__ import annotations

import json
from typing import Any, get_args

import click

from store.datasets import Dataset
from store.rows import OnBad
from workbench.cli import figures
from workbench.cli.column_text import SAMPLE_ROWS, statistics_text
from workbench.cli.output import Column, cell, facts, jsonable, note, table, warn
from workbench.cli.progress import Line
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session
from workbench.text import clean

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
COLUMNS = (
    Column("NAME", lambda dataset: cell(dataset.name)),
    Column("FORMAT", lambda dataset: cell(dataset.format)),
    Column("ROWS", lambda dataset: f"{dataset.rows:,}", right=True),
    Column("SPLITS", lambda dataset: _splits(dataset), shrinks=True),
    Column("COLUMNS", lambda dataset: cell(", ".join(dataset.columns)), shrinks=True),
    Column("SIZE", lambda dataset: figures.size(dataset.bytes), right=True),
    Column("ADDED", lambda dataset: figures.ago(dataset.created), right=True),
)


@click.group()
def command() -> None: ...


@command.command()
@click.argument("source")
@click.option("--name", metavar="N", help="Its name in the store; otherwise the file's own.")
@click.option("--split", metavar="S", help="The split these rows are, or the only one to take: train, test …")
@click.option("--revision", metavar="R", help="Branch, tag or commit of a Hub dataset.")
@click.option("--config", metavar="C", help="The configuration to take, where the source has several.")
@click.option(
    "--on-bad",
    type=click.Choice(get_args(OnBad)),
    default="refuse",
    show_default=True,
    help="With lines that cannot be read: refuse the file, or skip and list them.",
)
@json_option
@pass_session
def add(
    session: Session,
    source: str,
    name: str | None,
    split: str | None,
    revision: str | None,
    config: str | None,
    on_bad: OnBad,
) -> None:
    """Bring in a dataset: a file, a folder of files by split, or a dataset of the Hub (owner/name).

    Files are JSONL, JSON, CSV, TSV, text, Parquet or Arrow, also compressed (.gz .bz2 .xz .zst); a folder may
    be one of save_to_disk. A file added under an existing name with a new --split extends that dataset.
    """
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        dataset = store.datasets.add(
            source,
            name=name,
            split=split,
            on_bad=on_bad,
            revision=revision,
            config=config,
            progress=lambda rows: line.write(f"{rows:,} rows read"),
            tell=lambda text: line.write(clean(text)),
        )
    if dataset.bad_lines and not session.as_json:
        count = f"{dataset.bad_lines:,}"
        note(f"left out {count} bad lines, listed by: workbench dataset show {cell(dataset.name)}")
    session.show(_document(dataset), f"added dataset {cell(dataset.name)}: {_splits(dataset)}")


@command.command("list")
@json_option
@pass_session
def list_datasets(session: Session) -> None:
    """List the datasets."""
    with session.open_store() as store:
        datasets, left_out = store.datasets.list(), store.datasets.left_out()
    session.show(
        [_document(dataset) for dataset in datasets],
        table(COLUMNS, datasets, empty="no datasets yet: workbench dataset add FILE"),
    )
    warn(left_out)


@command.command()
@click.argument("name")
@click.option("--split", metavar="S", help="The split to describe; otherwise all of them.")
@click.option("--full", is_flag=True, help=f"Read every row, not a sample of {SAMPLE_ROWS:,}.")
@json_option
@pass_session
def show(session: Session, name: str, split: str | None, full: bool) -> None:
    """Show one dataset: splits, figures of every column, and the lines that could not be read."""
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        dataset = store.datasets.get(name)
        bad_lines = store.datasets.bad_lines(name)
        statistics = store.datasets.statistics(
            name,
            split,
            limit=None if full else SAMPLE_ROWS,
            progress=lambda rows: line.write(f"{rows:,} rows read"),
        )
    document = {**_document(dataset), "bad": bad_lines, "statistics": statistics}
    bad = [("bad line", cell(f"{bad.file}:{bad.line}: {bad.reason}")) for bad in bad_lines[:20]]
    session.show(document, f"{facts(_described(dataset) + bad)}\n\n{statistics_text(statistics)}")


@command.command()
@click.argument("name")
@click.option(
    "-n", "--rows", "count", type=click.IntRange(1), default=5, show_default=True, help="How many rows."
)
@click.option("--split", metavar="S", help="The split to read; otherwise the first.")
@click.option("--start", type=click.IntRange(0), default=0, help="The number of the first row, from 0.")
@click.option("--find", "text", metavar="TEXT", help="Only rows that contain this, whatever the case.")
@json_option
@pass_session
def head(session: Session, name: str, count: int, split: str | None, start: int, text: str | None) -> None:
    """Show the first rows of a dataset, or those that contain a text.

    With --find, --json prints objects with the number of each row and the row.
    """
    with session.open_store() as store:
        chosen = split or next(iter(store.datasets.get(name).splits))
        if text is None:
            found = list(enumerate(store.datasets.rows(name, chosen, start, count), start=start))
        else:
            found = store.datasets.find(name, chosen, text, start, count).matches
    document = [row if text is None else {"index": number, "row": row} for number, row in found]
    nothing = "no such row" if text is None else f"no row of {cell(chosen)} contains that text"
    session.show(document, "\n\n".join(_row_text(number, row) for number, row in found) or nothing)


@command.command("split")
@click.argument("name")
@click.option("--test", type=SHARE, metavar="X", help="The share of rows for a split `test`, as 0.1.")
@click.option("--validation", type=SHARE, metavar="X", help="The share of rows for a split `validation`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes another division.")
@click.option(
    "--from", "source", metavar="S", default="train", show_default=True, help="The split to divide."
)
@click.option("--by", multiple=True, metavar="COLUMN", help="Keep rows together that are equal in it.")
@click.option("--undo", is_flag=True, help="Take the last division back.")
@json_option
@pass_session
def split_dataset(
    session: Session,
    name: str,
    test: float | None,
    validation: float | None,
    seed: int,
    source: str,
    by: tuple[str, ...],
    undo: bool,
) -> None:
    """Divide a split in two or three; equal rows stay on one side, so that nothing leaks.

    Rows are equal when they differ only in white space and the case of letters. The division depends on the
    rows and the seed, not on their order; the files that were added stay as they are.
    """
    given = {"validation": validation, "test": test}
    shares = {split: share for split, share in given.items() if share is not None}
    if undo == bool(shares):
        raise click.UsageError("give --test, --validation or both; or --undo alone")
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        if undo:
            whole = store.datasets.unsplit(name)
            session.show(_document(whole), f"took the division of {cell(name)} back: {_splits(whole)}")
            return
        division = store.datasets.split(
            name,
            shares,
            seed=seed,
            source=source,
            by=by,
            progress=lambda rows: line.write(f"{rows:,} rows read"),
        )
    document = {
        **_document(division.dataset),
        "different_rows": division.groups,
        "duplicates": division.duplicates,
    }
    kept = f"; {division.duplicates:,} duplicates stay with their likes" if division.duplicates else ""
    session.show(document, f"divided {cell(name)}: {_splits(division.dataset)}{kept}")


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a dataset and its files from the store."""
    with session.open_store() as store:
        store.datasets.remove(name)
        show_removed(session, store, "dataset", name, name)


def _document(dataset: Dataset) -> dict[str, Any]:
    document: dict[str, Any] = jsonable(dataset)
    return {**document, "rows": dataset.rows}


def _splits(dataset: Dataset) -> str:
    return cell(", ".join(f"{split} {rows:,}" for split, rows in dataset.splits.items()))


def _described(dataset: Dataset) -> list[tuple[str, str]]:
    return [
        ("name", cell(dataset.name)),
        ("format", cell(dataset.format)),
        ("rows", f"{dataset.rows:,}"),
        ("splits", _splits(dataset)),
        ("columns", cell(", ".join(dataset.columns), limit=2000)),
        ("size", figures.size(dataset.bytes)),
        ("bad lines", f"{dataset.bad_lines:,}"),
        ("source", cell(dataset.source)),
        ("fingerprint", cell(dataset.fingerprint)),
        ("folder", cell(dataset.path)),
        ("added", figures.ago(dataset.created)),
    ]


def _row_text(number: int, row: dict[str, Any]) -> str:
    return f"row {number}\n" + facts((f"  {cell(key)}", _value_text(value)) for key, value in row.items())


def _value_text(value: Any) -> str:
    return cell(value if isinstance(value, str) else json.dumps(value, default=str), limit=500)
