"""A named record with a folder: both enter the store or neither does, and both leave it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.db import write
from store.errors import Conflict
from store.files import publish, seal, staging, sync

if TYPE_CHECKING:
    from sqlite_utils import Database

Noun = Literal["model", "dataset", "template", "mixture", "adapter"]
CARD = "card.json"


def is_known(db: Database, noun: Noun, name: str) -> bool:
    """Tell whether the catalog has a record of that name."""
    return bool(db.table(f"{noun}s").count_where("name = ?", [name]))


def check_free(db: Database, noun: Noun, name: str) -> None:
    """Refuse a name that is taken.

    Raises:
        Conflict: the catalog has it.
    """
    if is_known(db, noun, name):
        raise Conflict(
            f"the name {name!r} is taken by another {noun}",
            f"choose another --name, or `workbench {noun} remove {name}`",
        )


def check_unused(db: Database, noun: Noun, name: str) -> None:
    """Refuse to take away what a queued or live run needs.

    Raises:
        Conflict: such a run exists.
    """
    named = f"{noun} = ?"
    if noun in ("dataset", "template"):  # a run on a mixture needs those of all its tasks
        told = f"json_extract(value, '$.{noun}.name') = ?"
        named = f"({named} or exists (select 1 from json_each(lineage, '$.tasks') where {told}))"  # noqa: S608
    waiting = f"{named} and status in ('queued', 'starting', 'running', 'paused')"
    for row in db.table("runs").rows_where(waiting, [name] * named.count("?"), limit=1):
        raise Conflict(
            f"{noun} {name!r} is needed by run r{row['id']} ({row['status']})",
            f"wait for it, or `workbench run cancel r{row['id']}` first",
        )


def enter(db: Database, noun: Noun, row: dict[str, Any], staged: Path, target: Path) -> None:
    """Publish a staged folder and enter its record; when the record cannot be kept, neither is the folder.

    Raises:
        Conflict: the name is taken, in the catalog or on the disk.
    """
    seal(staged)  # the slow part, before the lock is taken
    try:
        with write(db):
            check_free(db, noun, row["name"])
            publish(staged, target)
            db.table(f"{noun}s").insert(row)
    except BaseException:
        if not staged.exists():
            target.rename(staged)
        raise


def drop(db: Database, noun: Noun, name: str, folder: Path, root: Path) -> None:
    """Remove a record and its folder (or file): the folder is moved out of sight with it, and deleted after.

    Raises:
        Conflict: a run that is queued or going on needs it.
    """
    with staging(root) as trash:
        gone = trash / folder.name
        try:
            with write(db):
                check_unused(db, noun, name)
                db.execute(f"delete from {noun}s where name = ?", [name])  # noqa: S608 (one of our nouns)
                if folder.exists():
                    folder.rename(gone)
                    sync(folder.parent)
        except BaseException:
            if gone.exists():
                gone.rename(folder)
            raise
