"""Datasets from the command line: figures, searching, dividing, and the inbox; all of it in JSON too."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from store.inbox import QUIET_SECONDS


@pytest.fixture
def labelled(workbench, tmp_path: Path) -> None:
    """A dataset of sixty rows, ten of them twice."""
    rows = [
        {"text": f"Review number {n % 50}", "label": ["good", "bad"][n % 2], "n": n % 50} for n in range(60)
    ]
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert workbench("dataset", "add", path).code == 0


@pytest.mark.usefixtures("labelled")
def test_show_tells_what_the_columns_hold(workbench) -> None:
    """A table for people, the same figures in JSON."""
    statistics = workbench("dataset", "show", "reviews", "--json").document["statistics"]
    assert statistics["rows"] == statistics["read"] == 60 and statistics["sampled"] is False
    assert statistics["columns"]["label"]["values"] == [["good", 30], ["bad", 30]]
    assert statistics["columns"]["text"]["distinct"] == 50
    out = workbench("dataset", "show", "reviews", "--full").out
    assert "good 30, bad 30" in out and "0 to 49, mean" in out and "of all 60 rows" in out


@pytest.mark.usefixtures("labelled")
def test_head_finds_rows_by_a_text(workbench) -> None:
    """With their numbers, from a row on, as many as asked for."""
    found = workbench("dataset", "head", "reviews", "--find", "NUMBER 4", "-n", "3", "--json").document
    assert [each["index"] for each in found] == [4, 40, 41]
    assert found[0]["row"]["n"] == 4
    found = workbench("dataset", "head", "reviews", "--find", "number 4", "--start", "50", "--json").document
    assert [each["index"] for each in found] == [54]
    assert workbench("dataset", "head", "reviews", "--find", "number 4").out.startswith("row 4\n")
    assert "no row of train contains" in workbench("dataset", "head", "reviews", "--find", "zzz").out
    assert workbench("dataset", "head", "reviews", "--start", "59", "--json").document[0]["n"] == 9


@pytest.mark.usefixtures("labelled")
def test_split_keeps_duplicates_together_and_can_be_taken_back(workbench) -> None:
    """Counts and duplicates are told."""
    document = workbench("dataset", "split", "reviews", "--test", "0.2", "--seed", "3", "--json").document
    assert sum(document["splits"].values()) == 60 and abs(document["splits"]["test"] - 12) <= 1
    assert (document["different_rows"], document["duplicates"]) == (50, 10)
    words = ("dataset", "head", "reviews", "-n", "60", "--json", "--split")
    sides = [{row["text"] for row in workbench(*words, split).document} for split in ("train", "test")]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 50
    answer = workbench("dataset", "split", "reviews", "--test", "0.2")
    assert answer.code == 1 and "has a split 'test' already" in answer.err and "--undo" in answer.err
    assert workbench("dataset", "split", "reviews", "--undo", "--json").document["splits"] == {"train": 60}
    out = workbench("dataset", "split", "reviews", "--test", "0.1", "--validation", "0.1").out
    assert "divided reviews: train 4" in out and "10 duplicates stay with their likes" in out


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize("words", [(), ("--test", "0"), ("--test", "1"), ("--undo", "--test", "0.1")])
def test_a_split_without_a_share_is_wrong_usage(workbench, words: tuple[str, ...]) -> None:
    """Exit 2, one line."""
    answer = workbench("dataset", "split", "reviews", *words)
    assert answer.code == 2 and answer.error.startswith("error: ")


def test_a_compressed_file_is_added(workbench, tmp_path: Path) -> None:
    """Under its name without the endings."""
    (tmp_path / "notes.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}\n'))
    assert workbench("dataset", "add", tmp_path / "notes.jsonl.gz").out == "added dataset notes: train 1\n"


def test_a_configuration_of_a_folder_is_chosen(workbench, tmp_path: Path) -> None:
    """Where there are several, one must be."""
    for config in ("de", "fr"):
        (tmp_path / "set" / config).mkdir(parents=True)
        (tmp_path / "set" / config / "train.jsonl").write_text('{"text": "x"}\n' * len(config + config[:1]))
    answer = workbench("dataset", "add", tmp_path / "set")
    assert answer.code == 1 and "choose one with --config: de, fr" in answer.err
    assert workbench("dataset", "add", tmp_path / "set", "--config", "fr", "--name", "x").code == 0


def test_a_revision_of_a_file_is_refused(workbench, dialogue_file: Path) -> None:
    """Only the Hub has them."""
    answer = workbench("dataset", "add", dialogue_file, "--revision", "main")
    assert answer.code == 1 and "leave --revision out" in answer.err


def test_the_inbox_is_registered_at_once(workbench, root: Path) -> None:
    """What was dropped a moment ago too; what is broken is explained."""
    assert workbench("inbox", "--json").document["taken"] == []
    inbox = root / "inbox"
    (inbox / "good.jsonl").write_text('{"text": "x"}\n')
    (inbox / "bad\x1b.jsonl").write_text("{")
    document = workbench("inbox", "--json").document
    assert {taken["entry"]: taken["name"] for taken in document["taken"]} == {
        "good.jsonl": "good",
        "bad\x1b.jsonl": None,
    }
    names = sorted(path.name for path in inbox.iterdir())
    assert document["waiting"] == [] and names == ["bad\x1b.jsonl", "bad\x1b.jsonl.error.txt"]
    (inbox / "bad\x1b.jsonl.error.txt").unlink()
    time.sleep(QUIET_SECONDS)
    out = workbench("inbox").out
    assert "not taken" in out and "\x1b" not in out
    assert workbench("inbox").out.startswith("nothing to take; drop a data file")
