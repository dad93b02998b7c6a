"""`workbench inbox`: register what lies in the store's inbox now."""

from __future__ import annotations

import time

import click

from store.inbox import QUIET_SECONDS, Taken, take_in, waiting
from workbench.cli.output import Column, cell, table
from workbench.cli.progress import Line
from workbench.cli.session import Session, json_option, pass_session
from workbench.text import clean

COLUMNS = (
    Column("ENTRY", lambda taken: cell(taken.entry), shrinks=True),
    Column("BECAME", lambda taken: f"{taken.noun} {cell(taken.name)}" if taken.name else "not taken"),
    Column("WHY", lambda taken: cell(taken.error), shrinks=True),
)


@click.command()
@json_option
@pass_session
def command(session: Session) -> None:
    """Register what lies in the store's inbox folder: data files, dataset and adapter folders, templates.

    What was taken leaves the inbox; beside what cannot be taken a note says why. Files that are still being
    written are left for the next time. The screens do this by themselves.
    """
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        inbox = store.root / "inbox"

        def progress(entry: str, rows: int) -> None:
            line.write(f"{clean(entry)}: {rows:,} rows read")

        taken = take_in(store, progress=progress)
        if waiting(store.root):  # what was dropped a moment ago is quiet a moment later
            time.sleep(QUIET_SECONDS + 0.1)
            taken += take_in(store, progress=progress)
        left = waiting(store.root)
    document = {"inbox": inbox, "taken": taken, "waiting": left}
    session.show(document, _text(taken, left, cell(inbox)))


def _text(taken: list[Taken], left: list[str], inbox: str) -> str:
    lines = [table(COLUMNS, taken, empty=f"nothing to take; drop a data file or a folder into {inbox}")]
    return "\n".join(lines + [f"still being written: {cell(entry)}" for entry in left])
