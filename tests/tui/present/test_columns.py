"""Figures of columns, divisions into splits, and the inbox, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.datasets import Dataset, Division
from store.inbox import Taken
from workbench.tui.inbox import InboxState, Refusal
from workbench.tui.present import columns, division, inbox

DATASET = Dataset(
    name="talk",
    path=Path("/store/datasets/talk"),
    source="/data/talk.jsonl",
    format="jsonl",
    columns=("dialogue", "label"),
    splits={"train": 1000},
    bytes=50_000,
    bad_lines=0,
    fingerprint="fedcba9876543210",
    created=0.0,
)
VALUES = {"test": 0.1, "validation": 0.0, "from": "train", "together": "all columns", "seed": 7}


@pytest.fixture
def figures(store: Store, tmp_path: Path) -> dict[str, Any]:
    """Of a small set with every kind of column."""
    file = tmp_path / "kinds.jsonl"
    rows = [
        {
            "text": f"row {at}",
            "label": "yes" if at % 3 else "no",
            "score": None if at % 2 else at / 7,
            "count": at * 1000,
            "tags": ["a", "b"],
            "note": "",
        }
        for at in range(1000)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.datasets.add(file, name="kinds")
    return store.datasets.statistics("kinds")


def told(cells: tuple[Any, ...]) -> list[str]:
    return [getattr(cell, "plain", cell) for cell in cells]


def test_each_column_is_one_line_of_figures(figures: dict[str, Any]) -> None:
    lines = {key: told(cells) for key, cells in columns.table(figures)}
    assert lines["text"] == ["text", "text", "0", "0", "1,000", "5 to 7 chars", ""]
    assert lines["label"] == ["label", "text", "0", "0", "2", "2 to 3 chars", "yes 666, no 334"]
    assert lines["score"][:4] == ["score", "number", "50%", "0"]
    assert lines["count"][5] == "0 to 999,000"
    assert lines["tags"][5] == "2 items"
    assert lines["note"][3] == "100%"


def test_a_column_is_told_in_full_with_its_most_frequent_values(figures: dict[str, Any]) -> None:
    text = columns.detail(figures["columns"]["label"], figures["read"]).plain
    assert "text 1,000" in text
    assert "2 to 3, median 3, mean 3, 95% up to 3" in text
    assert "66.6%" in text
    assert "0 to 142.6" in columns.detail(figures["columns"]["score"], 1000).plain


def test_a_sample_says_that_it_is_one(figures: dict[str, Any]) -> None:
    assert columns.title("talk", None) == "columns of talk"
    assert columns.title("talk", figures) == "columns of talk · all 1,000 rows"
    part = {**figures, "read": 100}
    assert columns.title("talk", part) == "columns of talk · 100 of 1,000 rows"
    assert columns.counting(340, 1000) == "counting all rows: 34%"


def test_a_filled_form_is_a_division() -> None:
    assert division.request(VALUES) == division.Request("train", {"test": 0.1}, 7, ())
    assert division.request({**VALUES, "together": "label"}).by == ("label",)


def test_what_would_come_of_a_division_is_told_before() -> None:
    wanted = division.request({**VALUES, "validation": 0.05})
    assert division.problem(wanted) is None
    told = division.outlook(wanted, 1000)
    assert told == "about train 850, test 100, validation 50 rows; equal rows stay together"


def test_a_division_that_makes_no_sense_is_refused() -> None:
    refused = division.request({**VALUES, "test": 0.0})
    assert "above 0" in (division.problem(refused) or "")
    refused = division.request({**VALUES, "test": 0.6, "validation": 0.5})
    assert "leave nothing" in (division.problem(refused) or "")
    assert "itself" in (division.problem(division.request({**VALUES, "from": "test"})) or "")


def test_only_splits_that_are_not_there_are_offered() -> None:
    assert [field.name for field in division.fields(DATASET, "train")][:2] == ["test", "validation"]
    both = replace(DATASET, splits={"train": 900, "test": 100})
    assert [field.name for field in division.fields(both, "test")] == [
        "validation",
        "from",
        "together",
        "seed",
    ]
    assert division.why_not(both) is None
    assert "already" in (division.why_not(replace(DATASET, splits={"test": 1, "validation": 1})) or "")


def test_what_became_of_a_division_is_told() -> None:
    done = Division(replace(DATASET, splits={"train": 900, "test": 100}), groups=990, duplicates=10)
    assert division.became(done) == "train 900, test 100; 10 duplicates stayed with their equals"
    assert division.became(replace(done, duplicates=0)).endswith("no row was there twice")


def line(state: InboxState, *, news: bool = True) -> str:
    told = inbox.line(state, "i", news=news)
    return told.plain if told is not None else ""


def test_the_inbox_is_told_in_one_line_what_matters_most_first() -> None:
    came = Taken("talk.jsonl", "dataset", "talk", None)
    refusal = Refusal("a.xyz", "a.xyz is nothing that the inbox takes; drop a data file")
    assert line(InboxState()) == ""
    assert line(InboxState(came=(came,))) == "inbox i  talk.jsonl came in as the dataset talk"
    assert line(InboxState(came=(came,)), news=False) == ""
    assert line(InboxState(came=(came,), refused=(refusal,))) == f"inbox i  not taken: {refusal.reason}"
    assert "2 not taken" in line(InboxState(refused=(refusal, refusal)))
    assert "b.csv and 1 more" in line(InboxState(refused=(refusal,), waiting=("b.csv", "c.csv")))
    assert "big.jsonl, 4,096 rows" in line(InboxState(reading="big.jsonl, 4,096 rows", waiting=("b",)))


def test_the_inbox_in_full_names_its_folder_and_every_reason() -> None:
    state = InboxState(
        waiting=("b.csv",),
        refused=(Refusal("c\x1b.csv", "line 3: 2 cells; mend it"),),
        came=(Taken("talk.jsonl", "dataset", "talk", None),),
    )
    text = inbox.detail(state, Path("/store/inbox")).plain
    for part in ("/store/inbox", "b.csv", "c␛.csv: line 3: 2 cells; mend it", "talk.jsonl  as the data"):
        assert part in text
    assert "Nothing lies in it" in inbox.detail(InboxState(), Path("/store/inbox")).plain
