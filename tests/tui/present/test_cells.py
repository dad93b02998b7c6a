"""The small pieces: ages, scores, plurals, labelled facts."""

from __future__ import annotations

import pytest

from workbench.tui.present import cells


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "now"), (59, "59s"), (61, "1m"), (7200, "2h"), (3 * 86_400 + 5, "3d"), (-5, "now")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, told: str) -> None:
    assert told == cells.age(1000.0, 1000.0 + seconds)


def test_a_score_has_three_decimals_and_none_is_a_dash() -> None:
    assert cells.score(0.25) == "0.250"
    assert cells.score(None) == cells.NONE


def test_a_number_of_things_is_singular_for_one() -> None:
    assert cells.number_of(1, "row") == "1 row"
    assert cells.number_of(1200, "row") == "1,200 rows"
    assert cells.number_of(0, "entry") == "0 entries"


def test_facts_leave_out_what_is_empty_and_clean_what_is_from_outside() -> None:
    told = cells.facts([("name", "a\x1b[31mb"), ("revision", None), ("note", ""), ("rows", 0)])
    assert told.plain == "name  a␛[31mb\nrows  0"


def test_markup_in_a_name_stays_text() -> None:
    assert cells.outside("[bold]x[/bold] [/nope]").plain == "[bold]x[/bold] [/nope]"
