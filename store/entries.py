"""A named record with a folder: both enter the store or neither does, and both leave it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.db import write
from store.errors import Conflict
from store.files import publish, seal
from store.trash import bury, exhume
from store.trashed_runs import KEPT_RUNS

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
        lineage = "case when json_valid(lineage) then lineage else '{}' end"  # anybody may have written it
        named = f"({named} or exists (select 1 from json_each({lineage}, '$.tasks') where {told}))"  # noqa: S608
    waiting = f"{named} and status in ('queued', 'starting', 'running', 'paused') and id {KEPT_RUNS}"
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


def drop(db: Database, noun: Noun, name: str, folder: Path | None, root: Path) -> None:
    """Remove a record and its folder (or file), where it has one: both go into the trash, or neither does.

    Raises:
        Conflict: a run that is queued or going on needs it.
    """
    number = 0
    try:
        with write(db):
            check_unused(db, noun, name)
            record = {
                table: row
                for table, named in _tables(noun)
                for row in db.table(table).rows_where(named, [name])
            }
            db.execute(f"delete from {noun}s where name = ?", [name])  # noqa: S608 (one of our nouns)
            files = folder if folder is not None and folder.exists() else None
            number = bury(db, root, noun, name, record, files)
    except BaseException:
        if number and folder is not None:
            exhume(root, number, noun, folder)
        raise


def _tables(noun: Noun) -> list[tuple[str, str]]:
    """Where the rows of a record stand, and by what: a model's engine goes and comes with it."""
    return [(f"{noun}s", "name = ?"), *([("engines", "model = ?")] if noun == "model" else [])]
