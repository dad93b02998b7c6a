"""What the Datasets screen says of datasets: the list, and everything about one; `rows` speaks of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from store.sizes import bytes_text
from workbench.tui.clean import clean, origin
from workbench.tui.present.cells import BAD, Row, age, facts, lines, number_of, outside, quiet, short

if TYPE_CHECKING:
    from store.datasets import Dataset
    from store.lines import BadLine

NAMED_COLUMNS = 12

EMPTY = (
    "No datasets yet.\n\n"
    "Press {key:datasets.add} and give a file (JSONL, JSON, CSV, TSV, Parquet, text), a folder of train,\n"
    "validation and test files, or a Hub id such as owner/name.\n\n"
    "What is put into the store's inbox folder comes in by itself."
)
SOURCE_HELP = (
    "JSONL, JSON, CSV, TSV, Parquet or text, compressed or not; a folder with a file per split;\n"
    "owner/name on the Hub. Lines that cannot be read are left out and told."
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


def columns(names: Sequence[str], figures_key: str) -> str:
    """The first columns by name; the figures, which a key shows, tell of all."""
    more = len(names) - NAMED_COLUMNS
    return ", ".join(names[:NAMED_COLUMNS]) + (
        f" and {more:,} more; {figures_key} tells of all" if more > 0 else ""
    )


def detail(of: Dataset, bad: Sequence[BadLine], now: float, figures_key: str) -> Content:
    """Everything about one dataset, with the first lines that were left out and why."""
    told = facts(
        (
            ("rows", f"{of.rows:,}" if len(of.splits) > 1 else splits(of.splits)),
            ("splits", splits(of.splits) if len(of.splits) > 1 else ""),
            ("columns", columns(of.columns, figures_key)),
            ("format", f"{of.format}, {bytes_text(of.bytes)}"),
            ("source", origin(of.source) if of.source else ""),
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
