"""Figures of columns: counted exactly where possible, sampled where it is said, kept until rows change."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from store import Store


def add(store: Store, path: Path, rows: list[dict[str, Any]], **options: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.datasets.add(path, name="d", **options)


def test_every_kind_of_value_is_counted(store: Store, tmp_path: Path) -> None:
    rows = [
        {"a": "x", "b": 1, "c": True, "d": [1, 2], "e": {"k": 1}},
        {"a": "", "b": 2.5, "c": False, "d": []},
        {"a": " \n", "b": -3, "c": True, "d": [1]},
        {"a": None, "b": "text", "c": 1},
    ]
    add(store, tmp_path / "a.jsonl", rows)
    found = store.datasets.statistics("d")
    assert (found["rows"], found["read"], found["sampled"], found["splits"]) == (4, 4, False, ["train"])
    columns = found["columns"]
    assert list(columns) == ["a", "b", "c", "d", "e"]
    assert columns["a"]["kinds"] == {"text": 3} and columns["a"]["missing"] == 1
    assert columns["a"]["empty"] == 2
    assert columns["a"]["length"] == {"min": 0, "median": 1, "p95": 2, "max": 2, "mean": 1.0}
    assert columns["b"]["kinds"] == {"number": 3, "text": 1}
    assert columns["b"]["number"] == {"min": -3, "mean": pytest.approx(1 / 6), "max": 2.5}
    assert columns["c"]["kinds"] == {"boolean": 3, "number": 1}
    assert columns["c"]["values"] == [[True, 2], [False, 1], [1, 1]]  # 1 and true are two values
    assert columns["d"]["items"]["max"] == 2 and columns["d"]["empty"] == 1
    assert columns["e"] == {
        "kinds": {"object": 1}, "missing": 3, "empty": 0, "distinct": 1, "distinct_exact": True,
        "length": None, "number": None, "items": None, "values": [],
    }  # fmt: skip


def test_lengths_are_those_of_the_texts(store: Store, tmp_path: Path) -> None:
    lengths = [(number * 7919) % 5000 for number in range(3000)]
    add(store, tmp_path / "a.jsonl", [{"text": "ä" * length} for length in lengths])
    found = store.datasets.statistics("d")["columns"]["text"]["length"]
    assert found["min"] == min(lengths) and found["max"] == max(lengths)
    assert found["mean"] == pytest.approx(statistics.mean(lengths))
    assert found["median"] == pytest.approx(statistics.median_low(lengths), rel=1e-3)
    assert found["p95"] == pytest.approx(sorted(lengths)[2849], rel=1e-3)


def test_different_values_are_counted_up_to_a_bound(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"id": n, "of": n % 3} for n in range(100_500)])
    columns = store.datasets.statistics("d")["columns"]
    assert (columns["id"]["distinct"], columns["id"]["distinct_exact"]) == (100_000, False)
    assert (columns["of"]["distinct"], columns["of"]["distinct_exact"]) == (3, True)
    assert columns["of"]["values"] == [[0, 33_500], [1, 33_500], [2, 33_500]]
    assert columns["id"]["values"] == []


def test_a_sample_is_spread_over_all_rows_and_says_so(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"n": number} for number in range(20_000)])
    found = store.datasets.statistics("d", limit=2000)
    assert (found["rows"], found["read"], found["sampled"]) == (20_000, 2000, True)
    assert found["columns"]["n"]["number"]["mean"] == pytest.approx(10_000, rel=0.1)
    assert store.datasets.statistics("d", limit=20_000)["sampled"] is False


def test_one_split_can_be_described(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"n": 1}])
    add(store, tmp_path / "b.jsonl", [{"n": 5}], split="test")
    assert store.datasets.statistics("d", "test")["columns"]["n"]["number"]["min"] == 5
    assert store.datasets.statistics("d")["columns"]["n"]["number"] == {"min": 1, "mean": 3, "max": 5}


def test_figures_are_kept_until_the_rows_change(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"n": 1}])
    seen: list[int] = []
    first = store.datasets.statistics("d", progress=seen.append)
    assert seen == [1]
    assert store.datasets.statistics("d", progress=seen.append) == first and seen == [1]
    add(store, tmp_path / "b.jsonl", [{"n": 2}], split="test")
    assert store.datasets.statistics("d", progress=seen.append)["rows"] == 2 and seen == [1, 2]
    (kept,) = store.datasets.get("d").path.glob("statistics-*.json")
    kept.write_text("{")  # disposable: a broken one is made again
    assert store.datasets.statistics("d")["rows"] == 2


def test_given_up_figures_are_of_what_was_read_and_not_kept(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"n": number} for number in range(5000)])
    found = store.datasets.statistics("d", stop=lambda: True)
    assert found["finished"] is False and 0 < found["read"] < 5000
    assert store.datasets.statistics("d")["read"] == 5000
