"""`workbench dataset`: datasets of the store."""

from __future__ import annotations

import json
from typing import Any, get_args

import click

from store.datasets import Dataset
from store.rows import OnBad
from workbench.cli import figures
from workbench.cli.output import Column, cell, facts, jsonable, note, table
from workbench.cli.progress import Line
from workbench.cli.session import Session, json_option, pass_session

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
@click.option("--split", metavar="S", help="The split these rows are: train, validation, test …")
@click.option(
    "--on-bad",
    type=click.Choice(get_args(OnBad)),
    default="refuse",
    show_default=True,
    help="With lines that cannot be read: refuse the file, or skip and list them.",
)
@json_option
@pass_session
def add(session: Session, source: str, name: str | None, split: str | None, on_bad: OnBad) -> None:
    """Bring in a dataset: a JSONL, JSON, CSV, TSV, Parquet or text file, or a folder of such files by split.

    A file added under an existing name with a new --split extends that dataset.
    """
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        dataset = store.datasets.add(
            source,
            name=name,
            split=split,
            on_bad=on_bad,
            progress=lambda rows: line.write(f"{rows:,} rows read"),
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
        datasets = store.datasets.list()
    session.show(
        [_document(dataset) for dataset in datasets],
        table(COLUMNS, datasets, empty="no datasets yet: workbench dataset add FILE"),
    )


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show one dataset: columns, splits, and the lines that could not be read."""
    with session.open_store() as store:
        dataset = store.datasets.get(name)
        bad_lines = store.datasets.bad_lines(name)
    document = {**_document(dataset), "bad": bad_lines}
    bad = [("bad line", cell(f"{bad.file}:{bad.line}: {bad.reason}")) for bad in bad_lines[:20]]
    session.show(document, facts(_described(dataset) + bad))


@command.command()
@click.argument("name")
@click.option(
    "-n", "--rows", "count", type=click.IntRange(1), default=5, show_default=True, help="How many rows."
)
@click.option("--split", metavar="S", help="The split to read; otherwise the first.")
@json_option
@pass_session
def head(session: Session, name: str, count: int, split: str | None) -> None:
    """Show the first rows of a dataset."""
    with session.open_store() as store:
        rows = list(store.datasets.rows(name, split, 0, count))
    session.show(rows, "\n\n".join(_row_text(number, row) for number, row in enumerate(rows)))


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a dataset and its files from the store."""
    with session.open_store() as store:
        store.datasets.remove(name)
    session.show({"removed": name}, f"removed dataset {cell(name)}")


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
