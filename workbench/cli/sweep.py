"""`workbench run sweep` and `sweep-results`: many runs from one file, and which of them came out best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from store.runs import Run
from workbench.cli import figures
from workbench.cli.following import run_document
from workbench.cli.output import Column, cell, jsonable, note, status, table
from workbench.cli.queueing import places, priority_option
from workbench.cli.session import Session, json_option, pass_session
from workbench.runs import sweep as sweeps
from workbench.runs.launch import attend
from workbench.runs.sweep import Result, Sweep
from workbench.text import visible


@click.command("sweep")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
@priority_option
@json_option
@pass_session
def start_sweep(session: Session, file: Path, priority: int) -> None:
    """Queue a run for every combination of a file's table [sweep].

    FILE.toml is a run file with a table [sweep]: keys with lists of values make a grid. With search =
    "random" and a count, values are drawn from lists and from ranges {min, max, log}. Everything is checked
    before the first run is queued.
    """
    read = sweeps.read_sweep(file)
    with session.open_store() as store:
        warnings: list[str] = []
        runs = sweeps.submit(store, read, warnings.append, priority=priority)
        if not session.as_json:
            for warning in warnings:
                note(f"warning: {visible(warning)}")
        waiting = places(store)
        documents = [run_document(store, run, waiting) for run in runs] if session.as_json else []
    name = runs[0].sweep
    session.show(
        {"sweep": name, "runs": documents, "trials": jsonable(read.trials), "warnings": warnings},
        f"{_started(runs, read)}\n{len(runs)} runs queued; "
        f"see what came of them with: workbench run sweep-results {cell(name)}",
    )


@click.command("sweep-results")
@click.argument("name", metavar="NAME")
@json_option
@pass_session
def sweep_results(session: Session, name: str) -> None:
    """Show what came of a sweep's runs, the lowest validation loss (else training loss) first."""
    with session.open_store() as store:
        attend(store)
        found = sweeps.results(store, name)
    session.show({"sweep": name, "results": [_document(result) for result in found]}, _results(found))


def _started(runs: list[Run], read: Sweep) -> str:
    columns = [
        Column("RUN", lambda row: cell(row[0].id)),
        Column("NAME", lambda row: cell(row[0].name), shrinks=True),
        *(_varied(key, lambda row: row[1]) for key in read.trials[0]),
    ]
    return table(columns, zip(runs, read.trials, strict=True), empty="nothing was queued")


def _results(found: list[Result]) -> str:
    columns = [
        Column("RUN", lambda result: cell(result.run.id)),
        Column("STATUS", lambda result: status(result.run.status)),
        *(_varied(key, lambda result: result.varied) for key in found[0].varied),
        Column("EVAL LOSS", lambda result: figures.value(result.eval_loss), right=True),
        Column("LOSS", lambda result: figures.value(result.loss), right=True),
        Column("ADAPTER", lambda result: cell(result.run.adapter), shrinks=True),
    ]
    return table(columns, found, empty="no runs")


def _varied(key: str, values: Callable[[Any], dict[str, Any]]) -> Column:
    return Column(cell(key), lambda item: _value(values(item).get(key)), right=True)


def _document(result: Result) -> dict[str, Any]:
    run = result.run
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "varied": jsonable(result.varied),
        "eval_loss": jsonable(result.eval_loss),
        "loss": jsonable(result.loss),
        "adapter": run.adapter,
        "error": run.error,
    }


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return cell(",".join(map(str, value)))
    return cell(f"{value:g}" if isinstance(value, float) else value)
