"""`workbench compare`: what people preferred on the Compare screen, counted, and as data to train on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from store.errors import BadInput, Conflict
from store.files import write_atomic
from store.preferences import Vote, pairs
from workbench.cli import figures
from workbench.cli.output import Column, cell, table
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluation.wins import Duel, duels

model_option = click.option("--model", metavar="M", help="Only answers of this base and its adapters.")


@click.group()
def command() -> None:
    """Which answers were found better, blindly, on the Compare screen (its key b)."""


@command.command()
@model_option
@json_option
@pass_session
def votes(session: Session, model: str | None) -> None:
    """Count the votes for every two systems that answered together.

    A share is that of the votes which decided between the two, with Wilson's 95 % interval.
    """
    with session.open_store() as store:
        found = store.preferences.list(model)
    counted = duels(found)
    session.show({"duels": counted, "votes": found}, _counted(counted) + _listed(found))


@command.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.jsonl")
@model_option
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
@pass_session
def export(session: Session, file: Path, model: str | None, force: bool) -> None:
    """Write the votes as preference data: a line of prompt, chosen and rejected for each answer beaten."""
    with session.open_store() as store:
        rows = list(pairs(store.preferences.list(model)))
    if not rows:
        raise BadInput("no vote has decided between two answers yet", "press b on the Compare screen")
    if file.exists() and not force:
        raise Conflict(f"{file} is there already", "name another file, or write over it with --force")
    write_atomic(file, "".join(json.dumps(row) + "\n" for row in rows))
    session.show({"file": str(file), "rows": len(rows)}, f"wrote {len(rows)} rows to {cell(file)}")


@command.command()
@click.argument("vote", metavar="VOTE")
@json_option
@pass_session
def remove(session: Session, vote: str) -> None:
    """Take a vote back."""
    with session.open_store() as store:
        store.preferences.remove(vote)
    session.show({"removed": vote}, f"removed vote {cell(vote)}")


def _counted(found: Sequence[Duel]) -> str:
    columns = [
        Column("BASE MODEL", lambda duel: cell(duel.model), shrinks=True),
        Column("PREFERRED", lambda duel: cell(_named(duel.first)), shrinks=True),
        Column("OVER", lambda duel: cell(_named(duel.second)), shrinks=True),
        Column("WINS", lambda duel: str(duel.wins), right=True),
        Column("LOSSES", lambda duel: str(duel.losses), right=True),
        Column("TIES", lambda duel: str(duel.ties), right=True),
        Column("SHARE", _share, right=True),
    ]
    return table(columns, found, empty="no votes yet: press b on the Compare screen, then a, then v")


def _listed(found: Sequence[Vote]) -> str:
    if not found:
        return ""
    columns = [
        Column("VOTE", lambda vote: vote.id),
        Column("BETTER", lambda vote: cell(_winner(vote)), shrinks=True),
        Column("OF", lambda vote: cell(", ".join(_named(each.system) for each in vote.candidates))),
        Column("PROMPT", lambda vote: cell(vote.prompt, 60), shrinks=True),
        Column("WHEN", lambda vote: figures.ago(vote.created), right=True),
    ]
    return "\n\n" + table(columns, found, empty="")


def _named(system: str | None) -> str:
    return "base" if system is None else system


def _winner(vote: Vote) -> str:
    return "equal" if vote.winner is None else _named(vote.candidates[vote.winner].system)


def _share(duel: Duel) -> str:
    if duel.share is None or duel.interval is None:
        return "-"
    return f"{duel.share:.0%} ({duel.interval.low:.0%} to {duel.interval.high:.0%})"
