"""`workbench run prioritise`, and a run's place in the queue wherever runs are told."""

from __future__ import annotations

from collections.abc import Mapping

import click

from store import Store
from workbench.cli.output import cell
from workbench.cli.session import Session, json_option, pass_session
from workbench.runs import slots

MOST = 1_000_000

priority_option = click.option(
    "--priority",
    type=click.IntRange(-MOST, MOST),
    default=0,
    metavar="N",
    help="A run of a higher priority starts first; of equal ones the oldest [default: 0].",
)


def places(store: Store) -> Mapping[str, int]:
    """The place of each queued run, the next one's is 1, by run id."""
    return {run_id: before + 1 for run_id, before in slots.places(store.runs.list("queued")).items()}


@click.command()
@click.argument("run", metavar="R")
@click.argument("priority", type=click.IntRange(-MOST, MOST), metavar="N")
@json_option
@pass_session
def prioritise(session: Session, run: str, priority: int) -> None:
    """Give a waiting run another priority: a higher one starts first, of equal ones the oldest.

    A negative one is written after two dashes: workbench run prioritise R -- -1
    """
    with session.open_store() as store:
        found = store.runs.prioritise(store.runs.get(run).id, priority)
        place = places(store).get(found.id)
    where = f", number {place} of the queue" if place else ""
    document = {"id": found.id, "priority": found.priority, "queue_place": place}
    session.show(document, f"run {cell(found.id)} ({cell(found.name)}) has priority {priority}{where}")
