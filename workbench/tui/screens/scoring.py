"""What is looked into: the answers of a group of evaluations, or pairs from a file, and their scores."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store import open_store, patterns
from store.errors import BadInput, Unavailable
from store.evaluations import EvaluationRow
from workbench.evaluation.row_scores import (
    BINS,
    WORDS_OF_ROWS,
    Recalled,
    by_frequency,
    fill,
    top_of,
    unscored_rows,
)
from workbench.evaluation.rows import checked, read_lines
from workbench.tui.pages import CHUNK_ROWS
from workbench.tui.present import inspect as present
from workbench.tui.present import pair as present_pair
from workbench.tui.present.inspect import Metric
from workbench.tui.present.overview import SystemSpread
from workbench.tui.present.pair import Explanation
from workbench.tui.present.scored_rows import score_of

if TYPE_CHECKING:
    from store import Store
    from store.row_scores import ScoredRow, Sort

FILE_BYTES = 100_000_000
SCORED_HERE = 400
"""More rows than these are scored by a process of their own, which leaves the processor to the screens."""
LANE = "scores"
SOON_SECONDS = 0.1
"""An overview of several systems is shown as far as it is read within."""


@dataclass(frozen=True)
class Opened:
    """What is looked into: who answered, and which evaluations hold the answers.

    The pairs of a file are in a store of their own, which goes when nobody looks into it any more.
    """

    name: str
    systems: tuple[str, ...]
    ids: tuple[str, ...]
    own: tempfile.TemporaryDirectory[str] | None = None


@dataclass(frozen=True)
class Ordered:
    """The rows that are scored, in an order, and how many wait for their scores.

    `place` is the position of the row that was asked for, `rows` are those around it, from the `first`
    position on: an order is seen without asking once more. `last` is the greatest index.
    """

    indexes: array[int]
    unscored: int
    place: int
    first: int
    rows: tuple[ScoredRow, ...]
    last: int


@contextmanager
def _store_of(store: Store, opened: Opened) -> Iterator[Store]:
    if opened.own is None:
        yield store
    else:
        with open_store(opened.own.name) as own:
            yield own


def open_group(store: Store, group: str) -> Opened:
    """Look into a group's answers, those of the bare base first; a system that has none yet is left out."""
    members = present.by_group(store.evaluations.list(group))[group]
    answering = [each for each in members if each.rows] or members[:1]
    name = f"{group}: {members[0].dataset} {members[0].split}"
    opened = Opened(
        name, tuple(present.system(each) for each in answering), tuple(each.id for each in answering)
    )
    fill(store, opened.ids, SCORED_HERE)
    return opened


def open_file(path: Path) -> Opened:
    """Read predictions with their references from a file of JSON lines.

    Raises:
        BadInput: It cannot be read, or has lines that are no such rows; they are told by number.
    """
    try:
        if path.stat().st_size > FILE_BYTES:
            raise BadInput(f"{path} has more than 100 MB", "look into a part of it: head -n 10000")
        with path.open(encoding="utf-8", errors="replace") as file:
            rows = list(checked(read_lines(file)))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", "check the path of the file") from error
    own = tempfile.TemporaryDirectory(prefix="workbench-")
    with open_store(own.name) as store:
        made = store.evaluations.create(
            model="",
            adapter=None,
            dataset=path.name,
            split="",
            template="",
            total=len(rows),
            settings={},
        )
        store.evaluations.append(
            made.id,
            [
                EvaluationRow(at, "", row.prediction, row.references, row.source or None)
                for at, row in enumerate(rows)
            ],
        )
        fill(store, [made.id], SCORED_HERE)
    return Opened(path.name, ("prediction",), (made.id,), own)


def score(store: Store, opened: Opened) -> None:
    """Score every row that has no scores; waits until that is done.

    Raises:
        Unavailable: The process ended before it was done.
    """
    root = store.root if opened.own is None else Path(opened.own.name)
    command = [sys.executable, "-P", "-m", "workbench.evaluation", str(root), *opened.ids]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if ended.returncode:
        why = ended.stderr.strip().rpartition("\n")[2]
        raise Unavailable(f"the rows could not be scored: {why}", "run: workbench inspect GROUP")


def order(store: Store, opened: Opened, sort: Sort, text: str, row: int | None = None) -> Ordered:
    """Put the scored rows in an order.

    Args:
        store: Of the evaluations.
        opened: Who answered what.
        sort: The order.
        text: A regular expression; only rows in which it finds something. Empty: all.
        row: The row whose place is looked for.
    """
    with _store_of(store, opened) as where:
        indexes = where.row_scores.order(opened.ids, sort, patterns.lenient(text) if text else "")
        place = place_of(row, indexes)
        first = max(place - CHUNK_ROWS // 2, 0)
        rows = where.row_scores.page(opened.ids, indexes[first : first + CHUNK_ROWS])
        unscored = unscored_rows(where, opened.ids)
    return Ordered(indexes, unscored, place, first, tuple(rows), max(indexes, default=0))


def place_of(row: int | None, indexes: array[int]) -> int:
    """The position of a row, the first one where it is not among them."""
    return indexes.index(row) if row is not None and row in indexes else 0


def page(store: Store, opened: Opened, indexes: Sequence[int]) -> list[ScoredRow]:
    """Read the scores of some rows."""
    with _store_of(store, opened) as where:
        return where.row_scores.page(opened.ids, indexes)


def explain(store: Store, opened: Opened, index: int, metric: Metric) -> tuple[str, list[Explanation]]:
    """Read what was asked in a row, and find what each word of the answers earned."""
    with _store_of(store, opened) as where:
        answers = where.row_scores.answers(opened.ids, index)
    prompt = next((answer.prompt for answer in answers if answer is not None), "")
    return prompt, [
        present_pair.explain(
            system, answer.prediction, answer.references, metric, answer.source, answer.truncated
        )
        for system, answer in zip(opened.systems, answers, strict=True)
        if answer is not None
    ]


def spreads(store: Store, opened: Opened, metric: Metric, start: int) -> list[SystemSpread]:
    """Find how systems' scores are spread over all rows; of many systems those that are soon read.

    Args:
        store: Of the evaluations.
        opened: Who answered what.
        metric: By which score.
        start: The first system's place.
    """
    name = score_of(metric)
    found: list[SystemSpread] = []
    soon = time.monotonic() + SOON_SECONDS
    with _store_of(store, opened) as where:
        for system, id in zip(opened.systems[start:], opened.ids[start:], strict=True):
            found.append(SystemSpread(system, where.row_scores.spread(id, name, BINS, top_of(name))))
            if time.monotonic() >= soon:
                break
    return found


def recalled(store: Store, opened: Opened, place: int) -> tuple[Recalled, ...]:
    """Find how one system recalls rare and common words, in its first rows."""
    with _store_of(store, opened) as where:
        return tuple(by_frequency(where.row_scores.texts(opened.ids[place], WORDS_OF_ROWS)))
