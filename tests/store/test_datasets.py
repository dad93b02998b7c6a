"""Datasets: brought in whole or not at all, split by split, read by page without reading all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from store import BadInput, Conflict, NotFound, Store, open_store
from store.lines import BadLine

GROWTH = """
import sys
from pathlib import Path
from store import open_store

def peak():  # not getrusage, which counts the parent's memory too
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024

with open_store(sys.argv[1]) as store:
    before = peak()
    dataset = store.datasets.add(sys.argv[2], name="big")
    last = store.datasets.row("big", "train", dataset.rows - 1)
    print(dataset.rows, last["n"], peak() - before)
"""


def save_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"n": number, "text": f"row {number}"} for number in range(count)]


def test_a_dataset_is_described_by_what_is_in_it(
    store: Store, dialogue_file: Path, dialogue_rows: list[dict[str, Any]]
) -> None:
    dataset = store.datasets.add(dialogue_file)
    assert (dataset.name, dataset.format, dataset.columns) == ("dialogues", "jsonl", ("dialogue", "summary"))
    assert (dataset.splits, dataset.rows, dataset.bad_lines) == ({"train": 24}, 24, 0)
    assert dataset.bytes == dialogue_file.stat().st_size
    assert (dataset.path / "train.jsonl").read_bytes() == dialogue_file.read_bytes()
    assert list(store.datasets.rows("dialogues")) == dialogue_rows
    assert store.datasets.get("dialogues") == dataset == store.datasets.list()[0]


def test_the_fingerprint_follows_the_content_alone(store: Store, tmp_path: Path) -> None:
    first = store.datasets.add(save_rows(tmp_path / "a.jsonl", numbered(3)))
    same = store.datasets.add(save_rows(tmp_path / "b.jsonl", numbered(3)))
    other = store.datasets.add(save_rows(tmp_path / "c.jsonl", numbered(4)))
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_rows_that_lack_a_column_have_none_there(store: Store, tmp_path: Path) -> None:
    store.datasets.add(save_rows(tmp_path / "a.jsonl", [{"b": 1}, {"a": 2, "b": None}, {"c": []}]))
    assert store.datasets.get("a").columns == ("b", "a", "c")
    assert list(store.datasets.rows("a")) == [
        {"b": 1, "a": None, "c": None},
        {"b": None, "a": 2, "c": None},
        {"b": None, "a": None, "c": []},
    ]


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_any_page_of_a_dataset_can_be_read(store: Store, tmp_path: Path, count: int) -> None:
    rows = numbered(count)
    store.datasets.add(save_rows(tmp_path / "a.jsonl", rows))
    for start in (0, 1, 255, 256, 257, count - 1, count, count + 5):
        assert list(store.datasets.rows("a", "train", start, 3)) == rows[start : start + 3]
    assert store.datasets.row("a", "train", count - 1) == rows[-1]
    for outside in (-1, count):
        with pytest.raises(NotFound, match=f"numbered 0 to {count - 1}"):
            store.datasets.row("a", "train", outside)


def test_pages_count_good_rows_only(store: Store, tmp_path: Path) -> None:
    """Every third line is bad; the index and the pages must still agree."""
    path = tmp_path / "a.jsonl"
    lines = [f'{{"n": {number}}}' if number % 3 else "bad" for number in range(3000)]
    path.write_text("\n".join(lines))
    dataset = store.datasets.add(path, on_bad="skip")
    expected = [number for number in range(3000) if number % 3]
    assert (dataset.rows, dataset.bad_lines) == (2000, 1000)
    assert [row["n"] for row in store.datasets.rows("a")] == expected
    assert [row["n"] for row in store.datasets.rows("a", "train", 700, 50)] == expected[700:750]
    first = BadLine("a.jsonl", 1, "invalid JSON at column 1: Expecting value")
    assert store.datasets.bad_lines("a")[0] == first and len(store.datasets.bad_lines("a")) == 1000


def test_bad_lines_are_refused_by_number_and_nothing_is_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n{"x": \n[]\n\n{"x": NaN}\n7\n')
    with pytest.raises(BadInput) as caught:
        store.datasets.add(path)
    assert "4 bad lines" in caught.value.what and "line 2: invalid JSON" in caught.value.what
    assert "line 3: an array" in caught.value.what and "and 1 more" in caught.value.what
    assert store.datasets.list() == [] and not list((store.root / "datasets").iterdir())
    assert not list((store.root / ".staging").iterdir())


def test_a_split_can_be_added_later(store: Store, tmp_path: Path) -> None:
    before = store.datasets.add(save_rows(tmp_path / "a.jsonl", numbered(300)))
    after = store.datasets.add(save_rows(tmp_path / "b.jsonl", numbered(5)), name="a", split="test")
    assert after.splits == {"train": 300, "test": 5} and after.fingerprint != before.fingerprint
    assert store.datasets.row("a", "test", 4)["n"] == 4
    assert len(list(store.datasets.rows("a"))) == 305
    assert [row["n"] for row in store.datasets.rows("a", start=299)] == [299, 0, 1, 2, 3, 4]


def test_bad_lines_of_a_later_split_join_the_others(store: Store, tmp_path: Path) -> None:
    for name, split in (("a.jsonl", None), ("b.jsonl", "test")):
        (tmp_path / name).write_text('{"x": 1}\nbad\n')
        store.datasets.add(tmp_path / name, name="d", split=split, on_bad="skip")
    assert store.datasets.get("d").bad_lines == 2
    assert [bad.file for bad in store.datasets.bad_lines("d")] == ["a.jsonl", "b.jsonl"]


def test_a_split_of_other_columns_is_refused(store: Store, tmp_path: Path) -> None:
    store.datasets.add(save_rows(tmp_path / "a.jsonl", numbered(3)))
    with pytest.raises(BadInput, match="its columns are x, a has n, text"):
        store.datasets.add(save_rows(tmp_path / "b.jsonl", [{"x": 1}]), name="a", split="test")
    assert store.datasets.get("a").splits == {"train": 3}


def test_a_taken_name_or_split_is_refused_with_the_remedy(store: Store, tmp_path: Path) -> None:
    path = save_rows(tmp_path / "a.jsonl", numbered(3))
    store.datasets.add(path)
    with pytest.raises(Conflict, match="choose another --name, add a new --split"):
        store.datasets.add(path)
    with pytest.raises(Conflict, match="has a split 'train' already"):
        store.datasets.add(path, split="train")


def test_a_folder_becomes_splits_by_its_files_names(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("My-TrainingSet.csv", "My-ValidationSet.csv", "My-TestSet-1.csv"):
        (folder / name).write_text("x,y\n1,2\n")
    (folder / "README.txt").write_text("about")
    assert store.datasets.add(folder).splits == {"train": 1, "validation": 1, "test": 1}


def test_a_folder_may_hold_a_folder_for_each_split(store: Store, tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        (tmp_path / "set" / split).mkdir(parents=True)
        save_rows(tmp_path / "set" / split / "part-1.jsonl", numbered(count))
        save_rows(tmp_path / "set" / split / "part-2.jsonl", numbered(count))
    dataset = store.datasets.add(tmp_path / "set")
    assert dataset.splits == {"train": 6, "test": 4}
    assert store.datasets.add(tmp_path / "set", name="part", split="test").splits == {"test": 4}


def test_a_folder_laid_out_as_on_the_hub_is_understood(store: Store, tmp_path: Path) -> None:
    data = tmp_path / "set" / "data"
    data.mkdir(parents=True)
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(numbered(4)), data / f"{name}.parquet")
    (tmp_path / "set" / "README.md").write_text("about")
    (tmp_path / "set" / "dataset_infos.json").write_text("{}")
    assert store.datasets.add(tmp_path / "set").splits == {"train": 8, "test": 4}


def test_shards_of_one_split_are_joined_in_order(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(3):
        table = pyarrow.Table.from_pylist([{"n": number * 10 + row} for row in range(10)])
        pyarrow.parquet.write_table(table, folder / f"train-{number:05}-of-00003.parquet")
    save_rows(folder / "test.jsonl", [{"n": 99}])
    dataset = store.datasets.add(folder)
    assert dataset.splits == {"train": 30, "test": 1} and dataset.format == "parquet, jsonl"
    assert [row["n"] for row in store.datasets.rows("shards", "train", 9, 3)] == [9, 10, 11]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("val.jsonl", "dev32.jsonl", "train.jsonl"), "both dev32.jsonl and val.jsonl"),
        (("train.jsonl", "other.jsonl"), "the split of other.jsonl cannot be told"),
        (("notes.md",), "holds no data file"),
    ],
)
def test_a_folder_whose_splits_are_unclear_is_refused(
    store: Store, tmp_path: Path, names: tuple[str, ...], what: str
) -> None:
    for name in names:
        save_rows(tmp_path / name, numbered(1))
    with pytest.raises(BadInput) as caught:
        store.datasets.add(tmp_path, name="x")
    assert what in caught.value.what


def test_a_json_document_brings_its_own_splits(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": numbered(4), "dev": numbered(2)}))
    assert store.datasets.add(path).splits == {"train": 4, "dev": 2}
    assert store.datasets.get("a").bytes == path.stat().st_size
    assert store.datasets.row("a", "dev", 1)["n"] == 1
    with pytest.raises(BadInput, match="holds several splits"):
        store.datasets.add(path, name="b", split="test")


def test_removing_a_dataset_takes_its_folder(store: Store, dialogue_file: Path) -> None:
    dataset = store.datasets.add(dialogue_file)
    store.datasets.remove("dialogues")
    assert not dataset.path.exists() and store.datasets.list() == []
    with pytest.raises(NotFound, match="no dataset named 'dialogues'"):
        store.datasets.get("dialogues")
    store.datasets.add(dialogue_file)


def test_what_a_waiting_run_needs_is_not_removed(store: Store, dialogue_file: Path) -> None:
    store.datasets.add(dialogue_file)
    run = store.runs.create(
        name="x", model="m", dataset="dialogues", template="t", method="lora", settings={}, lineage={}
    )
    with pytest.raises(Conflict, match=r"needed by run r1 \(queued\)"):
        store.datasets.remove("dialogues")
    store.runs.request(run.id, "cancel")
    store.datasets.remove("dialogues")


def test_names_that_are_paths_are_refused(store: Store, dialogue_file: Path) -> None:
    for name in ("../x", "a/b", ".hidden", "", "a\0b", "x" * 129, "-x", "ä"):
        with pytest.raises(BadInput, match="cannot be a name"):
            store.datasets.add(dialogue_file, name=name or " ")
        with pytest.raises(BadInput, match="cannot be a name"):
            store.datasets.add(dialogue_file, name="x", split=name or " ")


def test_a_file_with_an_odd_name_gets_a_valid_one(store: Store, dialogue_file: Path) -> None:
    odd = dialogue_file.rename(dialogue_file.with_name("My data (v2), naïve!.jsonl"))
    assert store.datasets.add(odd).name == "My-data-v2-na-ve"


def test_a_file_whose_name_is_not_utf8_enters_all_the_same(store: Store, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/na\xefve.jsonl"))
    path.write_text('{"x": 1}\nbad\n')
    dataset = store.datasets.add(path, on_bad="skip")
    assert dataset.name == "na-ve" and dataset.source.endswith("na\ufffdve.jsonl")
    assert store.datasets.bad_lines("na-ve")[0].file == "na\ufffdve.jsonl"


def test_rows_that_share_no_keys_are_refused(store: Store, tmp_path: Path) -> None:
    path = save_rows(tmp_path / "a.jsonl", [{f"key{number}": number} for number in range(3000)])
    with pytest.raises(BadInput, match="more than 2000 different keys"):
        store.datasets.add(path)


def test_a_removal_that_fails_leaves_the_dataset_as_it_was(store: Store, dialogue_file: Path) -> None:
    """A reference that is checked at the commit makes it fail after everything else is done."""
    dataset = store.datasets.add(dialogue_file)
    store.db.execute("create table keeper (name references datasets (name) deferrable initially deferred)")
    store.db.execute("insert into keeper values ('dialogues')")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store.datasets.remove("dialogues")
    assert store.datasets.get("dialogues") == dataset
    assert len(list(store.datasets.rows("dialogues"))) == 24


def test_an_addition_that_fails_leaves_no_folder(store: Store, dialogue_file: Path) -> None:
    store.db.execute("create trigger full before insert on datasets begin select raise(abort, 'full'); end")
    with pytest.raises(Exception, match="full"):
        store.datasets.add(dialogue_file)
    assert not list((store.root / "datasets").iterdir()) and not list((store.root / ".staging").iterdir())


def test_a_missing_source_is_told(store: Store) -> None:
    with pytest.raises(BadInput, match="there is no file"):
        store.datasets.add("/nowhere/at/all.jsonl")


def test_progress_counts_the_rows(store: Store, tmp_path: Path) -> None:
    seen: list[int] = []
    store.datasets.add(save_rows(tmp_path / "a.jsonl", numbered(5000)), progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 5000 and len(seen) > 2


def test_an_interrupted_addition_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    path = save_rows(tmp_path / "a.jsonl", numbered(200_000))
    code = """
import sys
from store import open_store
with open_store(sys.argv[1]) as store:
    store.datasets.add(sys.argv[2], progress=lambda rows: print(rows, flush=True))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root), str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline()
    process.kill()
    process.communicate()
    assert len(list((store.root / ".staging").iterdir())) == 1
    assert store.datasets.list() == [] and not list((store.root / "datasets").iterdir())
    store.datasets.add(save_rows(tmp_path / "b.jsonl", numbered(1)))
    assert not list((store.root / ".staging").iterdir())  # what the dead one left is swept


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_memory_does_not_follow_the_size_of_a_file(store_root: Path, tmp_path: Path, kind: str) -> None:
    """60 MB in any format may cost 24 MiB at most (Parquet: 120, its library included)."""
    assert growth(store_root, write_large(tmp_path, kind, 30_000)) < (120 if kind == "parquet" else 24)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_memory_does_not_follow_the_size_of_a_very_large_file(
    store_root: Path, tmp_path: Path, kind: str
) -> None:
    """2 GB may cost no more than 60 MB do."""
    assert growth(store_root, write_large(tmp_path, kind, 1_000_000)) < (120 if kind == "parquet" else 24)


def growth(store_root: Path, path: Path) -> int:
    """Return by how many MiB the peak memory of a process grows that adds a file to a store."""
    command = [sys.executable, "-c", GROWTH, str(store_root), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, last, mebibytes = map(int, done.stdout.split())
    assert last == count - 1
    return mebibytes


def write_large(folder: Path, kind: str, rows: int) -> Path:
    """Write rows of two thousand characters each."""
    path = folder / f"big.{kind}"
    text = "some words of a row that is two thousand characters long " * 35
    if kind == "parquet":
        return write_parquet(path, rows, text)
    with path.open("w", newline="") as file:
        if kind == "csv":
            file.write("n,text\n")
            file.writelines(f'{n},"{text}"\n' for n in range(rows))
        elif kind == "jsonl":
            file.writelines(f'{{"n": {n}, "text": "{text}"}}\n' for n in range(rows))
        else:
            file.write("[")
            file.writelines(f'{{"n": {n}, "text": "{text}"}},\n' for n in range(rows - 1))
            file.write(f'{{"n": {rows - 1}, "text": "{text}"}}]')
    return path


def write_parquet(path: Path, rows: int, text: str) -> Path:
    """Write row groups of 10 MB without compression."""
    schema = pyarrow.schema([("n", pyarrow.int64()), ("text", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, 5000):
            group = [{"n": n, "text": text} for n in range(start, start + 5000)]
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
    return path


def test_real_data_is_brought_in(store: Store, shared_data: Path) -> None:
    dataset = store.datasets.add(shared_data / "mts-dialog")
    assert dataset.splits == {"train": 1201, "validation": 100, "test": 200}
    assert dataset.columns == ("ID", "section_header", "section_text", "dialogue")
    assert "\n" in store.datasets.row("mts-dialog", "train", 3)["dialogue"]
    with open_store(store.root) as other:
        assert other.datasets.get("mts-dialog") == dataset
