"""What is printed: JSON for any parser, tables that stay aligned, and nothing that steers the terminal."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from store.run_status import STATUSES
from workbench.cli.output import STATUS_MARKS, Column, cell, jsonable, print_json, status, table


@dataclass(frozen=True)
class Thing:
    """A record as the rooms hand it out."""

    name: str
    path: Path
    loss: float
    parts: tuple[str, ...]


def test_records_become_plain_json() -> None:
    """Paths are texts, tuples are lists."""
    document = jsonable({"thing": Thing("a", Path("/x"), 0.5, ("b", "c"))})
    assert document == {"thing": {"name": "a", "path": "/x", "loss": 0.5, "parts": ["b", "c"]}}


def test_a_nan_is_told_and_the_document_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Strict parsers know no NaN; null would hide it."""
    print_json({"loss": [math.nan, math.inf, -math.inf, 1.5]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "loss": ["NaN", "Infinity", "-Infinity", 1.5]
    }


def test_json_holds_no_control_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything beyond ASCII is escaped, so a document is safe to look at."""
    hostile = "\x1b]52;c;aGk=\x07\x9b\u202e\udc80"
    print_json({hostile: hostile})
    out = capsys.readouterr().out
    assert out.rstrip("\n").isprintable()
    assert out.isascii()
    assert json.loads(out) == {hostile: hostile}


def test_columns_are_aligned_by_what_the_terminal_draws() -> None:
    """Wide characters take two cells, combining marks none."""
    columns = [Column("NAME", lambda row: row[0]), Column("N", lambda row: row[1], right=True)]
    lines = click.unstyle(
        table(columns, [("日本", "1"), ("abcd", "22"), ("e\u0301bcd", "3")], empty="")
    ).splitlines()
    assert lines == ["NAME   N", "日本   1", "abcd  22", "e\u0301bcd   3"]


def test_an_empty_table_says_what_to_do() -> None:
    """No headings over nothing."""
    assert table([Column("NAME", str)], [], empty="add one") == "add one"


def test_cells_are_cleaned_and_on_one_line() -> None:
    """Text from outside cannot break a row."""
    assert cell("a\nb\x1b[2J") == "a↵b␛[2J"
    assert cell(None) == cell("") == "-"


def test_every_status_has_a_glyph_and_its_word() -> None:
    """Shape and word say it without colour."""
    assert set(STATUSES) <= STATUS_MARKS.keys()
    for word in STATUSES:
        glyph, name = click.unstyle(status(word)).split()
        assert (len(glyph), name) == (1, word)
    assert len({marks[0] for word, marks in STATUS_MARKS.items() if word in STATUSES}) == len(STATUSES)
