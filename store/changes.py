"""What changed since somebody looked, told by triggers of the catalog: cheap on a store of any size."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from store.metrics import run_number
from store.runs import Run, records_of
from store.trashed_runs import KEPT_RUNS

if TYPE_CHECKING:
    from sqlite_utils import Database


class Changes:
    """Cursors over the changes of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def counts(self) -> dict[str, int]:
        """Return how often each table was changed; of runs only that one came, went or got another status."""
        return dict(self._db.execute("select noun, number from changes").fetchall())

    def run_end(self) -> int:
        """Return the cursor behind the newest change of a run, for `runs_after`."""
        newest: int = self._db.execute("select coalesce(max(change), 0) from run_changes").fetchone()[0]
        return newest

    def runs_after(self, cursor: int, *, limit: int = 1000) -> tuple[list[Run], int]:
        """Return the runs that came or changed after a cursor, and the cursor for the next call.

        Args:
            cursor: 0 for the beginning, then what the last call returned.
            limit: at most so many runs; call again when as many came.
        """
        rows = self._db.query(
            f"""select runs.*, change from run_changes join runs on runs.id = run_changes.run
                where change > ? and runs.id {KEPT_RUNS} order by change""",  # noqa: S608 (our own clause)
            [cursor],
        )
        found: list[Run] = []
        for row in rows:
            found += records_of([row])
            cursor = row["change"]
            if len(found) == limit:
                break
        return found, cursor

    def runs_before(self, run_id: str, *, limit: int) -> list[Run]:
        """Return the next runs of the list of all, the newest first, that were made before this one."""
        where = f"id < ? and id {KEPT_RUNS}"
        rows = self._db.table("runs").rows_where(where, [run_number(run_id)], order_by="id desc")
        return [*islice(records_of(rows), limit)]

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        found = f"select id from runs where id {KEPT_RUNS} order by id desc"  # noqa: S608 (our own clause)
        return [f"r{number}" for (number,) in self._db.execute(found)]
