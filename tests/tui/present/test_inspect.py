"""What is said about evaluations and their rows."""

from __future__ import annotations

from collections.abc import Callable

from store.evaluations import Evaluation, EvaluationRow
from workbench.tui.present import inspect

Make = Callable[..., Evaluation]


def plain(cell: object) -> str:
    return getattr(cell, "plain", str(cell))


def row(index: int, prediction: str, reference: str = "the cat sat") -> EvaluationRow:
    return EvaluationRow(index, "Say it.", prediction, (reference,), None)


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
    told = inspect.summary([make_evaluation(), failed]).plain
    assert "base  ROUGE-1 0.250   ROUGE-2 0.100   ROUGE-L 0.200   BLEU 12.3" in told
    assert "no memory" in told


def test_rows_that_not_every_system_answered_are_left_out() -> None:
    pairs = inspect.pairs([[row(0, "a cat"), row(1, "the cat sat")], [row(1, "a dog")]])
    assert [pair.index for pair in pairs] == [1]
    assert pairs[0].scores == (1.0, 0.0)
    assert pairs[0].gain == -1.0


def test_pairs_can_be_ordered_by_gain_by_base_and_by_adapter() -> None:
    base = [row(0, "the"), row(1, "the cat sat"), row(2, "dog")]
    adapter = [row(0, "the cat sat"), row(1, "the cat"), row(2, "dog")]
    pairs = inspect.pairs([base, adapter])
    assert [pair.index for pair in inspect.ordered(pairs, "row")] == [0, 1, 2]
    assert [pair.index for pair in inspect.ordered(pairs, "gain")] == [0, 2, 1]
    assert [pair.index for pair in inspect.ordered(pairs, "base")] == [2, 0, 1]
    assert [pair.index for pair in inspect.ordered(pairs, "adapter")] == [0, 1, 2]


def test_a_pair_is_one_line_with_a_score_per_system_and_the_gain() -> None:
    [(key, cells)] = inspect.rows(inspect.pairs([[row(3, "dog")], [row(3, "the cat sat")]]))
    assert key == "3"
    assert [plain(cell) for cell in cells] == ["3", "0.000", "1.000", "+1.000", "the cat sat"]


def test_one_system_has_no_gain() -> None:
    [(_, cells)] = inspect.rows(inspect.pairs([[row(3, "dog")]]))
    assert [plain(cell) for cell in cells] == ["3", "0.000", "the cat sat"]


def test_another_metric_gives_other_scores() -> None:
    answers = [[row(0, "sat cat the")]]
    assert inspect.pairs(answers, "rouge1")[0].scores == (1.0,)
    assert inspect.pairs(answers, "rouge2")[0].scores == (0.0,)


def test_nothing_answered_is_no_row() -> None:
    assert inspect.pairs([]) == []
    assert inspect.pairs([[row(0, "x")], []]) == []


def test_the_title_says_metric_and_order() -> None:
    assert inspect.rows_title(1, "gain", "rouge2") == "1 row, ROUGE-2, greatest gain first"
