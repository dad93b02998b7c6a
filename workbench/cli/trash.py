"""`workbench trash`: what was removed, taken back or deleted for good."""

from __future__ import annotations

import time

import click

from store.trash import Trashed
from workbench.cli.figures import size
from workbench.cli.output import Column, cell, table
from workbench.cli.removing import trash_days
from workbench.cli.session import Session, json_option, pass_session


@click.group()
def command() -> None:
    """What was removed from the store lies here for a while (`[store] trash_days`), and can be taken back."""


@command.command("list")
@json_option
@pass_session
def list_(session: Session) -> None:
    """List what can be taken back, what was removed last first."""
    days = trash_days()
    with session.open_store() as store:
        store.trash.expire(days)
        found = store.trash.list()
    columns = [
        Column("ID", lambda each: each.id),
        Column("WHAT", lambda each: each.noun),
        Column("NAME", lambda each: cell(each.name), shrinks=True),
        Column("SIZE", lambda each: size(each.bytes)),
        Column("DELETED IN", lambda each: _left(each, days)),
    ]
    session.show(found, table(columns, found, empty="the trash is empty"))


@command.command()
@click.argument("identifier", metavar="[ID]", required=False)
@json_option
@pass_session
def restore(session: Session, identifier: str | None) -> None:
    """Take something back by its id of `trash list`; without one, what was removed last."""
    with session.open_store() as store:
        back = store.trash.restore(identifier)
    session.show(back, f"{cell(back.title)} {'is' if back.count == 1 else 'are'} back")


@command.command()
@json_option
@pass_session
def empty(session: Session) -> None:
    """Delete everything in the trash for good, and with it free its space on the disk."""
    with session.open_store() as store:
        gone = store.trash.empty()
    freed = sum(each.bytes for each in gone)
    things = "1 thing" if len(gone) == 1 else f"{len(gone)} things"
    session.show({"deleted": gone, "bytes": freed}, f"deleted {things}, {size(freed)}")


def _left(each: Trashed, days: int) -> str:
    hours = max((each.removed + days * 86_400 - time.time()) / 3600, 0)
    return f"{hours / 24:.0f} days" if hours >= 36 else f"{hours:.0f} hours"
