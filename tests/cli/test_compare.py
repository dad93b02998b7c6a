"""Votes on the command line: counted, exported as preference data, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import open_store
from store.preferences import Candidate

EVIL = "evil\x1b]0;title\x07\u202e end"


@pytest.fixture
def voted(root: Path) -> None:
    """A store with three votes for an adapter whose name and words are hostile, and a tie."""
    with open_store(root) as store:
        for winner in (1, 1, 0, None):
            store.preferences.add(
                model="tiny",
                prompt=f"asked {EVIL}",
                references=(),
                candidates=[Candidate(None, "no"), Candidate(f"mine {EVIL}", f"yes {EVIL}")],
                winner=winner,
                sampling={},
            )


@pytest.mark.usefixtures("voted")
def test_votes_are_counted_with_an_interval(workbench: Callable[..., Any]) -> None:
    document = workbench("compare", "votes", "--json").document
    (duel,) = document["duels"]
    assert (duel["wins"], duel["losses"], duel["ties"]) == (2, 1, 1)
    assert duel["interval"]["low"] == pytest.approx(0.2077, abs=1e-3)
    assert [vote["winner"] for vote in document["votes"]] == [None, 0, 1, 1]
    shown = workbench("compare", "votes")
    assert "67% (21% to 94%)" in shown.out and "equal" in shown.out
    assert "\x1b" not in shown.out and "\u202e" not in shown.out
    assert workbench("compare", "votes", "--model", "other", "--json").document == {"duels": [], "votes": []}


@pytest.mark.usefixtures("voted")
def test_votes_are_exported_as_preference_data(workbench: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "preferences.jsonl"
    assert workbench("compare", "export", file, "--json").document == {"file": str(file), "rows": 3}
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    better = {"prompt": f"asked {EVIL}", "chosen": f"yes {EVIL}", "rejected": "no"}
    worse = {"prompt": f"asked {EVIL}", "chosen": "no", "rejected": f"yes {EVIL}"}
    assert rows == [worse, better, better]
    assert "is there already" in workbench("compare", "export", file).error
    assert workbench("compare", "export", file, "--force").code == 0


@pytest.mark.usefixtures("voted")
def test_a_vote_is_taken_back(workbench: Callable[..., Any]) -> None:
    assert workbench("compare", "remove", "v4").code == 0
    assert len(workbench("compare", "votes", "--json").document["votes"]) == 3
    assert "'v4'" in workbench("compare", "remove", "v4").error


def test_without_votes_it_says_how_to_give_some(workbench: Callable[..., Any], tmp_path: Path) -> None:
    assert "no votes yet" in workbench("compare", "votes").out
    failed = workbench("compare", "export", tmp_path / "x.jsonl")
    assert (failed.code, "no vote has decided" in failed.error) == (1, True)
