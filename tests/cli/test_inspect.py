"""`workbench inspect`: what the Inspect screen shows, as text and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store import open_store
from store.evaluations import EvaluationRow

SAID = {None: ("a map a map a", "cold", ""), "mine": ("the map", "it is cold", "boat")}
REFERENCES = ("the map", "it is cold", "the boat")


@pytest.fixture(autouse=True)
def evaluated(root: Path) -> None:
    """A store with an evaluation of a base and an adapter."""
    with open_store(root) as store:
        group = None
        for adapter, said in SAID.items():
            made = store.evaluations.create(
                group,
                model="m",
                adapter=adapter,
                dataset="d",
                split="test",
                template="t",
                total=3,
                settings={},
            )
            group = made.group
            rows = [EvaluationRow(at, "Ask", text, (REFERENCES[at],), None) for at, text in enumerate(said)]
            store.evaluations.append(made.id, rows)


def test_rows_are_listed_by_what_the_adapter_gained(workbench: Any) -> None:
    document = workbench("inspect", "g1", "--sort", "gain", "--json").document
    assert document["systems"] == ["base", "mine"]
    assert [row["row"] for row in document["rows"]] == [0, 2, 1]
    base, mine = document["rows"][0]["scores"]
    assert mine["rouge1"] == 1.0 > base["rouge1"] > 0
    assert {"clipping", "flags", "bleu"} <= base.keys()


def test_rows_are_sorted_by_a_signal_and_filtered(workbench: Any) -> None:
    rows = workbench("inspect", "g1", "--sort", "length", "--least", "--json").document["rows"]
    assert rows[0]["row"] == 2
    found = workbench("inspect", "g1", "--filter", "BOAT", "--json").document
    assert (found["total"], [row["row"] for row in found["rows"]]) == (1, [2])


def test_one_row_is_told_token_by_token_and_why(workbench: Any) -> None:
    document = workbench("inspect", "g1", "--row", "0", "--json").document
    base, mine = document["systems"]
    assert [token["label"] for token in base["tokens"]["rouge1"]["prediction"]].count("matched") == 1
    assert mine["tokens"]["bleu"]["score"] > base["tokens"]["bleu"]["score"]
    assert "1 of the prediction's 5 words matched" in workbench("inspect", "g1", "--row", "0").out


def test_the_spread_of_scores_counts_every_row(workbench: Any) -> None:
    document = workbench("inspect", "g1", "--spread", "--json").document
    for each in document["systems"]:
        assert sum(each["bins"]) == each["rows"] == 3
        assert sum(part["words"] for part in each["words"]) == 7
    assert "BASE" in workbench("inspect", "g1", "--spread").out


def test_an_unknown_group_or_row_says_what_there_is(workbench: Any) -> None:
    answer = workbench("inspect", "g9")
    assert answer.code == 1 and "there are: g1" in answer.error
    assert "no system has answered row 7" in workbench("inspect", "g1", "--row", "7").error
