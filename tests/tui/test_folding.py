"""Long values are folded under themselves, and nothing is lost by it."""

from __future__ import annotations

from textual.content import Content

from workbench.tui.present.cells import facts
from workbench.tui.widgets.folding import folded


def lines(told: Content, width: int) -> list[str]:
    return [line.rstrip() for line in folded(told, width).plain.split("\n")]


def test_a_long_value_goes_on_under_itself() -> None:
    told = facts([("rows", 7), ("columns", "dialogue, summary, topic")])
    assert lines(told, 28) == ["rows     7", "columns  dialogue, summary,", "         topic"]


def test_a_value_without_a_space_is_broken_where_the_room_ends() -> None:
    told = facts([("source", "/data/" + "a" * 20)])
    assert lines(told, 23) == ["source  /data/" + "a" * 9, "        " + "a" * 11]


def test_what_fits_and_what_has_no_label_stays_as_it_is() -> None:
    told = Content("\n").join([facts([("rows", 7)]), Content(), Content("two bad lines were left out")])
    assert lines(told, 40) == ["rows  7", "", "two bad lines were left out"]
    assert lines(told, 20) == ["rows  7", "", "two bad lines were", "left out"]


def test_beside_a_label_that_takes_all_the_room_the_value_goes_on_at_the_edge() -> None:
    told = facts([("gradient_accumulation_steps", "a b c d e f g h")])
    assert "".join(lines(told, 32)).replace(" ", "") == "gradient_accumulation_stepsabcdefgh"
