"""What each row of an evaluation scored, sorted and filtered: kept here, found elsewhere."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from store import patterns
from store.db import write
from store.errors import BadInput, near
from store.evaluations import PAGE_ROWS, ROW_COLUMNS, EvaluationRow, row_of

if TYPE_CHECKING:
    from sqlite_utils import Database

METRICS = ("rouge1", "rouge2", "rougeL", "bleu")
SIGNALS = (
    "empty",
    "clipping",
    "repetition",
    "loop",
    "scramble",
    "length",
    "copying",
    "truncated",
    "script",
)
COUNTS = ("words", "reference_words", "flags")
NAMES = (*METRICS, *COUNTS, *SIGNALS)
"""What is kept of a row; `flags` is how many of its signals are out of the ordinary."""
ROW = "row"

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Sort:
    """An order of rows: by a name of `NAMES`, or by `row`.

    `system` is a place among the systems, from the end where negative; with `less` the score of that system
    is taken off, which orders by their difference.
    """

    name: str = ROW
    system: int = -1
    less: int | None = None
    descending: bool = False


@dataclass(frozen=True)
class ScoredRow:
    """A row's scores per system, None where the system has not answered it, and its first reference."""

    index: int
    reference: str
    scores: tuple[Scores | None, ...]


@dataclass(frozen=True)
class Spread:
    """How the scores of one system are spread: `bins` of equal width, and means by the reference's length."""

    rows: int
    bins: tuple[int, ...]
    by_words: tuple[tuple[int, int, float], ...] = field(default=())
    """Words of the reference, rows of that length, the sum of their scores."""


class RowScores:
    """The scores of the rows of one store's evaluations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def unscored(self, id: str, after: int = -1, limit: int = PAGE_ROWS) -> list[EvaluationRow]:
        """Return the first rows after an index that have no scores yet, with all that scoring needs."""
        found = self._db.execute(
            f"""select {ROW_COLUMNS} from evaluation_rows r
                where evaluation = :id and row_index > :after and not exists (
                    select 1 from evaluation_scores s
                    where s.evaluation = r.evaluation and s.row_index = r.row_index)
                order by row_index limit :limit""",  # noqa: S608 (our own names)
            {"id": _number(id), "after": after, "limit": limit},
        )
        return [row_of(*each) for each in found]

    def put(self, id: str, rows: Iterable[tuple[EvaluationRow, Scores]]) -> None:
        """Keep what rows scored; of a row whose answer is another one meanwhile, nothing is kept."""
        number = _number(id)
        values = [
            (number, row.index, *[scores.get(name) for name in NAMES], number, row.index, row.prediction)
            for row, scores in rows
        ]
        marks = ", ".join("?" * (len(NAMES) + 2))
        with write(self._db):
            self._db.conn.executemany(
                f"""insert or replace into evaluation_scores
                    (evaluation, row_index, {", ".join(NAMES)}) select {marks}
                    where exists (select 1 from evaluation_rows
                                  where evaluation = ? and row_index = ? and prediction = ?)""",  # noqa: S608
                values,
            )

    def count(self, id: str) -> int:
        """Return how many rows of an evaluation are scored."""
        return self.counts([id])[0]

    def counts(self, ids: Sequence[str]) -> list[int]:
        """Return how many rows of each evaluation are scored, from a narrow index of them."""
        statement = "select count(*) from evaluation_scores where evaluation = ?"
        return [int(self._db.execute(statement, [_number(id)]).fetchone()[0]) for id in ids]

    def order(self, ids: Sequence[str], sort: Sort, text: str | re.Pattern[str] = "") -> array[int]:
        """Return the indexes of the scored rows in an order; rows without that score come last.

        Args:
            ids: The systems' evaluations; the rows are those of the one that has most.
            sort: The order.
            text: Only rows in whose prompt, reference or answers this stands, in whatever case, or which this
                pattern finds there.

        Raises:
            BadInput: There is no such score, or no such system.
        """
        self._check(sort, len(ids))
        first = ids[sort.system]
        counted = dict(zip(ids, self.counts(ids), strict=True))
        leader = max(ids, key=lambda id: (counted[id], id == first))
        parameters: dict[str, Any] = {"leader": _number(leader)}
        tables, value = self._sorted_by(ids, sort, parameters)
        where = f" and {self._containing(ids, text, parameters)}" if text else ""
        direction = "desc" if sort.descending else "asc"
        found = self._db.execute(
            f"""select l.row_index from evaluation_scores l {tables} where l.evaluation = :leader{where}
                order by {value} {direction} nulls last, l.row_index""",  # noqa: S608 (our own names)
            parameters,
        )
        return array("q", [index for (index,) in found])

    def page(self, ids: Sequence[str], indexes: Sequence[int]) -> list[ScoredRow]:
        """Return rows by their indexes, in the order of those."""
        marks = ", ".join("?" * len(indexes))
        per_system: list[dict[int, Scores]] = []
        references: dict[int, str] = {}
        for id in ids:
            parameters = [_number(id), *indexes]
            found = self._db.execute(
                f"""select row_index, {", ".join(NAMES)} from evaluation_scores
                    where evaluation = ? and row_index in ({marks})""",  # noqa: S608
                parameters,
            )
            per_system.append({index: dict(zip(NAMES, values, strict=True)) for index, *values in found})
            lacking = [index for index in indexes if index not in references]
            if lacking:
                references |= self._references(id, lacking)
        return [
            ScoredRow(index, references.get(index, ""), tuple(scores.get(index) for scores in per_system))
            for index in indexes
        ]

    def answers(self, ids: Sequence[str], index: int) -> list[EvaluationRow | None]:
        """Return what each system answered to one row."""
        statement = f"select {ROW_COLUMNS} from evaluation_rows where evaluation = ? and row_index = ?"  # noqa: S608
        found = [self._db.execute(statement, [_number(id), index]).fetchone() for id in ids]
        return [row_of(*each) if each else None for each in found]

    def spread(self, id: str, name: str, bins: int, top: float) -> Spread:
        """Return how one score of a system is spread.

        Args:
            id: The evaluation.
            name: One of `METRICS`.
            bins: How many parts the scores from 0 to `top` are divided into.
            top: The greatest score there can be.
        """
        column = _column(name)
        counts = [0] * bins
        by_words: dict[int, tuple[int, float]] = {}
        # All rows are read for it: once, not once for each side.
        found = self._db.execute(
            f"""select min(cast({column} / :top * :bins as integer), :bins - 1), reference_words,
                       count(*), total({column})
                from evaluation_scores where evaluation = :id and {column} is not null group by 1, 2""",  # noqa: S608
            {"id": _number(id), "top": top, "bins": bins},
        )
        for at, words, count, total in found:
            counts[at] += count
            rows, sum_of_scores = by_words.get(words, (0, 0.0))
            by_words[words] = (rows + count, sum_of_scores + total)
        lengths = tuple((words, *by_words[words]) for words in sorted(by_words))
        return Spread(sum(counts), tuple(counts), lengths)

    def texts(self, id: str, limit: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield answers with their references, in the order of the rows."""
        found = self._db.execute(
            """select prediction, reference_texts from evaluation_rows
               where evaluation = ? order by row_index limit ?""",
            [_number(id), limit],
        )
        for prediction, references in found:
            yield prediction, tuple(json.loads(references))

    def _references(self, id: str, indexes: Sequence[int]) -> dict[int, str]:
        marks = ", ".join("?" * len(indexes))
        found = self._db.execute(
            f"""select row_index, coalesce(json_extract(reference_texts, '$[0]'), '') from evaluation_rows
                where evaluation = ? and row_index in ({marks})""",  # noqa: S608
            [_number(id), *indexes],
        )
        return dict(found.fetchall())

    def _check(self, sort: Sort, systems: int) -> None:
        for place in (sort.system, sort.less or 0):
            if not -systems <= place < systems:
                raise BadInput(f"there is no system {place + 1}", f"there are {systems}")

    def _sorted_by(self, ids: Sequence[str], sort: Sort, parameters: dict[str, Any]) -> tuple[str, str]:
        """The tables to join to the leading one, and the expression to order by."""
        if sort.name == ROW:
            return "", "l.row_index"
        column = _column(sort.name)
        tables, names = [], []
        for at, place in enumerate([sort.system] if sort.less is None else [sort.system, sort.less]):
            parameters[f"s{at}"] = _number(ids[place])
            # The leading table is read anyway: joining it to itself doubles the time.
            leads = parameters[f"s{at}"] == parameters["leader"]
            names.append("l" if leads else f"s{at}")
            if not leads:
                tables.append(_JOIN.format(table="evaluation_scores", name=f"s{at}", number=f":s{at}"))
        return " ".join(tables), " - ".join(f"{name}.{column}" for name in names)

    def _containing(self, ids: Sequence[str], text: str | re.Pattern[str], parameters: dict[str, Any]) -> str:
        parameters |= {f"e{at}": _number(id) for at, id in enumerate(ids)}
        among = ", ".join(f":e{at}" for at in range(len(ids)))
        plain = text if isinstance(text, str) else patterns.plain(text)
        if _PLAIN.fullmatch(plain):
            escaped = plain.replace("%", "\\%").replace("_", "\\_")
            parameters["text"] = f"%{escaped}%"
            columns = ("prediction", "reference_texts", "prompt")
            any_of = " or ".join(f"t.{column} like :text escape '\\'" for column in columns)
        else:
            wanted = re.compile(re.escape(text), re.IGNORECASE) if isinstance(text, str) else text
            self._db.register_function(_rule(wanted), name="found", replace=True)
            any_of = "found(t.prediction, t.reference_texts, t.prompt)"
        return f"""exists (select 1 from evaluation_rows t where t.evaluation in ({among})
                           and t.row_index = l.row_index and ({any_of}))"""  # noqa: S608


# What SQLite's LIKE finds in whatever case, also in JSON, which writes quotes and backslashes otherwise.
_PLAIN = re.compile(r"[ !#-\[\]-~]+")
_JOIN = "left join {table} {name} on {name}.evaluation = {number} and {name}.row_index = l.row_index"


def _rule(wanted: re.Pattern[str]) -> Callable[[str, str, str], bool]:
    """Whether a pattern finds something in one row's answer, references or prompt."""

    def found(prediction: str, references: str, prompt: str) -> bool:
        texts = (prediction or "", prompt or "", *json.loads(references or "[]"))
        return any(wanted.search(text) is not None for text in texts)

    return found


def _column(name: str) -> str:
    if name not in NAMES:
        meant = near(name, NAMES)
        hint = f"did you mean {meant!r}? " if meant else ""
        raise BadInput(f"rows have no score {name!r}", f"{hint}choose from {', '.join(NAMES)}")
    return name


def _number(id: str) -> int:
    return int(id[1:])
