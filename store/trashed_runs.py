"""Runs in the trash: hidden, with their rows where they are, for a run may have a million; folders are moved.

A run that can be seen has its folder in its place at any moment: it is hidden before its folder goes, and
shown after its folder has come back. What a death leaves in between, `settle` finishes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from store.db import write
from store.files import private_folder, sync, trash_place

if TYPE_CHECKING:
    from sqlite_utils import Database

RUNS = "run"
"""What the trash calls an entry of runs."""
KEPT_RUNS = "not in (select run from trashed_runs)"
"""Behind a column of runs' numbers: those that are not in the trash."""
GIVEN_UP = 0
"""The entry of a run that does not come back: its rows are being deleted."""
BATCH_POINTS = 10_000
"""So many are deleted at once: others write in between."""
PAUSE_SECONDS = 0.01


def hide(db: Database, number: int, runs: Iterable[int]) -> None:
    """Hide runs behind an entry of the trash, within the transaction that makes it."""
    db.conn.executemany("insert into trashed_runs values (?, ?)", [(run, number) for run in runs])


def show(db: Database, number: int) -> None:
    """Show the runs of an entry again, within the transaction that ends it; their folders are back."""
    db.execute("delete from trashed_runs where trash = ?", [number])


def give_up(db: Database, number: int) -> None:
    """Let nobody bring the runs of an entry back, within the transaction that ends it."""
    db.execute("update trashed_runs set trash = ? where trash = ?", [GIVEN_UP, number])


def entry_of(db: Database, id: int | None, name: str) -> str | None:
    """Return the entry of the trash with the newest run of this number or name; None where there is none."""
    found = db.execute(
        """select trash from trashed_runs join runs on runs.id = trashed_runs.run
               join trash as entry on entry.id = trashed_runs.trash
           where trash != ? and (runs.id = ? or runs.name = ?) order by runs.id desc limit 1""",
        [GIVEN_UP, id, name],
    ).fetchone()
    return f"t{found[0]}" if found else None


def settle(db: Database, root: Path) -> None:
    """Finish what a death, a failing disk or an older version has left half done; with a write begun.

    Folders of hidden runs are moved into the trash. One that cannot be moved stays, and harms nobody.
    """
    ended = "select run from trashed_runs where trash != ? and trash not in (select id from trash)"
    for (run,) in db.execute(ended, [GIVEN_UP]).fetchall():
        # An older version knows nothing of hidden runs: it moved the folder back, or deleted it.
        if _home(root, run).is_dir():
            db.execute("delete from trashed_runs where run = ?", [run])
        else:
            db.execute("update trashed_runs set trash = ? where run = ?", [GIVEN_UP, run])
    for run, number in db.execute("select run, trash from trashed_runs where trash != ?", [GIVEN_UP]):
        home = _home(root, run)
        if home.is_dir():
            with contextlib.suppress(OSError):
                _move(home, private_folder(trash_place(root, number) / "runs"))


def purge(db: Database, root: Path) -> None:
    """Delete the rows of runs that were given up, a part at a time; the next call ends what is cut short.

    A folder that could not be moved goes first: a run of which it cannot be deleted keeps its row until then.
    """
    gone = "select run from trashed_runs where trash = ?"
    for (run,) in db.execute(gone, [GIVEN_UP]).fetchall():
        if not _delete_folder(_home(root, run)):
            continue
        while _delete_points(db, run) == BATCH_POINTS:
            time.sleep(PAUSE_SECONDS)
        with write(db):
            db.execute("delete from runs where id = ?", [run])


def _delete_folder(home: Path) -> bool:
    with contextlib.suppress(OSError):
        if home.is_symlink():
            home.unlink()
        else:
            shutil.rmtree(home)
    return not os.path.lexists(home)


def _delete_points(db: Database, run: int) -> int:
    with write(db, durable=False):
        some = "select id from points where run = ? limit ?"
        return db.execute(f"delete from points where id in ({some})", [run, BATCH_POINTS]).rowcount  # noqa: S608


def _move(home: Path, shelf: Path) -> None:
    if not (shelf / home.name).exists():
        home.rename(shelf / home.name)
        sync(shelf)
        sync(home.parent)


def _home(root: Path, run: int) -> Path:
    return root / "runs" / f"r{run}"
