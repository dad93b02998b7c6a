"""Answers that a run gave while it was trained: to which prompts, at which step, and what they scored."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.db import storable, write
from store.errors import NotFound
from store.metrics import run_number

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True)
class Answer:
    """One answer before it is kept; `scores` are F-measures by name, 0 to 1."""

    prompt: str
    prediction: str
    reference: str
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One pinned prompt's answer at one step of a run; `number` is the prompt's place among them, from 0."""

    run: str
    step: int
    number: int
    prompt: str
    prediction: str
    reference: str
    scores: dict[str, float]


class Samples:
    """The samples of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def append(self, run_id: str, step: int, answers: Iterable[Answer]) -> None:
        """Keep the answers of one step, in the order of their prompts; a step that is told again is replaced.

        Raises:
            NotFound: there is no such run.
        """
        number = run_number(run_id)
        rows = [
            (number, step, place, *map(storable, _texts(each)), json.dumps(dict(each.scores)))
            for place, each in enumerate(answers)
        ]
        with write(self._db):
            if not self._db.execute("select 1 from runs where id = ?", [number]).fetchone():
                raise NotFound(f"no run {run_id!r} to add samples to", "see `workbench run list`")
            self._db.execute("delete from samples where run = ? and step = ?", [number, step])
            self._db.conn.executemany(
                """insert into samples (run, step, number, prompt, prediction, reference, scores)
                   values (?, ?, ?, ?, ?, ?, ?)""",
                rows,
            )

    def list(self, run_id: str, step: int | None = None) -> builtins.list[Sample]:
        """Return a run's samples in order of steps and prompts, all or those of one step."""
        at, values = ("and step = ?", [step]) if step is not None else ("", [])
        found = self._db.table("samples").rows_where(
            f"run = ? {at}", [run_number(run_id), *values], order_by="step, number"
        )
        return [_sample(row) for row in found]

    def steps(self, run_id: str) -> builtins.list[int]:
        """Return the steps at which a run was sampled, in order."""
        query = "select distinct step from samples where run = ? order by step"
        return [step for (step,) in self._db.execute(query, [run_number(run_id)])]

    def after(
        self, cursor: int, *, run: str | None = None, limit: int = 1000
    ) -> tuple[builtins.list[Sample], int]:
        """Return the samples kept after a cursor, and the cursor for the next call; 0 is the beginning."""
        of_run, values = ("and run = ?", [run_number(run)]) if run else ("", [])
        rows = list(
            self._db.table("samples").rows_where(
                f"id > ? {of_run}", [cursor, *values], order_by="id", limit=limit
            )
        )
        return [_sample(row) for row in rows], rows[-1]["id"] if rows else cursor

    def forget_after(self, run_id: str, step: int) -> None:
        """Drop the samples past a step: of an attempt that another took the place of."""
        with write(self._db):
            self._db.execute("delete from samples where run = ? and step > ?", [run_number(run_id), step])


def _texts(answer: Answer) -> tuple[str, str, str]:
    return answer.prompt, answer.prediction, answer.reference


def _sample(row: dict[str, Any]) -> Sample:
    fields = {key: value for key, value in row.items() if key != "id"}
    return Sample(**fields | {"run": f"r{row['run']}", "scores": json.loads(row["scores"])})
