"""What was removed and can be taken back: its files are in the trash folder, its record is in the catalog.

Evaluations and runs stay in the catalog, and are hidden there.
"""

from __future__ import annotations

import builtins
import json
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import trashed_runs
from store.db import write
from store.errors import Conflict, NotFound, not_found
from store.files import TRASH, folder_bytes, private_folder, sync, trash_place
from store.trashed_runs import RUNS

if TYPE_CHECKING:
    from sqlite_utils import Database

DAY_SECONDS = 86_400
EVALUATIONS = "evaluation"
"""Their answers stay in the catalog, named in `trashed_evaluations`."""
BLOB = "blob"
"""Names bytes among the values of a record."""
GONE = "gone-"
"""So begins a folder's name from when it is given up on: nothing in it is moved back any more."""


@dataclass(frozen=True)
class Trashed:
    """Something that was removed.

    Args:
        id: its name in the trash.
        noun: what it is.
        name: what it was called.
        bytes: of its files.
        removed: seconds since the epoch.
        count: how many runs it is; 1 of anything else, as of a group of evaluations.
    """

    id: str
    noun: str
    name: str
    bytes: int
    removed: float
    count: int = 1

    @property
    def title(self) -> str:
        """What it is and what it was called."""
        return f"{self.noun if self.count == 1 else f'{self.noun}s'} {self.name}"


class Trash:
    """The trash of one store."""

    def __init__(self, root: Path, db: Database, *, read_only: bool = False) -> None:
        self._root = root
        self._db = db
        self._read_only = read_only

    def list(self) -> builtins.list[Trashed]:
        """Return what can be taken back, what was removed last first."""
        return [self._trashed(row) for row in self._db.table("trash").rows_where(order_by="id desc")]

    def restore(self, id: str | None = None) -> Trashed:
        """Put something back as it was.

        Args:
            id: its name in the trash; what was removed last when left out.
        Raises:
            NotFound: there is no such thing, or nothing at all.
            Conflict: something else has its name meanwhile.
        """
        moved: builtins.list[tuple[Path, Path]] = []
        with write(self._db):  # what is put right stays so where there is nothing to put back
            recover(self._root, self._db)
        try:
            with write(self._db):
                recover(self._root, self._db)
                row = self._get(id)
                record, back = json.loads(row["record"], object_hook=_unpacked), self._trashed(row)
                if row["noun"] == EVALUATIONS:
                    self._db.execute("delete from trashed_evaluations where trash = ?", [row["id"]])
                else:
                    self._enter(row["noun"], row["name"], record)
                    self._move_back(row, moved)
                    trashed_runs.show(self._db, row["id"])
                self._db.table("trash").delete(row["id"])
        except BaseException:
            for home, place in moved:
                home.rename(place)
            raise
        shutil.rmtree(trash_place(self._root, row["id"]), ignore_errors=True)
        return back

    def expire(self, days: float) -> builtins.list[Trashed]:
        """Delete for good what was removed so many days ago; 0 deletes everything.

        Returns:
            What was deleted; nothing in a store that cannot be written.
        """
        return [] if self._read_only else self._delete(time.time() - days * DAY_SECONDS)

    def empty(self) -> builtins.list[Trashed]:
        """Delete everything for good.

        Returns:
            What was deleted.
        Raises:
            Unavailable: the store cannot be written.
        """
        return self._delete(time.time())

    def _delete(self, before: float) -> builtins.list[Trashed]:
        with write(self._db):
            recover(self._root, self._db)
            rows = list(self._db.table("trash").rows_where("removed <= ?", [before]))
            deleted = [self._trashed(row) for row in rows]
            for row in rows:
                self._db.execute(
                    """delete from evaluations
                       where id in (select evaluation from trashed_evaluations where trash = ?)""",
                    [row["id"]],
                )
                trashed_runs.give_up(self._db, row["id"])
                self._db.table("trash").delete(row["id"])
            gone = self._give_up([trash_place(self._root, row["id"]) for row in rows])
        for place in gone:  # the next one does it if this is cut short
            shutil.rmtree(place, ignore_errors=True)
        trashed_runs.purge(self._db, self._root)
        return deleted

    def _give_up(self, places: Iterable[Path]) -> builtins.list[Path]:
        """Rename folders so that none comes back once their rows are gone; until then `recover` undoes it."""
        gone = [place.rename(place.with_name(GONE + place.name)) for place in places if place.exists()]
        if gone:
            sync(self._root / TRASH)
        return gone

    def _get(self, id: str | None) -> dict[str, Any]:
        number = id.removeprefix("t") if id is not None else ""
        where, values = (
            ("id = ?", [int(number) if number.isdecimal() else -1]) if id is not None else ("1", [])
        )
        for row in self._db.table("trash").rows_where(where, values, order_by="id desc", limit=1):
            return dict(row)
        if id is None:
            raise NotFound("the trash is empty", "there is nothing to take back")
        raise not_found("entry of the trash", id, [each.id for each in self.list()])

    def _trashed(self, row: Mapping[str, Any]) -> Trashed:
        runs = self._db.table("trashed_runs").count_where("trash = ?", [row["id"]])
        return Trashed(f"t{row['id']}", row["noun"], row["name"], row["bytes"], row["removed"], max(runs, 1))

    def _enter(self, noun: str, name: str, record: Mapping[str, Any]) -> None:
        if noun != RUNS and self._db.table(f"{noun}s").count_where("name = ?", [name]):
            raise Conflict(
                f"the name {name!r} is taken by another {noun} meanwhile",
                f"workbench {noun} remove {name} puts that into the trash; then restore this one by its id",
            )
        for table, row in record.items():
            known = self._db.table(table).columns_dict
            self._db.table(table).insert({key: value for key, value in row.items() if key in known})

    def _move_back(self, row: Mapping[str, Any], moved: builtins.list[tuple[Path, Path]]) -> None:
        for place in (trash_place(self._root, row["id"]) / f"{row['noun']}s").glob("*"):
            home = self._root / f"{row['noun']}s" / place.name
            if home.exists():
                raise Conflict(f"{home} is on the disk already", "move it away, and restore again")
            place.rename(home)
            moved.append((home, place))
            sync(home.parent)


def bury(
    db: Database,
    root: Path,
    noun: str,
    name: str,
    record: Mapping[str, Any],
    files: Path | None,
    *,
    held: int = 0,
) -> int:
    """Enter something into the trash, within the transaction that removes it.

    Args:
        db: the catalog, with a write begun.
        root: the store's folder.
        noun: what it is.
        name: what it is called.
        record: its rows by table, as they are to be entered again.
        files: its folder or file, which is moved; None where it has none.
        held: bytes of what is moved later.
    Returns:
        Its number in the trash.
    """
    recover(root, db)
    size = held
    if files is not None:
        size = folder_bytes(files) if files.is_dir() else files.stat().st_size
    text = json.dumps(record, default=_packed)
    row = {"noun": noun, "name": name, "record": text, "bytes": size, "removed": time.time()}
    number: Any = db.table("trash").insert(row).last_pk
    if files is not None:
        shelf = private_folder(trash_place(root, number) / f"{noun}s")
        try:
            files.rename(shelf / files.name)
            sync(shelf)
            sync(files.parent)
        except BaseException:
            exhume(root, number, noun, files)
            raise
    return int(number)


def _packed(value: bytes) -> dict[str, str]:
    """Bytes for JSON: another program may have put some into a row."""
    return {BLOB: value.hex()}


def _unpacked(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value[BLOB]) if value.keys() == {BLOB} else value


def exhume(root: Path, number: int, noun: str, files: Path) -> None:
    """Move files back that were buried in a transaction that then failed."""
    place = trash_place(root, number) / f"{noun}s" / files.name
    if place.exists():
        place.rename(files)


def recover(root: Path, db: Database) -> None:
    """Put right what a process left that died between moving files and committing; with a write begun."""
    trashed_runs.settle(db, root)
    known = {f"t{row['id']}" for row in db.table("trash").rows_where(select="id")}
    for place in (root / TRASH).glob(f"{GONE}t*"):
        name = place.name.removeprefix(GONE)
        if name in known:
            place.rename(place.with_name(name))
        else:
            shutil.rmtree(place, ignore_errors=True)
    for place in (root / TRASH).glob("t*"):
        if place.name in known:
            continue
        for files in place.glob("*/*"):
            home, noun = root / files.parent.name / files.name, files.parent.name.removesuffix("s")
            # A folder without a record was on its way out for good; a text may never have had one.
            named = "'r' || id" if noun == RUNS else "name"
            known_still = files.is_file() or db.table(f"{noun}s").count_where(f"{named} = ?", [files.name])
            if not home.exists() and known_still:
                files.rename(home)
        shutil.rmtree(place, ignore_errors=True)
