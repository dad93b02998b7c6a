"""`workbench run pause | resume | retry | remove | checkpoints`: what is done with a run that exists."""

from __future__ import annotations

import click

from store.checkpoints import Checkpoint
from store.errors import Conflict
from workbench.cli import figures
from workbench.cli.following import run_document
from workbench.cli.output import Column, cell, note, table
from workbench.cli.removing import show_removed
from workbench.cli.run_text import settings_help, state_text
from workbench.cli.session import Session, json_option, pass_session
from workbench.runs import lifecycle
from workbench.runs.launch import attend
from workbench.runs.options import parse_set
from workbench.text import visible

CHECKPOINT_COLUMNS = (
    Column("STEP", lambda row: str(row.step), right=True),
    Column("VALIDATION", lambda row: figures.value(row.eval_loss), right=True),
    Column("SIZE", lambda row: figures.size(row.bytes), right=True),
    Column("MADE", lambda row: figures.ago(row.created), right=True),
    Column("FOLDER", lambda row: cell(row.path, limit=500)),
)


@click.command()
@click.argument("run", metavar="R")
@json_option
@pass_session
def pause(session: Session, run: str) -> None:
    """Set a run aside: it writes a checkpoint after its step and ends, until it is resumed."""
    with session.open_store() as store:
        found = lifecycle.pause(store, run)
        attend(store)
        found = store.runs.get(found.id)
        document = run_document(store, found)
    done = found.status == "paused"
    session.show(document, f"run {cell(found.id)} is {'paused' if done else 'asked to pause'}")


@click.command(epilog=settings_help())
@click.argument("run", metavar="R")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting from here on; may be repeated.",
)
@json_option
@pass_session
def resume(session: Session, run: str, pairs: tuple[str, ...]) -> None:
    """Let a run go on that is paused, was interrupted or has failed: from its newest checkpoint.

    Its length, its learning rate, what it records and when it saves can be changed; what its checkpoint
    depends on cannot.
    """
    with session.open_store() as store:
        found = lifecycle.resume(store, run, parse_set(pairs))
        document = run_document(store, found)
    session.show(document, state_text(found))


@click.command()
@click.argument("run", metavar="R")
@json_option
@pass_session
def retry(session: Session, run: str) -> None:
    """Start a fresh run of the same specification as one that has ended."""
    with session.open_store() as store:
        warnings: list[str] = []
        found = lifecycle.retry(store, run, warnings.append)
        if not session.as_json:
            for warning in warnings:
                note(f"warning: {visible(warning)}")
        document = {**run_document(store, found), "warnings": warnings}
    session.show(document, state_text(found))


@click.command()
@click.argument("runs", metavar="R…", nargs=-1, required=True)
@json_option
@pass_session
def remove(session: Session, runs: tuple[str, ...]) -> None:
    """Remove runs that have ended or are paused, with checkpoints, metrics and logs; their adapters stay."""
    with session.open_store() as store:
        removed = [run.id for run in lifecycle.remove(store, runs)]
        noun = "run" if len(removed) == 1 else "runs"
        show_removed(session, store, noun, removed, ", ".join(removed))


@click.command()
@click.argument("run", metavar="R")
@click.option("--remove", "step", type=click.IntRange(1), metavar="STEP", help="Remove the one of this step.")
@json_option
@pass_session
def checkpoints(session: Session, run: str, step: int | None) -> None:
    """List a run's checkpoints, newest first, or remove one; each can be tried as an adapter."""
    with session.open_store() as store:
        found = store.runs.get(run)
        if step is not None:
            if found.live:
                raise Conflict(
                    f"run {found.id} is {found.status}: its trainer keeps its checkpoints",
                    f"pause it first: workbench run pause {found.id}",
                )
            store.checkpoints.get(found.id, step)
            store.checkpoints.remove(found.id, step)
        made = store.checkpoints.list(found.id)
    empty = f"run {cell(found.id)} has no checkpoints"
    session.show([_document(each) for each in made], table(CHECKPOINT_COLUMNS, made, empty=empty))


def _document(made: Checkpoint) -> dict[str, object]:
    return {
        "run": made.run,
        "step": made.step,
        "bytes": made.bytes,
        "eval_loss": made.eval_loss,
        "created": made.created,
        "folder": str(made.path),
    }
