"""`workbench mixture`: sets of tasks to train on together, and what share of the training each gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from store.mixtures import Mixture
from workbench.cli.mixture_text import share_table
from workbench.cli.output import Column, cell, facts, note, table
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session
from workbench.composing import mixing, tasks

COLUMNS = (
    Column("NAME", lambda mixture: cell(mixture.name)),
    Column("MIXING", lambda mixture: _mixing(mixture)),
    Column("TASKS", lambda mixture: str(len(mixture.tasks)), right=True),
    Column("SEED", lambda mixture: str(mixture.seed), right=True),
    Column("HASH", lambda mixture: mixture.hash[:12]),
)


@click.group()
def command() -> None: ...


@command.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
@click.option("--name", metavar="N", help="Its name in the store; otherwise the file's own.")
@json_option
@pass_session
def add(session: Session, file: Path, name: str | None) -> None:
    """Bring in a mixture: a TOML file with [[tasks]] tables of dataset, template and weight.

    Above them may stand mixing = "proportional", "temperature" or "fixed", cap, temperature and seed.
    """
    with session.open_store() as store:
        mixture = store.mixtures.add(file, name=name)
        parts = tasks.measure(store, mixture.name, None, None)
    missing = sum(part.fault is not None for part in parts)
    if missing and not session.as_json:
        note(f"not whole yet, {missing} of its tasks: workbench mixture show {cell(mixture.name)}")
    count = f"{len(mixture.tasks)} task" + "s" * (len(mixture.tasks) != 1)
    document = {**_document(mixture), "complete": not missing}
    session.show(document, f"added mixture {cell(mixture.name)}: {count}, {_mixing(mixture)}")


@command.command("list")
@json_option
@pass_session
def list_mixtures(session: Session) -> None:
    """List the mixtures."""
    with session.open_store() as store:
        mixtures, faults = store.mixtures.list(), store.mixtures.faults()
    for fault in faults.values():
        note(cell(fault, limit=500))
    empty = "no mixtures yet: workbench mixture add FILE.toml"
    session.show([_document(mixture) for mixture in mixtures], table(COLUMNS, mixtures, empty=empty))


@command.command()
@click.argument("name")
@click.option("--model", metavar="M", help="Reckon the shares of the tokens too, as this model has them.")
@click.option("--max-length", type=click.IntRange(2), metavar="N", help="Most tokens of a row, with --model.")
@json_option
@pass_session
def show(session: Session, name: str, model: str | None, max_length: int | None) -> None:
    """Show a mixture: each task's rows and its share of the examples and, with --model, of the tokens."""
    with session.open_store() as store:
        mixture = store.mixtures.get(name)
        parts = tasks.measure(store, name, model, max_length)
        path = store.mixtures.path(name)
        text = store.mixtures.text(name)
    rows = [part.rows for part in parts if part.rows is not None]
    one_pass = mixing.epoch_rows(mixture, rows)
    document = {
        **_document(mixture),
        "complete": len(rows) == len(parts),
        "epoch_rows": one_pass,
        "model": model,
        "tasks": parts,
        "path": path,
        "text": text,
    }
    session.show(document, f"{facts(_described(mixture, len(rows), one_pass))}\n\n{share_table(parts)}")


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a mixture and its file from the store; its datasets and templates stay."""
    with session.open_store() as store:
        store.mixtures.remove(name)
        show_removed(session, store, "mixture", name, name)


def _document(mixture: Mixture) -> dict[str, Any]:
    return {
        "name": mixture.name,
        "mixing": mixture.mixing,
        "cap": mixture.cap,
        "temperature": mixture.temperature,
        "seed": mixture.seed,
        "hash": mixture.hash,
        "tasks": list(mixture.tasks),
    }


def _mixing(mixture: Mixture) -> str:
    """Write the rule: a cap and a temperature only where they decide something."""
    parts: list[str] = [mixture.mixing]
    if mixture.mixing == "temperature":
        parts[0] += f" {mixture.temperature:g}"
    if mixture.cap is not None and mixture.mixing != "fixed":
        parts.append(f"cap {mixture.cap:,}")
    return ", ".join(parts)


def _described(mixture: Mixture, whole: int, one_pass: int) -> list[tuple[str, str]]:
    capped = f", counted up to {mixture.cap:,} of each" if mixture.cap is not None else ""
    of = "" if whole == len(mixture.tasks) else f" of the {whole} tasks that are whole"
    return [
        ("name", cell(mixture.name)),
        ("mixing", _mixing(mixture)),
        ("one pass", f"{one_pass:,} examples: as many as there are rows{of}{capped}"),
        ("order", f"seed {mixture.seed}; the same seed gives the same order, also after a resume"),
        ("hash", cell(mixture.hash)),
    ]
