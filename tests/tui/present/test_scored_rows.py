"""The list of an evaluation's rows: columns, cells and orders."""

from __future__ import annotations

from store.row_scores import NAMES, ScoredRow, Sort
from workbench.tui.present import scored_rows as present

SYSTEMS = ("base", "mine")


def row(*rouge1: float | None) -> ScoredRow:
    scores = [
        None if value is None else dict.fromkeys(NAMES, 0.0) | {"rouge1": value, "bleu": 12.34, "loop": 3.0}
        for value in rouge1
    ]
    return ScoredRow(7, "the cat\x1b[2J sat", tuple(scores))


def labelled(values: tuple[float | None, ...], metric: str = "rouge1") -> dict[str, str]:
    columns = present.columns(SYSTEMS[: len(values)], metric)  # type: ignore[arg-type]
    cells = present.line(row(*values), columns).cells
    return {column.label: cell.text for column, cell in zip(columns, cells, strict=True)}


def test_a_row_has_every_systems_score_their_difference_and_every_signal() -> None:
    told = labelled((0.25, 1.0))
    assert (told["base"], told["mine"], told["gain"]) == ("0.250", "1.000", "+0.750")
    assert (told["flags base"], told["loop mine"], told["clipping mine"]) == ("0", "3", "0.00")
    assert "\x1b" not in told["reference"]


def test_one_system_has_no_gain_and_needs_no_name() -> None:
    told = labelled((0.25,))
    assert "gain" not in told
    assert told["flags"] == "0"


def test_what_a_system_has_not_answered_is_no_number() -> None:
    told = labelled((0.25, None))
    assert (told["mine"], told["gain"]) == ("–", "–")


def test_bleu_is_one_score_whatever_runs_are_looked_at() -> None:
    assert labelled((0.25, 1.0), "bleu3")["mine"] == "12.3"


def test_sorting_goes_from_greatest_to_least_to_the_rows_own_order() -> None:
    column = present.columns(SYSTEMS, "rouge1")[2]
    first = present.next_sort(column, Sort())
    second = present.next_sort(column, first)
    assert first == Sort("rouge1", -1, 0, descending=True)
    assert second == Sort("rouge1", -1, 0)
    assert present.next_sort(column, second) == Sort()
    assert present.order_text([column], first) == "most gain first"
    assert present.order_text([column], Sort()) == "in order"


def test_the_title_tells_order_and_filter() -> None:
    assert present.title(1, "rouge2", "in order") == "1 row, ROUGE-2, in order"
    assert present.title(2, "bleu1", "in order", "cat") == "2 rows, BLEU-1, in order, with 'cat'"
