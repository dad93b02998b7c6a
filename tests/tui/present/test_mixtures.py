"""What is said about mixtures: the rule, the tasks, their shares, what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict

from store.errors import BadInput
from store.mixtures import Mixture, Task
from workbench.composing.tasks import Share
from workbench.tui.present import mixtures

MIXTURE = Mixture("both", (Task("talks", "sum"), Task("notes", "ask", 2.0, "test")), cap=3000)
SHARES = [
    asdict(Share("talks", "sum", "train", 1.0, 1200, 0.75, None, 0.8, 0.5, 40.0, 9.0, 128, 2)),
    asdict(Share("notes", "ask", "test", 2.0, fault="no dataset named 'notes'; add it")),
]


def test_the_rule_is_a_sentence() -> None:
    told = mixtures.rule(MIXTURE).plain
    assert told == "proportional  as often as they have rows, no task counted beyond 3,000 rows  seed 42"
    by_heat = mixtures.rule(Mixture("hot", MIXTURE.tasks, "temperature", temperature=2.0)).plain
    assert "1/2" in by_heat
    assert "weights alone" in mixtures.rule(Mixture("even", MIXTURE.tasks, "fixed")).plain


def test_each_task_tells_its_share_of_examples_and_of_tokens() -> None:
    first, second = mixtures.tasks(MIXTURE, SHARES)
    plain = [getattr(cell, "plain", cell) for cell in first[1]]
    assert plain[:5] == ["talks train", "sum", "1", "1.2k", "75.0%"]
    assert plain[6:] == ["80.0%", "50.0%"]
    assert [getattr(cell, "plain", cell) for cell in second[1]][3:] == ["–", "–", "", "–", "–"]


def test_before_the_shares_are_reckoned_the_tasks_stand_there() -> None:
    assert len(mixtures.tasks(MIXTURE, ())) == 2


def test_what_is_wrong_with_a_task_is_told_with_its_number() -> None:
    told = mixtures.remarks(SHARES).plain
    assert told == ("task 2: no dataset named 'notes'; add it\ntask 1: 2 rows of 128 cannot be trained on")
    assert "sample" in mixtures.remarks([]).plain


def test_a_broken_file_stays_in_the_list() -> None:
    rows = mixtures.table([MIXTURE], {"a-bad": BadInput("a-bad.toml: odd", "mend it")})
    assert [key for key, _ in rows] == ["a-bad", "both"]
