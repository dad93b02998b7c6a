"""The figures of a dataset's columns as a table of a terminal's width."""

from __future__ import annotations

import json
from typing import Any

from workbench.cli import figures
from workbench.cli.output import Column, cell, table

SAMPLE_ROWS = 100_000
SHOWN_COLUMNS = 200

COLUMNS = (
    Column("COLUMN", lambda column: cell(column["name"]), shrinks=True),
    Column("KIND", lambda column: ", ".join(column["kinds"]) or "-"),
    Column("MISSING", lambda column: f"{column['missing']:,}", right=True),
    Column("EMPTY", lambda column: f"{column['empty']:,}", right=True),
    Column("DIFFERENT", lambda column: _distinct(column), right=True),
    Column("SIZES", lambda column: _sizes(column)),
    Column("MOST FREQUENT", lambda column: _values(column), shrinks=True),
)


def statistics_text(statistics: dict[str, Any]) -> str:
    """Write the figures of `store.datasets.statistics`, and of how many rows they are."""
    columns = [{"name": name, **column} for name, column in statistics["columns"].items()]
    read, rows = statistics["read"], statistics["rows"]
    about = f"of all {rows:,} rows"
    if statistics["sampled"]:
        about = f"of a sample of {read:,} of {rows:,} rows, spread over them; --full reads all"
    more = (
        f"; {len(columns) - SHOWN_COLUMNS:,} more columns in --json" if len(columns) > SHOWN_COLUMNS else ""
    )
    drawn = table(COLUMNS, columns[:SHOWN_COLUMNS], empty="no columns")
    return f"{drawn}\n{about}; lengths in characters or items: least, median, 95 %, most{more}"


def _distinct(column: dict[str, Any]) -> str:
    count = f"{column['distinct']:,}"
    return count if column["distinct_exact"] else f"more than {count}"


def _sizes(column: dict[str, Any]) -> str:
    told = []
    for key in ("length", "items"):
        if (held := column[key]) is not None:
            told.append(" ".join(f"{held[at]:,}" for at in ("min", "median", "p95", "max")))
    if (number := column["number"]) is not None:
        least, mean, most = (figures.value(number[at]) for at in ("min", "mean", "max"))
        told.append(f"{least} to {most}, mean {mean}")
    return "; ".join(told) or "-"


def _values(column: dict[str, Any]) -> str:
    shown = [
        f"{cell(value if isinstance(value, str) else json.dumps(value), limit=30)} {count:,}"
        for value, count in column["values"]
        if count > 1
    ]
    return ", ".join(shown[:5]) or "-"
