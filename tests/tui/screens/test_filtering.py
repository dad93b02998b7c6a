"""The `/` line: a regular expression narrows any list as it is typed, and escape brings back what was."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from store import Store
from workbench.tui.overlays import FilterLine
from workbench.tui.screens.run_list import RunList
from workbench.tui.widgets.live_table import LiveTable
from workbench.tui.widgets.modal import Choose
from workbench.tui.widgets.row_grid import RowGrid


async def test_what_is_no_pattern_is_told_and_keeps_what_was_found(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "too-fast")
        runs = pilot.app.screen.query_one(RunList)
        await pilot.press("slash", *"^(first")
        await look.wait(pilot, "missing ), unterminated subpattern")
        assert runs.row_count == 4
        await pilot.press(*"|too)")
        await look.wait(pilot, "too-fast")
        assert "unterminated" not in look(pilot)
        assert runs.row_count == 2
        await pilot.press("left_square_bracket")
        await look.wait(pilot, "unterminated character set")
        assert runs.row_count == 2
        await pilot.press("backspace", "enter")
        assert runs.row_count == 2


async def test_escape_brings_back_the_rows_the_filter_and_the_cursor_of_before(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "too-fast")
        runs = pilot.app.screen.query_one(RunList)
        runs.move_to("r2")
        await pilot.press("slash", *"try")
        await until(pilot, lambda: runs.row_count == 2)
        assert runs.cursor_key != "r2"
        await pilot.press("escape")
        await until(pilot, lambda: runs.row_count == 4)
        assert runs.cursor_key == "r2"
        await pilot.press("slash", *"try", "enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, FilterLine))
        await pilot.press("slash", *".no", "escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, FilterLine))
        assert runs.filter_text == "try"
        await pilot.press("escape")
        await until(pilot, lambda: runs.row_count == 4)


async def test_capital_letters_are_meant_as_such(worked: Store, opened: Any, look: Any, until: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("2")
        await look.wait(pilot, "tiny")
        models = pilot.app.screen.query_one(LiveTable)
        await pilot.press("slash", *"T5")
        await until(pilot, lambda: models.filter_text == "T5")
        matched = models.row_count
        await pilot.press("backspace", "backspace", *"TINY")
        await until(pilot, lambda: models.row_count == 0)
        await pilot.press(*["backspace"] * 4, *"tiny")
        await until(pilot, lambda: models.row_count == 1)
        assert matched in (0, 1)


async def test_rows_of_data_are_found_by_a_pattern_and_escape_goes_back_to_the_row(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "dialogues")
        await pilot.press("enter", "j", "j")
        grid = pilot.app.screen.query_one(RowGrid)
        await until(pilot, lambda: grid.position == 2)
        await pilot.press("slash", *"^(anna|ben).*brings")
        await look.wait(pilot, "hit 1 of")
        await pilot.press("escape")
        await until(pilot, lambda: grid.position == 2)
        await look.wait(pilot, "row 2 of")


async def test_rows_of_an_evaluation_come_back_where_one_was(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "j")
        reading = pilot.app.screen.query_one("Reading")
        await until(pilot, lambda: reading.row == 1)
        await pilot.press("slash", *"two.ticke?ts")
        await look.wait(pilot, "1 row, ROUGE-1")
        await pilot.press("escape")
        await look.wait(pilot, "4 rows, ROUGE-1")
        await until(pilot, lambda: reading.row == 1)


async def test_a_list_to_choose_from_is_filtered_too(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    chosen: list[str | None] = []
    async with opened(worked.root) as pilot:
        options = [(name, name) for name in ("alpha", "beta", "gamma")]
        pilot.app.push_screen(Choose("one of them", options), chosen.append)
        await look.wait(pilot, "gamma")
        await pilot.press("slash")
        await until(pilot, lambda: bool(pilot.app.screen.query(Input)))
        await pilot.press(*"^(b|g)", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press("j", "enter")
        await until(pilot, lambda: chosen == ["gamma"])
