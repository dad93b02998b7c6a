"""What is looked into: the answers of a group of evaluations, or pairs from a file, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import BadInput
from store.evaluations import EvaluationRow
from workbench.evaluation.rows import checked, read_lines
from workbench.tui.present import inspect as present
from workbench.tui.present.inspect import Metric, Pair

if TYPE_CHECKING:
    from store import Store

FILE_BYTES = 100_000_000


@dataclass(frozen=True)
class Opened:
    """What is looked into: who answered, and what; `group` is empty for a file."""

    group: str
    name: str
    systems: tuple[str, ...]
    answers: tuple[tuple[EvaluationRow, ...], ...]


def open_group(store: Store, group: str) -> Opened:
    """Read a group's answers, those of the bare base first."""
    members = present.by_group(store.evaluations.list(group))[group]
    answers = tuple(tuple(store.evaluations.rows(each.id)) for each in members)
    name = f"{group}: {members[0].dataset} {members[0].split}"
    return Opened(group, name, tuple(present.system(each) for each in members), answers)


def open_file(path: Path) -> Opened:
    """Read predictions with their references from a file of JSON lines.

    Raises:
        BadInput: It cannot be read, or has lines that are no such rows; they are told by number.
    """
    try:
        if path.stat().st_size > FILE_BYTES:
            raise BadInput(f"{path} has more than 100 MB", "look into a part of it: head -n 10000")
        with path.open(encoding="utf-8", errors="replace") as file:
            documents = list(read_lines(file))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", "check the path of the file") from error
    found = enumerate(checked(documents))
    rows = tuple(EvaluationRow(at, "", row.prediction, row.references, None) for at, row in found)
    return Opened("", path.name, ("prediction",), (rows,))


def score(opened: Opened, metric: Metric) -> list[Pair]:
    """Score every row that all systems have answered."""
    return present.pairs(opened.answers, metric)
