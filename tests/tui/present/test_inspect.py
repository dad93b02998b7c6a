"""What is said about evaluations and their rows."""

from __future__ import annotations

from collections.abc import Callable

from store.evaluations import Evaluation
from workbench.tui.present import inspect

Make = Callable[..., Evaluation]


def plain(cell: object) -> str:
    return getattr(cell, "plain", str(cell))


def test_groups_are_newest_first_and_the_base_is_before_its_adapters(make_evaluation: Make) -> None:
    found = inspect.by_group(
        [
            make_evaluation(id="e2", group="g1", adapter="a"),
            make_evaluation(id="e1", group="g1"),
            make_evaluation(id="e10", group="g10"),
        ]
    )
    assert list(found) == ["g10", "g1"]
    assert [each.id for each in found["g1"]] == ["e1", "e2"]


def test_a_group_is_one_line_with_what_the_adapter_changed(make_evaluation: Make) -> None:
    members = [make_evaluation(), make_evaluation(id="e2", adapter="mine", scores={"rouge1": 0.5}, rows=3)]
    [(key, cells)] = inspect.groups({"g1": members})
    assert key == "g1"
    told = [plain(cell) for cell in cells]
    assert told == ["✓ completed", "g1", "dialogues test", "base, mine", "7/8", "0.250 to 0.500"]


def test_one_system_has_one_score(make_evaluation: Make) -> None:
    [(_, cells)] = inspect.groups({"g1": [make_evaluation()]})
    assert plain(cells[-1]) == "0.250"


def test_a_group_is_running_while_any_of_it_is(make_evaluation: Make) -> None:
    running = make_evaluation(status="running", scores={})
    assert inspect.group_status([make_evaluation(), running]) == "running"
    assert inspect.group_status([make_evaluation(status="failed"), running]) == "failed"


def test_a_summary_tells_every_score_and_why_one_failed(make_evaluation: Make) -> None:
    failed = make_evaluation(adapter="mine", status="failed", scores={}, error="no memory")
    told = inspect.summary([make_evaluation(), failed], "e goes on with it").plain
    assert "base  ROUGE-1 0.250   ROUGE-2 0.100   ROUGE-L 0.200   BLEU 12.3" in told
    assert "no memory; e goes on with it" in told
    assert "goes on" not in told.splitlines()[0]
