"""What went wrong with a run while it was trained, each trouble once; when to tell one is known elsewhere."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.db import write
from store.errors import NotFound
from store.metrics import run_number
from store.trashed_runs import KEPT_RUNS

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True)
class Alert:
    """One trouble of a run; `id` is the cursor that readers follow, `created` is for display only."""

    id: int
    run: str
    step: int
    kind: str
    message: str
    created: float


class Alerts:
    """The alerts of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def append(self, run_id: str, step: int, kind: str, message: str) -> None:
        """Tell a trouble.

        Args:
            run_id: the run.
            step: the step at which it was seen.
            kind: one word, such as `divergence`.
            message: what is wrong and what to do, in a line.
        Raises:
            NotFound: there is no such run.
        """
        number = run_number(run_id)
        with write(self._db):
            if not self._db.execute("select 1 from runs where id = ?", [number]).fetchone():
                raise NotFound(f"no run {run_id!r} to alert of", "see `workbench run list`")
            row = {"run": number, "step": step, "kind": kind, "message": message, "created": time.time()}
            self._db.table("alerts").insert(row)

    def list(self, run_id: str) -> builtins.list[Alert]:
        """Return a run's alerts in the order in which they were told."""
        rows = self._db.table("alerts").rows_where("run = ?", [run_number(run_id)], order_by="id")
        return [_alert(row) for row in rows]

    def after(
        self, cursor: int, *, run: str | None = None, limit: int = 1000
    ) -> tuple[builtins.list[Alert], int]:
        """Return the alerts told after a cursor, and the cursor for the next call; 0 is the beginning."""
        of_run, values = ("and run = ?", [run_number(run)]) if run else ("", [])
        rows = self._db.table("alerts").rows_where(
            f"id > ? {of_run} and run {KEPT_RUNS}", [cursor, *values], order_by="id", limit=limit
        )
        found = [_alert(row) for row in rows]
        return found, found[-1].id if found else cursor

    def forget_after(self, run_id: str, step: int) -> None:
        """Drop the alerts past a step: of an attempt that another took the place of."""
        with write(self._db):
            self._db.execute("delete from alerts where run = ? and step > ?", [run_number(run_id), step])

    def end(self) -> int:
        """Return the cursor behind the newest alert: from it, `after` gives only what is yet to come."""
        newest: int = self._db.execute("select coalesce(max(id), 0) from alerts").fetchone()[0]
        return newest

    def counts(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Return how many alerts each of these runs has; those that have none are left out."""
        numbers = [run_number(run_id) for run_id in run_ids]
        marks = ", ".join("?" * len(numbers))
        found = self._db.execute(
            f"select run, count(*) from alerts where run in ({marks}) group by run",  # noqa: S608 (only marks)
            numbers,
        )
        return {f"r{run}": count for run, count in found}


def _alert(row: dict[str, Any]) -> Alert:
    return Alert(**row | {"run": f"r{row['run']}"})
