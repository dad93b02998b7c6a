"""Evaluations: their record, table and prediction rows; how a score is computed is known elsewhere."""

from __future__ import annotations

import builtins
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.db import storable, write
from store.errors import Conflict, NotFound, not_found
from store.trash import EVALUATIONS, bury

if TYPE_CHECKING:
    from sqlite_utils import Database

EvaluationStatus = Literal["running", "completed", "failed", "interrupted"]
VERSIONS = "versions"
"""The setting that holds the versions of the packages that answer."""


@dataclass(frozen=True)
class Evaluation:
    """One model, or one adapter over it, on one split; `group` holds those that one command made.

    `rows` counts the predictions kept so far of `total`; `created` is seconds since the epoch.
    """

    id: str
    group: str
    model: str
    adapter: str | None
    dataset: str
    split: str
    template: str
    status: EvaluationStatus
    rows: int
    total: int
    scores: dict[str, Any]
    settings: dict[str, Any]
    error: str | None
    created: float


_FIELDS = frozenset(each.name for each in fields(Evaluation))


@dataclass(frozen=True)
class EvaluationRow:
    """What was asked, what was answered and what would have been right; `index` is the row's in the split.

    Where it is known: the `source`, the part of what was asked that is worked on and that an answer may copy,
    the `tokens` of the answer, and whether it was `truncated` at the limit of tokens.
    """

    index: int
    prompt: str
    prediction: str
    references: tuple[str, ...]
    source: str | None
    tokens: int | None = None
    truncated: bool | None = None


PAGE_ROWS = 500
"""So many rows are read at a time where all are."""
ROW_COLUMNS = "row_index, prompt, prediction, reference_texts, source, tokens, truncated"
"""What `row_of` takes."""
_KEPT = "id not in (select evaluation from trashed_evaluations)"


class Evaluations:
    """The evaluations of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def create(
        self,
        group: str | None = None,
        *,
        model: str,
        adapter: str | None,
        dataset: str,
        split: str,
        template: str,
        total: int,
        settings: dict[str, Any],
    ) -> Evaluation:
        """Enter a running evaluation, in a new group or one of an earlier call.

        Raises:
            NotFound: there is no such group.
        """
        row: dict[str, Any] = {"model": model, "adapter": adapter, "dataset": dataset, "split": split}
        row |= {"template": template, "total": total, "settings": _json(settings)}
        with write(self._db):
            group_id = self._new_group() if group is None else self._group(group)
            row |= {"status": "running", "scores": "{}", "group_id": group_id, "created": time.time()}
            number = self._db.table("evaluations").insert(row).last_pk
        return self.get(f"e{number}")

    def begin(self, id: str, versions: dict[str, str | None] | None = None) -> Evaluation:
        """Let an evaluation that was not completed be answered, further or for the first time.

        Args:
            id: The evaluation.
            versions: Of the packages that answer from now on. What others have answered is forgotten: the
                rows of one evaluation are of one make.

        Raises:
            Conflict: It is completed.
        """
        with write(self._db):
            found = self.get(id)
            if found.status == "completed":
                raise Conflict(f"evaluation {found.id} is completed", "start a new evaluation")
            values: dict[str, Any] = {"status": "running", "error": None}
            if versions is not None:
                if found.settings.get(VERSIONS, versions) != versions:
                    self._db.execute("delete from evaluation_rows where evaluation = ?", [_number("e", id)])
                    values["rows"] = 0
                values["settings"] = _json(found.settings | {VERSIONS: versions})
            self._db.table("evaluations").update(_number("e", id), values)
        return self.get(id)

    def append(self, id: str, rows: Iterable[EvaluationRow]) -> None:
        """Keep some more predictions of a running evaluation; a row given again replaces the earlier one."""
        number = _number("e", id)
        values = [
            (
                number,
                row.index,
                *map(storable, (row.prompt, row.prediction, _json(row.references))),
                row.source if row.source is None else storable(row.source),
                row.tokens,
                row.truncated,
            )
            for row in rows
        ]
        with write(self._db):
            self._running(id)
            self._db.conn.executemany(
                "insert or replace into evaluation_rows values (?, ?, ?, ?, ?, ?, ?, ?)", values
            )
            self._db.execute(
                """update evaluations set rows = (select count(*) from evaluation_rows where evaluation = :id)
                   where id = :id""",
                {"id": number},
            )

    def finish(self, id: str, scores: dict[str, Any]) -> Evaluation:
        """End an evaluation with its scores."""
        return self._end(id, status="completed", scores=_json(scores))

    def fail(self, id: str, error: str) -> Evaluation:
        """End an evaluation by an error."""
        return self._end(id, status="failed", error=error)

    def interrupt(self, id: str, why: str) -> Evaluation:
        """Set a running evaluation aside with the rows it has: `begin` lets it go on."""
        return self._end(id, status="interrupted", error=why)

    def get(self, id: str) -> Evaluation:
        """Return an evaluation by its id.

        Raises:
            NotFound: there is none.
        """
        for row in self._db.table("evaluations").rows_where(f"id = ? and {_KEPT}", [_number("e", id)]):
            return _evaluation(row)
        raise not_found("evaluation", id, [found.id for found in self.list()])

    def list(self, group: str | None = None) -> builtins.list[Evaluation]:
        """Return the evaluations: all, newest first, or those of one group in the order they were entered."""
        if group is None:
            everything = self._db.table("evaluations").rows_where(_KEPT, order_by="id desc")
            return [_evaluation(row) for row in everything]
        of_group = f"group_id = ? and {_KEPT}"
        found = self._db.table("evaluations").rows_where(of_group, [_number("g", group)], order_by="id")
        return [_evaluation(row) for row in found]

    def rows(self, id: str, start: int = 0, limit: int | None = None) -> builtins.list[EvaluationRow]:
        """Return an evaluation's rows in the order of their index, from the start-th on."""
        found = self._db.execute(
            f"select {ROW_COLUMNS} from evaluation_rows where evaluation = ? "  # noqa: S608 (our own names)
            "order by row_index limit ? offset ?",
            [_number("e", self.get(id).id), -1 if limit is None else limit, start],
        )
        return [row_of(*each) for each in found]

    def each(self, id: str) -> Iterator[EvaluationRow]:
        """Yield an evaluation's rows in the order of their index; so many at a time are held as a page has.

        No read stays open between pages, so that others may write meanwhile, however long it takes.
        """
        number, after = _number("e", self.get(id).id), -1
        statement = (
            f"select {ROW_COLUMNS} from evaluation_rows where evaluation = ? and row_index > ? "  # noqa: S608
            "order by row_index limit ?"
        )
        while page := self._db.execute(statement, [number, after, PAGE_ROWS]).fetchall():
            after = page[-1][0]
            yield from (row_of(*row) for row in page)

    def answered(self, id: str) -> set[int]:
        """Return the indexes of the rows that an evaluation has."""
        number = _number("e", self.get(id).id)
        found = self._db.execute("select row_index from evaluation_rows where evaluation = ?", [number])
        return {index for (index,) in found}

    def remove(self, *ids: str) -> None:
        """Put evaluations with their rows into the trash, as one entry.

        Raises:
            NotFound: there is no evaluation of one of these ids.
        """
        with write(self._db):
            found = [self.get(id) for id in ids]
            if found:
                name = found[0].group if len(found) > 1 else found[0].id
                number = bury(self._db, self._root, EVALUATIONS, name, {}, None)
                marks = [(_number("e", each.id), number) for each in found]
                self._db.conn.executemany("insert into trashed_evaluations values (?, ?)", marks)

    def _new_group(self) -> int:
        statement = "insert into evaluation_groups (created) values (?)"
        return int(self._db.execute(statement, [time.time()]).lastrowid or 0)

    def _group(self, group: str) -> int:
        number = _number("g", group)
        if not self._db.execute("select 1 from evaluation_groups where id = ?", [number]).fetchone():
            raise NotFound(f"no evaluation group {group!r}", "leave the group out to make a new one")
        return number

    def _running(self, id: str) -> Evaluation:
        found = self.get(id)
        if found.status != "running":
            raise Conflict(f"evaluation {found.id} is {found.status} already", "start a new evaluation")
        return found

    def _end(self, id: str, **values: Any) -> Evaluation:
        with write(self._db):
            self._db.table("evaluations").update(_number("e", self._running(id).id), values)
        return self.get(id)


def _number(letter: str, id: str) -> int:
    match = re.fullmatch(letter + r"([1-9]\d{0,17})", id)
    return int(match[1]) if match else -1


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _evaluation(row: dict[str, Any]) -> Evaluation:
    """The record of a row of the table; columns that it does not know are left out."""
    values = {key: value for key, value in row.items() if key in _FIELDS}
    values |= {
        "id": f"e{row['id']}",
        "group": f"g{row['group_id']}",
        "scores": json.loads(row["scores"]),
        "settings": json.loads(row["settings"]),
    }
    return Evaluation(**values)


def row_of(
    index: int,
    prompt: str,
    prediction: str,
    references: str,
    source: str | None,
    tokens: int | None,
    truncated: int | None,
) -> EvaluationRow:
    """A row as the table holds it."""
    cut_off = None if truncated is None else bool(truncated)
    return EvaluationRow(index, prompt, prediction, tuple(json.loads(references)), source, tokens, cut_off)
