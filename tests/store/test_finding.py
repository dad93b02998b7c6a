"""Searching rows: every match whatever its spelling in the file, in both directions, to be gone on with."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from store import NotFound, Store, patterns
from store.finding import Found

WORDS = [
    "größe",
    "ÄPFEL",
    "漢字テスト",
    "plain",
    'a"b',
    "x/y\\z",
    "tab\there",
    "🍎apple",
    "two\nlines",
    "<b>",
]
NEEDLES = ["Größe", "äpfel", "Ä", "ÖSS", "漢字", "字", "PLAIN", 'a"B', "x/y", "\\z", "🍎"]
NEEDLES += ["<B>", "nowhere", "1999", "\t", "\n", "row 17"]


def make_rows() -> list[dict[str, Any]]:
    source = random.Random(0)
    return [
        {"n": str(number), "text": f"Row {number % 900} {source.choice(WORDS)}"} for number in range(2000)
    ]


ROWS = make_rows()


def save(path: Path) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path, row_group_size=300)
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["n", "text"], *(row.values() for row in ROWS)])
    elif path.suffix == ".json":
        path.write_text(json.dumps({"about": ["plain"], "data": ROWS, "more": "plain"}, indent=1))
    else:
        as_ascii = path.stem == "escaped"
        path.write_text("".join(json.dumps(row, ensure_ascii=as_ascii) + "\n" for row in ROWS), "utf-8")
    return path


def numbers_with(needle: str) -> list[int]:
    return [n for n, row in enumerate(ROWS) if any(needle.lower() in text.lower() for text in row.values())]


def search_all(store: Store, needle: str | re.Pattern[str], limit: int, backwards: bool) -> list[int]:
    numbers: list[int] = []
    found = Found([], 0, finished=False)
    start = None
    while not found.finished:
        found = store.datasets.find("d", "train", needle, start, limit, backwards=backwards)
        assert len(found.matches) <= limit
        for number, row in found.matches:
            assert row == ROWS[number]
            numbers.append(number)
        start = found.next
    return numbers


@pytest.mark.parametrize("name", ["a.jsonl", "escaped.jsonl", "a.json", "a.csv", "a.parquet"])
def test_every_match_is_found_in_both_directions(store: Store, tmp_path: Path, name: str) -> None:
    store.datasets.add(save(tmp_path / name), name="d")
    for needle in NEEDLES:
        assert search_all(store, needle, 50, False) == numbers_with(needle), needle
        assert search_all(store, needle, 50, True) == numbers_with(needle)[::-1], needle


def test_a_letter_written_as_an_escape_is_found(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a \\u0048ello"}\n{"text": "caf\\u00C9"}\n{"text": "a\\/b"}\n')
    store.datasets.add(path, name="d")
    for needle, number in (("hello", 0), ("café", 1), ("a/b", 2)):
        assert [n for n, _ in store.datasets.find("d", "train", needle).matches] == [number]


def test_nested_texts_and_numbers_are_searched_and_keys_are_not(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"key": {"deep": ["here"]}, "n": 12.5}\n{"key": null, "n": true}\n')
    store.datasets.add(path, name="d")
    found = {
        needle: [n for n, _ in store.datasets.find("d", "train", needle).matches]
        for needle in ("here", "12.5", "TRUE", "deep", "key")
    }
    assert found == {"here": [0], "12.5": [0], "TRUE": [1], "deep": [], "key": []}


def test_a_search_can_be_given_up_and_gone_on_with(store: Store, tmp_path: Path) -> None:
    store.datasets.add(save(tmp_path / "a.jsonl"), name="d")
    for backwards in (False, True):
        numbers, start, rounds = [], None, 0
        while True:
            found = store.datasets.find(
                "d", "train", "plain", start, 10_000, backwards=backwards, stop=lambda: True
            )
            numbers += [number for number, _ in found.matches]
            start, rounds = found.next, rounds + 1
            if found.finished:
                break
        assert sorted(numbers) == numbers_with("plain") and len(set(numbers)) == len(numbers)
        assert rounds > 1 or backwards


def test_a_search_goes_through_all_files_of_a_split(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for shard in range(3):
        rows = [{"text": f"{shard} {number}"} for number in range(300)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"train-{shard:05}-of-00003.jsonl").write_text(text)
    store.datasets.add(folder)
    forwards = store.datasets.find("d", "train", " 299")
    assert [number for number, _ in forwards.matches] == [299, 599, 899] and forwards.finished
    backwards = store.datasets.find("d", "train", " 299", 899, 2, backwards=True)
    assert [number for number, _ in backwards.matches] == [899, 599] and backwards.next == 598


def test_ends_and_unknown_splits(store: Store, tmp_path: Path) -> None:
    store.datasets.add(save(tmp_path / "a.jsonl"), name="d")
    assert store.datasets.find("d", "train", "row", 5000) == Found([], 2000, finished=True)
    assert store.datasets.find("d", "train", "row", -1, backwards=True) == Found([], -1, finished=True)
    with pytest.raises(NotFound, match="no split 'dev'"):
        store.datasets.find("d", "dev", "row")


@pytest.mark.parametrize("name", ["a.jsonl", "escaped.jsonl", "a.json", "a.csv", "a.parquet"])
def test_a_pattern_finds_what_python_finds(store: Store, tmp_path: Path, name: str) -> None:
    store.datasets.add(save(tmp_path / name), name="d")
    for text in (
        "row 1.9 ",
        "^row [12]5 ",
        "Row 3",
        "plain$",
        "^lines$",
        "größe|row 77",
        "rows? 3+ ",
        "Plain",
    ):
        wanted = patterns.pattern(text)
        numbers = [n for n, row in enumerate(ROWS) if any(map(wanted.search, row.values()))]
        assert search_all(store, wanted, 50, False) == numbers, text
        assert search_all(store, wanted, 50, True) == numbers[::-1], text
