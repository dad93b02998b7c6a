"""On a real terminal: a set of many rows is browsed at once and in bounded memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import Store

ROWS = 300_000
MANY_ROWS = 5_000_000
MOST_BYTES = 200_000_000


def most_resident_bytes(pid: int) -> int:
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024


def test_300_000_rows_are_paged_and_searched_in_less_than_200_mb(
    terminal: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "large.jsonl"
    with file.open("w") as lines:
        for number in range(ROWS):
            row = {"id": number, "text": f"row number {number} " + "and some more words " * 15}
            lines.write(json.dumps(row) + "\n")
    store.datasets.add(file, name="large")
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.press("3")
    before = time.monotonic()
    opened.wait_for("row 0 of 300,000")
    opened.wait_for("row number 10")
    assert time.monotonic() - before < 5
    opened.press("\r")
    opened.wait_for("column 1 of 2")
    for _ in range(40):
        opened.press("\x04" * 10)
        opened.read_for(0.02)
    opened.press("G")
    opened.wait_for("row number 299999")
    opened.press("g")
    opened.wait_for("row number 18")
    opened.press("/number 299998\r")  # in one burst, as over a slow line
    opened.wait_for("hit 1 of 1, row 299,998")
    opened.press("t150,000\r")
    opened.wait_for("row 150,000 of 300,000")
    opened.press("f")
    opened.wait_for("all 300,000 rows", seconds=60)
    assert most_resident_bytes(opened.process.pid) < MOST_BYTES
    opened.press("q")
    assert opened.ends_within(5) == 0


@pytest.mark.benchmark
def test_the_first_page_of_five_million_rows_is_there_within_a_second(
    terminal: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "large.jsonl"
    with file.open("w") as lines:
        for number in range(MANY_ROWS):
            lines.write(f'{{"id": {number}, "text": "row number {number} and some more words of it"}}\n')
    store.datasets.add(file, name="large")
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.read_for(1)
    begun = time.monotonic()
    opened.press("3")
    opened.wait_for("row number 7 and")
    first = time.monotonic() - begun
    opened.press("\r")
    opened.wait_for("column 1 of 2")
    opened.press("G")
    opened.wait_for("row number 4999999 and")
    bytes_held = most_resident_bytes(opened.process.pid)
    print(f"\n{MANY_ROWS:,} rows: first page {first:.2f} s after the key, {bytes_held / 1e6:.0f} MB")
    assert first < 1 and bytes_held < MOST_BYTES


@pytest.mark.slow
def test_rows_of_a_megabyte_and_thousands_of_columns_are_browsed_in_less_than_200_mb(
    terminal: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    long, wide = tmp_path / "long.jsonl", tmp_path / "wide.jsonl"
    with long.open("w") as lines:
        for number in range(200):
            lines.write(json.dumps({"id": number, "text": f"long {number} " + "word " * 200_000}) + "\n")
    with wide.open("w") as lines:
        for number in range(2000):
            lines.write(json.dumps({f"c{at}": f"value {number} of {at}" for at in range(1500)}) + "\n")
    store.datasets.add(long, name="long")
    store.datasets.add(wide, name="wide")
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.press("3")
    opened.wait_for("row 0 of 200")
    opened.press("\r")
    opened.wait_for("long 0 word")
    opened.press("G")
    opened.wait_for("long 199 word", seconds=30)
    opened.press("\r")
    opened.wait_for("characters; copying takes all", seconds=30)
    opened.press("G")
    opened.read_for(0.5)
    opened.press("\x1b")
    opened.wait_for("column 2 of 2")
    opened.press("\x1b")
    opened.wait_for("datasets")
    opened.press("j\r")
    opened.wait_for("column 1 of 1500")
    opened.wait_for("value 0 of 1")
    opened.press("G")
    opened.wait_for("value 1999 of 1", seconds=30)
    assert most_resident_bytes(opened.process.pid) < MOST_BYTES
