"""What the Datasets screen says: the list, the rows of one dataset page by page, and what was left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import bytes_text
from workbench.tui.present.cells import BAD, STRONG, Row, age, facts, lines, number_of, outside, quiet, short

if TYPE_CHECKING:
    from store.datasets import Dataset
    from store.lines import BadLine

VALUE_LIMIT = 50_000
"""The most characters of one value that are shown when its row is opened."""
CELL_LIMIT = 500
"""The most characters of a dataset's value that a preview shows."""

EMPTY = (
    "No datasets yet.\n\n"
    "Press a and give a file (JSONL, JSON, CSV, TSV, Parquet, text) or a folder of\n"
    "train, validation and test files."
)


def table(found: Iterable[Dataset]) -> list[Row]:
    """The dataset list."""
    return [
        (
            dataset.name,
            (
                outside(dataset.name),
                f"{dataset.rows:,}",
                outside(splits(dataset.splits)),
                str(len(dataset.columns)),
                dataset.format,
                bytes_text(dataset.bytes),
                Content.styled(f"{dataset.bad_lines:,}", BAD) if dataset.bad_lines else quiet("0"),
            ),
        )
        for dataset in found
    ]


def splits(rows: Mapping[str, int]) -> str:
    """Splits with their rows: `train 800, test 100`."""
    return ", ".join(f"{name} {count:,}" for name, count in rows.items())


def detail(of: Dataset, bad: Sequence[BadLine], now: float) -> Content:
    """Everything about one dataset, with the first lines that were left out and why."""
    told = facts(
        (
            ("rows", f"{of.rows:,}: {splits(of.splits)}"),
            ("columns", ", ".join(of.columns)),
            ("format", f"{of.format}, {bytes_text(of.bytes)}"),
            ("source", of.source),
            ("fingerprint", short(of.fingerprint)),
            ("added", f"{age(of.created, now)} ago"),
        )
    )
    if not bad:
        return told
    left_out = [
        Content.assemble((f"  line {line.line}", BAD), f" of {clean(str(line.file))}: {clean(line.reason)}")
        for line in bad
    ]
    return lines([told, Content.styled(f"\n{number_of(of.bad_lines, 'bad line')} left out:", BAD), *left_out])


def cell(value: Any) -> Content:
    """One value of a dataset's row as a line: a text as it is, anything else as JSON."""
    if value is None:
        return quiet("null")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return Content(clean(text, CELL_LIMIT))


def preview(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], start: int) -> list[Row]:
    """A page of a dataset's rows, with their numbers.

    Args:
        rows: The page.
        columns: The columns to show, in order.
        start: The number of the first row.
    """
    return [
        (str(start + offset), (quiet(str(start + offset)), *(cell(row.get(column)) for column in columns)))
        for offset, row in enumerate(rows)
    ]


def page_title(dataset: Dataset, split: str, start: int, shown: int) -> str:
    """Where a preview stands: `train, rows 0-49 of 800`."""
    if not shown:
        return f"{clean(split)}: no rows"
    return f"{clean(split)}, rows {start:,}-{start + shown - 1:,} of {dataset.splits[split]:,}"


def whole_row(row: Mapping[str, Any]) -> Content:
    """A row with every value in full, one column below the other."""
    parts: list[Content | str] = []
    for column, value in row.items():
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str, indent=2)
        )
        parts += [Content.styled(clean(column, 200), STRONG), safe(text, limit=VALUE_LIMIT), ""]
    return lines(parts)
