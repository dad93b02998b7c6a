"""Dividing a split: equal rows together, the same for the same seed, the old files kept, all or nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from store import BadInput, Conflict, Store, open_store


def add(store: Store, path: Path, rows: list[dict[str, Any]], name: str) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.datasets.add(path, name=name)


def texts(store: Store, name: str, split: str) -> list[str]:
    return [row["text"] for row in store.datasets.rows(name, split)]


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"n": number, "text": f"row {number}"} for number in range(count)]


def test_the_sides_have_the_shares_asked_for_and_keep_the_order(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", numbered(1000), "d")
    division = store.datasets.split("d", {"test": 0.1, "validation": 0.2})
    assert division.dataset.splits == {"train": 700, "validation": 200, "test": 100}
    assert (division.groups, division.duplicates) == (1000, 0)
    sides = [list(store.datasets.rows("d", split)) for split in division.dataset.splits]
    for side in sides:
        assert [row["n"] for row in side] == sorted(row["n"] for row in side)
    assert sorted((row for side in sides for row in side), key=lambda row: row["n"]) == numbered(1000)
    assert store.datasets.row("d", "train", 699) == sides[0][-1]


def test_equal_rows_never_stand_on_two_sides(store: Store, tmp_path: Path) -> None:
    """Equal but for white space and case, nested texts included."""
    rows = []
    for number in range(400):
        for copy in range(number % 3 + 1):
            spelt = [f"Text  number {number}", f" text NUMBER\t{number}\n", f"TEXT number {number}"][copy]
            rows.append({"text": spelt, "chat": [{"role": "user", "content": spelt}]})
    random.Random(1).shuffle(rows)
    add(store, tmp_path / "a.jsonl", rows, "d")
    division = store.datasets.split("d", {"test": 0.2, "validation": 0.2}, seed=5)
    assert (division.groups, division.duplicates) == (400, len(rows) - 400)
    sides = [
        {" ".join(text.split()).casefold() for text in texts(store, "d", split)}
        for split in ("train", "validation", "test")
    ]
    assert sum(map(len, sides)) == 400
    assert abs(division.dataset.splits["test"] - 0.2 * len(rows)) <= 3


def test_the_division_follows_the_rows_and_the_seed_and_not_their_order(store: Store, tmp_path: Path) -> None:
    rows = numbered(500)
    add(store, tmp_path / "a.jsonl", rows, "a")
    add(store, tmp_path / "b.jsonl", rows, "b")
    add(store, tmp_path / "c.jsonl", rows[::-1], "c")
    sides = []
    for name, seed in (("a", 0), ("b", 1), ("c", 0)):
        store.datasets.split(name, {"test": 0.1}, seed=seed)
        sides.append(set(texts(store, name, "test")))
    assert sides[0] == sides[2] != sides[1]


def test_one_row_repeated_a_thousand_times_does_not_fill_the_test_set(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", numbered(200) + [{"n": 0, "text": "same"}] * 1000, "d")
    for seed in range(5):
        splits = store.datasets.split("d", {"test": 0.1}, seed=seed).dataset.splits
        assert splits == {"train": 1080, "test": 120}
        assert "same" not in texts(store, "d", "test")
        store.datasets.unsplit("d")


def test_rows_can_be_kept_together_by_a_column(store: Store, tmp_path: Path) -> None:
    rows = [{"n": number, "text": f"speaker {number % 50}"} for number in range(1000)]
    add(store, tmp_path / "a.jsonl", rows, "d")
    division = store.datasets.split("d", {"test": 0.3}, by=["text"])
    assert division.groups == 50
    assert not {*texts(store, "d", "train")} & {*texts(store, "d", "test")}


def test_the_files_that_were_added_stay_and_a_division_can_be_taken_back(
    store: Store, tmp_path: Path
) -> None:
    add(store, tmp_path / "a.jsonl", numbered(100), "d")
    whole = store.datasets.get("d")
    divided = store.datasets.split("d", {"test": 0.1}).dataset
    assert (whole.path / "train.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert divided.fingerprint != whole.fingerprint and divided.bytes == 2 * whole.bytes
    store.datasets.split("d", {"validation": 0.1})
    assert store.datasets.unsplit("d") == divided
    assert store.datasets.unsplit("d") == whole
    assert list(store.datasets.rows("d")) == numbered(100)
    assert {path.name for path in whole.path.rglob("*") if path.is_file()} == {
        "card.json", "train.jsonl", "train-train.u64"
    }  # fmt: skip
    with pytest.raises(Conflict, match="was not divided"):
        store.datasets.unsplit("d")


def test_a_split_added_after_a_division_stays_when_it_is_taken_back(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", numbered(100), "d")
    store.datasets.split("d", {"test": 0.1})
    store.datasets.add(tmp_path / "a.jsonl", name="d", split="validation")
    assert store.datasets.unsplit("d").splits == {"train": 100, "validation": 100}


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.json"])
def test_every_format_can_be_divided(store: Store, tmp_path: Path, name: str) -> None:
    lines = [f"line {number}, ä" for number in range(300)]
    content = {
        "a.csv": "text\n" + "".join(f'"{line}"\n' for line in lines),
        "a.txt": "".join(f"{line}\n" for line in lines),
        "a.json": json.dumps([{"text": line} for line in lines]),
    }
    (tmp_path / name).write_text(content[name])
    store.datasets.add(tmp_path / name)
    assert store.datasets.split("a", {"test": 0.1}).dataset.splits == {"train": 270, "test": 30}
    assert sorted(texts(store, "a", "train") + texts(store, "a", "test")) == sorted(lines)


@pytest.mark.parametrize(
    ("shares", "options", "told"),
    [
        ({}, {}, "between 0 and 1"),
        ({"test": 1.5}, {}, "between 0 and 1"),
        ({"test": 0.5, "validation": 0.5}, {}, "leave nothing to 'train'"),
        ({"train": 0.5}, {}, "into itself"),
        ({"te/st": 0.5}, {}, "cannot be a name"),
        ({"test": 0.5}, {"by": ["x"]}, "no column 'x'"),
        ({"test": 0.5}, {"source": "dev"}, "has no split 'dev'"),
    ],
)
def test_what_cannot_be_divided_is_refused_and_nothing_changes(
    store: Store, tmp_path: Path, shares: dict[str, float], options: dict[str, Any], told: str
) -> None:
    add(store, tmp_path / "a.jsonl", numbered(10), "d")
    before = store.datasets.get("d")
    with pytest.raises(Exception, match=told):
        store.datasets.split("d", shares, **options)
    assert store.datasets.get("d") == before


def test_rows_that_are_all_alike_are_refused(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", [{"text": "same"}] * 50, "d")
    with pytest.raises(BadInput, match=r"50 rows, 1 of them different, leave none for 'test'"):
        store.datasets.split("d", {"test": 0.1})
    assert not list((store.root / ".staging").iterdir())


def test_a_dataset_that_a_run_needs_is_not_divided(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", numbered(10), "d")
    store.runs.create(name="x", model="m", dataset="d", template="t", method="lora", settings={}, lineage={})
    for change in (lambda: store.datasets.split("d", {"test": 0.1}), lambda: store.datasets.unsplit("d")):
        with pytest.raises(Conflict, match=r"needed by run r1 \(queued\)"):
            change()


def test_a_split_that_exists_is_not_made_again(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "a.jsonl", numbered(10), "d")
    store.datasets.split("d", {"test": 0.1})
    with pytest.raises(Conflict, match="has a split 'test' already"):
        store.datasets.split("d", {"test": 0.1})


DIE = """
import os, sys
import store.datasets
from store import open_store
point, root = sys.argv[1:]

def die(*arguments, **options):
    os.kill(os.getpid(), 9)

if point == "after the card":
    store.datasets.row_of = die
else:
    store.datasets.write_atomic = die
with open_store(root) as opened:
    opened.datasets.split("d", {"test": 0.1})
"""


@pytest.mark.parametrize(
    ("point", "expected"),
    [("before the card", {"train": 100}), ("after the card", {"train": 90, "test": 10})],
)
def test_a_process_killed_at_any_point_leaves_the_old_or_the_new_state(
    store: Store, tmp_path: Path, point: str, expected: dict[str, int]
) -> None:
    """The card's rename is the point of no return; the catalog's row follows the card."""
    add(store, tmp_path / "a.jsonl", numbered(100), "d")
    done = subprocess.run([sys.executable, "-c", DIE, point, str(store.root)], check=False)
    assert done.returncode == -9
    with open_store(store.root) as other:
        assert other.datasets.get("d").splits == other.datasets.list()[0].splits == expected
        for split, count in expected.items():
            assert len(list(other.datasets.rows("d", split))) == count
        if "test" not in expected:
            assert other.datasets.split("d", {"test": 0.1}).dataset.splits == {"train": 90, "test": 10}
