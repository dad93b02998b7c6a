"""Makes the starter's datasets and the rows its model is tuned on: seeded toy English of few words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from workbench.starter.dialogues import dialogue
from workbench.starter.notes import note

SEED = 20
SIZES = {
    "dialogues": {"train": 1200, "validation": 120, "test": 120},
    "notes": {"train": 400, "validation": 60, "test": 120},
}
"""Rows per split of each dataset."""
MAKERS: dict[str, Callable[[Random], dict[str, str]]] = {"dialogues": dialogue, "notes": note}
UNIQUE = {"dialogues": ("dialogue", "summary"), "notes": ("note",)}
"""Columns of which no value occurs twice in a dataset: what keeps its splits apart."""


def splits(name: str) -> dict[str, list[dict[str, str]]]:
    """Make a whole dataset, always the same.

    Args:
        name: `dialogues` or `notes`.

    Returns:
        The rows of each split, an `id` before the maker's columns; no text of one split is in another.
    """
    rows = distinct_rows(name, Random(f"{SEED}-{name}"))
    return {
        split: [{"id": f"{split}-{number}"} | next(rows) for number in range(1, size + 1)]
        for split, size in SIZES[name].items()
    }


def distinct_rows(name: str, rng: Random) -> Iterator[dict[str, str]]:
    """Rows without end, none of which repeats a unique column of another."""
    seen: set[str] = set()
    while True:
        row = MAKERS[name](rng)
        marks = {row[column] for column in UNIQUE[name]}
        if seen.isdisjoint(marks):
            seen |= marks
            yield row


def tuning_rows(name: str, rng: Random) -> Iterator[dict[str, str]]:
    """Rows without end that the shipped dataset does not hold: what the model is tuned on."""
    column = UNIQUE[name][0]
    shipped = {row[column] for rows in splits(name).values() for row in rows}
    while True:
        row = MAKERS[name](rng)
        if row[column] not in shipped:
            yield row


def write(folder: Path) -> None:
    """Write every dataset as `FOLDER/<name>/<split>.jsonl`."""
    for name in SIZES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for split, rows in splits(name).items():
            (folder / name / f"{split}.jsonl").write_text(lines(rows), encoding="utf-8")


def lines(rows: list[dict[str, str]]) -> str:
    """The rows as JSONL text."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
