"""What is said of a dataset's columns: a table of figures, one column in full, how far the counting is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, number_text, progress_bar
from workbench.tui.present.cells import STRONG, WARNING, Row, facts, lines, outside, quiet

Figures = Mapping[str, Any]
"""Of `store.datasets.statistics`."""

BAR_CELLS = 20
VALUE_CELLS = 40
SHORT_VALUE = 16


def table(figures: Figures) -> list[Row]:
    """A line for each column."""
    rows = max(figures["read"], 1)
    return [
        (
            name,
            (
                outside(name),
                ", ".join(column["kinds"]) or quiet("nothing"),
                _share(column["missing"], rows),
                _share(column["empty"], rows),
                distinct(column),
                sizes(column),
                _frequent(column),
            ),
        )
        for name, column in figures["columns"].items()
    ]


def _share(count: int, rows: int) -> Content:
    """A count that is worth a look unless it is 0."""
    if not count:
        return quiet("0")
    share = 100 * count / rows
    told = f"{share:.0f}%" if share >= 1 else "<1%"
    return Content.styled(told, WARNING)


def distinct(column: Figures) -> str:
    """How many different values there are: `12`, `over 100,000`."""
    return f"{column['distinct']:,}" if column["distinct_exact"] else f"over {column['distinct']:,}"


def sizes(column: Figures) -> str:
    """The range of a column in a few characters: of its numbers, its texts' lengths, its lists' items."""
    if (number := column["number"]) is not None:
        return _between(figure(number["min"]), figure(number["max"]))
    for key, unit in (("length", "chars"), ("items", "items")):
        if (held := column[key]) is not None:
            return f"{_between(figure(held['min']), figure(held['max']))} {unit}"
    return ""


def _between(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def figure(value: float) -> str:
    """A number of a column: a whole one in full, another in four digits."""
    whole = int(value) if abs(value) < 1e15 else None
    return f"{whole:,}" if whole == value else number_text(value)


def _frequent(column: Figures) -> str:
    repeated = [(value, count) for value, count in column["values"] if count > 1]
    return ", ".join(f"{shown(value, SHORT_VALUE)} {count:,}" for value, count in repeated)


def shown(value: Any, limit: int) -> str:
    """A value as it is told among others; an empty text can be seen."""
    return clean(value if isinstance(value, str) and value.strip() else json.dumps(value), limit)


def detail(column: Figures, read: int, signs: Glyphs = UNICODE) -> Content:
    """Everything that was counted of one column."""
    told = facts(
        (
            ("kinds", ", ".join(f"{kind} {count:,}" for kind, count in column["kinds"].items())),
            ("missing", f"{column['missing']:,} of {read:,}"),
            ("empty", f"{column['empty']:,}"),
            ("different", distinct(column)),
            ("characters", _spread(column["length"])),
            ("items", _spread(column["items"])),
            ("numbers", _range(column["number"])),
        )
    )
    values = column["values"]
    if not values:
        return told
    width = max(len(shown(value, VALUE_CELLS)) for value, _ in values)
    most = max(count for _, count in values)
    bars = [
        Content.assemble(
            shown(value, VALUE_CELLS).ljust(width + 2),
            progress_bar(count, most, BAR_CELLS, signs),
            f"  {count:,}",
            (f"  {100 * count / max(read, 1):.1f}%", "$text-muted"),
        )
        for value, count in values
    ]
    return lines([told, "", Content.styled("most frequent", STRONG), *bars])


def _spread(held: Mapping[str, float] | None) -> str:
    if held is None:
        return ""
    least, median, high, most = (f"{held[key]:,.0f}" for key in ("min", "median", "p95", "max"))
    return f"{_between(least, most)}, median {median}, mean {held['mean']:,.0f}, 95% up to {high}"


def _range(number: Mapping[str, float] | None) -> str:
    if number is None:
        return ""
    least, mean, most = (figure(number[key]) for key in ("min", "mean", "max"))
    return f"{_between(least, most)}, mean {mean}"


def title(dataset: str, figures: Figures | None) -> str:
    """What the figures are of: `columns of talk · a sample of 20,000 of 5,000,000 rows`."""
    head = f"columns of {clean(dataset, 40)}"
    if figures is None:
        return head
    read, rows = figures["read"], figures["rows"]
    return f"{head} · all {rows:,} rows" if read == rows else f"{head} · {read:,} of {rows:,} rows"


def counting(read: int, rows: int) -> str:
    """How far the counting is."""
    return f"counting all rows: {100 * read // max(rows, 1)}%"
