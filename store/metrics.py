"""Metric points of runs: append a batch, read after a cursor, decimate to a width; a NaN stays a NaN."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from store.db import write
from store.errors import NotFound

if TYPE_CHECKING:
    from sqlite_utils import Database

FINITE, NAN, PLUS_INFINITY, MINUS_INFINITY = range(4)
_SPECIAL = {NAN: math.nan, PLUS_INFINITY: math.inf, MINUS_INFINITY: -math.inf}


@dataclass(frozen=True)
class Point:
    """One value of one metric at one step of a run; `time` is seconds since the epoch, for display only."""

    run: str
    step: int
    name: str
    value: float
    time: float


class Metrics:
    """The metric points of one store. Order is the order of commit, never the clock's."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db
        self._ids: dict[str, int] = {}

    def append(
        self,
        run_id: str,
        points: Iterable[tuple[int, str, float]],
        *,
        known_to: int = 0,
        told_to: int | None = None,
    ) -> None:
        """Add a batch of (step, name, value) in one commit, which may be lost in a power cut but never torn.

        Args:
            run_id: the run.
            points: what was measured.
            known_to: up to this step an earlier attempt may have measured the same; its points give way.
            told_to: the newest step that this attempt has told of; what an earlier one measured between it
                and the batch's newest step gives way too, even where nothing takes its place.
        Raises:
            NotFound: there is no such run.
        """
        now = time.time()
        batch = [(int(step), name, float(value)) for step, name, value in points]
        number = run_number(run_id)
        ids: dict[str, int] = {}
        joined = self._db.conn.in_transaction
        with write(self._db, durable=False):
            if not self._db.execute("select 1 from runs where id = ?", [number]).fetchone():
                raise NotFound(f"no run {run_id!r} to add metrics to", "see `workbench run list`")
            rows = [
                (number, self._name_id(name, ids), step, *_encode(value), now) for step, name, value in batch
            ]
            self._db.conn.executemany(
                "delete from points where run = ? and name = ? and step = ?",
                [row[:3] for row in rows if row[2] <= known_to],
            )
            if told_to is not None and told_to < known_to:
                self._db.execute(
                    "delete from points where run = ? and step > ? and step < ? and step <= ?",
                    [number, told_to, max((step for step, _, _ in batch), default=0), known_to],
                )
            self._db.conn.executemany(
                "insert into points (run, name, step, kind, value, time) values (?, ?, ?, ?, ?, ?)", rows
            )
        if not joined:  # an outer transaction may yet be rolled back, and the new names with it
            self._ids |= ids

    def forget_after(self, run_id: str, step: int) -> None:
        """Drop the points past a step: of an attempt that others took the place of, or of no further use."""
        with write(self._db, durable=False):
            self._db.execute("delete from points where run = ? and step > ?", [run_number(run_id), step])

    def last_step(self, run_id: str) -> int:
        """Return the highest step that a run has a point of, 0 where it has none."""
        found = self._db.execute("select max(step) from points where run = ?", [run_number(run_id)])
        return found.fetchone()[0] or 0

    def _name_id(self, name: str, fresh: dict[str, int]) -> int:
        known = self._ids.get(name) or fresh.get(name)
        if known is None:
            self._db.execute("insert or ignore into metric_names (name) values (?)", [name])
            known = self._db.execute("select id from metric_names where name = ?", [name]).fetchone()[0]
            fresh[name] = known
        return known

    def after(self, cursor: int, *, run: str | None = None, limit: int = 10_000) -> tuple[list[Point], int]:
        """Return the points committed after a cursor, and the cursor for the next call.

        Args:
            cursor: 0 for the beginning, then what the last call returned.
            run: only that run's points; all runs' when left out.
            limit: at most so many points; call again when as many came.
        """
        of_run, values = ("and p.run = ?", [run_number(run)]) if run else ("", [])
        found = self._db.execute(
            f"""select p.id, p.run, p.step, n.name, p.kind, p.value, p.time
                from points p join metric_names n on n.id = p.name
                where p.id > ? {of_run} order by p.id limit ?""",  # noqa: S608 (the clause is one of two constants)
            [cursor, *values, limit],
        ).fetchall()
        points = [
            Point(f"r{run}", step, name, _decode(kind, value), when)
            for _, run, step, name, kind, value, when in found
        ]
        return points, found[-1][0] if found else cursor

    def end(self) -> int:
        """Return the cursor behind the newest point: from it, `after` gives only what is yet to come."""
        newest: int = self._db.execute("select coalesce(max(id), 0) from points").fetchone()[0]
        return newest

    def latest(self, run_id: str) -> dict[str, float]:
        """Return the newest value of each of a run's metrics."""
        return self.latest_of([run_id])[run_id]

    def latest_of(self, run_ids: Iterable[str], name: str | None = None) -> dict[str, dict[str, float]]:
        """Return the newest value of each metric of many runs, by run id; of one metric where it is named."""
        latest: dict[str, dict[str, float]] = {run_id: {} for run_id in run_ids}
        found = self._db.execute(
            f"""select r.value, n.name, p.kind, p.value from json_each(:runs) r join metric_names n
               join points p on p.id = (select id from points where run = r.value and name = n.id
                                        order by step desc, id desc limit 1)
               {"where n.name = :name" if name is not None else ""} order by r.key, n.id""",  # noqa: S608 (a constant)
            {"runs": json.dumps([run_number(run_id) for run_id in latest]), "name": name},
        )
        for run, metric, kind, value in found:
            latest[f"r{run}"][metric] = _decode(kind, value)
        return latest

    def names(self, run_id: str) -> list[str]:
        """Return the names of a run's metrics, in the order in which they came."""
        found = self._db.execute(
            """select n.name from metric_names n
               where exists (select 1 from points where run = ? and name = n.id) order by n.id""",
            [run_number(run_id)],
        )
        return [name for (name,) in found]

    def series(self, run_id: str, name: str, *, width: int | None = None) -> list[tuple[int, float]]:
        """Return one metric of a run as (step, value) in order of steps; `width` decimates as in `curve`."""
        return [(step, value) for step, value, _ in self.curve(run_id, name, width=width)]

    def curve(
        self,
        run_id: str,
        name: str,
        *,
        width: int | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> list[tuple[int, float, float]]:
        """Return one metric of a run as (step, value, time) in order of steps.

        Args:
            run_id: the run.
            name: the metric.
            width: of more points than three times this, cut the steps into so many equal spans and keep of
                each the lowest, the highest and the first value that is no number, so that no spike and no
                NaN is hidden, and the first and last point of all; all when left out.
            first: from this step on.
            last: up to this step.
        """
        found = self._db.execute("select id from metric_names where name = ?", [name]).fetchone()
        if found is None:
            return []
        key = (run_number(run_id), found[0])
        low = -(2**63) if first is None else first
        high = 2**63 - 1 if last is None else last
        if width is not None:
            counted = self._db.execute(
                f"select count(*), min(step), max(step) {_OF_RANGE}", (*key, low, high)
            ).fetchone()
            if counted[0] > 3 * max(1, width):
                return self._decimated(key, max(1, width), counted[1], counted[2])
        values = self._db.execute(
            f"select step, kind, value, time {_OF_RANGE} order by step, id", (*key, low, high)
        )
        return [(step, _decode(kind, value), when) for step, kind, value, when in values]

    def _decimated(
        self, key: tuple[int, int], width: int, first: int, last: int
    ) -> list[tuple[int, float, float]]:
        edges = [first + (last + 1 - first) * number // width for number in range(width + 1)]
        kept: dict[int, tuple[int, float, float]] = {}
        for end in ("step, id", "step desc, id desc"):
            query = f"select id, step, kind, value, time {_OF_RANGE} order by {end} limit 1"
            for id, step, kind, value, when in self._db.execute(query, (*key, first, last)):
                kept[id] = (step, _decode(kind, value), when)
        for low, high in pairwise(edges):
            for query in (_LOWEST, _HIGHEST, _FIRST_SPECIAL):
                for id, step, kind, value, when, _ in self._db.execute(query, (*key, low, high - 1)):
                    if id is not None:
                        kept[id] = (step, _decode(kind, value), when)
        return [kept[id] for id in sorted(kept, key=lambda id: (kept[id][0], id))]


_OF_RANGE = "from points where run = ? and name = ? and step between ? and ?"
# Beside min() or max() SQLite takes the other columns from the row that holds it.
_LOWEST = f"select id, step, kind, value, time, min(value) {_OF_RANGE} and kind = 0"
_HIGHEST = f"select id, step, kind, value, time, max(value) {_OF_RANGE} and kind = 0"
_FIRST_SPECIAL = f"select id, step, kind, value, time, min(id) {_OF_RANGE} and kind != 0"


def run_number(run_id: str) -> int:
    """Return the number behind a run's id.

    Raises:
        NotFound: it is no id.
    """
    match = re.fullmatch(r"r([1-9]\d{0,17})", run_id)
    if not match:
        raise NotFound(f"{run_id!r} is not a run's id", "ids are r1, r2 …; see `workbench run list`")
    return int(match[1])


def _encode(value: float) -> tuple[int, float]:
    if math.isfinite(value):
        return FINITE, value
    return (NAN if math.isnan(value) else PLUS_INFINITY if value > 0 else MINUS_INFINITY), 0.0


def _decode(kind: int, value: float) -> float:
    return value if kind == FINITE else _SPECIAL[kind]
