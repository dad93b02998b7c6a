"""What is shown of a dataset's rows: lines of cells in a list, a row in full, and where one stands. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.tui.clean import clean, visible
from workbench.tui.pages import Cell, Kind, Line
from workbench.tui.present.cells import number_of
from workbench.tui.widgets.text_view import Section

CELL_LIMIT = 300
"""The most characters of a value that a list shows."""
ROW_LIMIT = 400_000
"""About how many characters of a row are shown when it is opened; its columns share them."""
LEAST_LIMIT = 500
BEFORE_HIT = 150
"""How much of a long value is kept before what was looked for."""
NAMED_TEXT = 24
SHORT_JSON = 72
TURN_KEYS = (("role", "content"), ("from", "value"))


def line(
    number: int, row: Mapping[str, Any], columns: Sequence[str], sought: re.Pattern[str] | None = None
) -> Line:
    """One row of a list.

    Args:
        number: The row's number in its split.
        row: Its values by column.
        columns: The columns to show, in order.
        sought: What it finds is to be seen even where that stands far inside a long value.
    """
    return Line(number, tuple(cell(row.get(column), sought) for column in columns))


def cell(value: Any, sought: re.Pattern[str] | None = None) -> Cell:
    """One value on a line: a text as it is, anything else as JSON."""
    if value is None:
        return Cell("null", "null")
    if value == "":
        return Cell("empty", "null")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(clean(f"{value:.6g}" if isinstance(value, float) else str(value), CELL_LIMIT), "number")
    text = value if isinstance(value, str) else dumped(value)
    kind: Kind = "text" if isinstance(value, str) else "other"
    found = sought.search(text) if sought is not None else None
    if found is not None and found.end() > CELL_LIMIT:
        begin = found.start() - BEFORE_HIT
        return Cell(clean("…" + text[begin : begin + CELL_LIMIT], CELL_LIMIT), kind)
    return Cell(clean(text[: CELL_LIMIT + 1], CELL_LIMIT), kind)


def dumped(value: Any, indent: int | None = None) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str, indent=indent)


def whole(value: Any) -> str:
    """A value as it is copied: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else dumped(value)


def sections(row: Mapping[str, Any], columns: Sequence[str]) -> list[Section]:
    """A row in full, a section for each column."""
    limit = max(ROW_LIMIT // max(len(columns), 1), LEAST_LIMIT)
    return [_section(column, row.get(column), limit) for column in columns]


def _section(column: str, value: Any, limit: int) -> Section:
    title = clean(column, 200)
    if value is None or value == "":
        return Section(title, "", "null" if value is None else "empty")
    text = value if isinstance(value, str) else turns(value) or _spread_out(value)
    note = _kind(value)
    if len(text) > limit:
        note = f"the first {limit:,} of {len(text):,} characters; copying takes all"
    return Section(title, visible(text, limit), note)


def _spread_out(value: Any) -> str:
    """JSON on one line where it is short, else on many."""
    text = dumped(value)
    return text if len(text) <= SHORT_JSON else dumped(value, indent=2)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return number_of(len(value), "character")
    if isinstance(value, list):
        return "conversation" if turns(value) else f"list of {len(value):,}"
    if isinstance(value, dict):
        return f"object of {len(value):,}"
    return "true or false" if isinstance(value, bool) else "number"


def turns(value: Any) -> str:
    """A conversation as people read one; empty when the value is none."""
    if not isinstance(value, list) or not value:
        return ""
    for speaker, words in TURN_KEYS:
        if all(
            isinstance(turn, dict) and turn.keys() == {speaker, words} and isinstance(turn[words], str)
            for turn in value
        ):
            return "\n\n".join(f"{turn[speaker]}:\n{turn[words]}" for turn in value)
    return ""


def place(dataset: str, split: str, row: int, rows: int) -> str:
    """Where one stands: `talk · train · row 1,204 of 5,000,000`."""
    stands = f"row {row:,} of {rows:,}" if rows else "no rows"
    return f"{clean(dataset, 40)} · {clean(split, 40)} · {stands}"


def hit_place(dataset: str, split: str, text: str, hit: int | None, hits: int, row: int | None) -> str:
    """Where one stands among the rows that were found: `talk · train · /word · hit 3 of 57, row 1,204`."""
    head = f"{clean(dataset, 40)} · {clean(split, 40)} · /{clean(text, NAMED_TEXT)}"
    if hit is None or row is None:
        return head
    return f"{head} · hit {hit + 1:,} of {hits:,}, row {row:,}"


def search_state(hits: int, reached: int, rows: int, *, searching: bool) -> str:
    """How far a search is: `searching 24%: 57 rows so far`, `57 of 5,000,000 rows`."""
    share = f"{100 * reached // max(rows, 1)}%"
    found = number_of(hits, "row")
    if searching:
        return f"searching {share}: {found} so far"
    if reached < rows:
        return f"{found} in the first {share}; going on finds more"
    return f"{hits:,} of {rows:,} rows"
