"""The `:` line: actions and names completed, what was typed before, and an answer to wrong words."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from store import Store
from workbench.tui.command_line import CommandLine
from workbench.tui.keyboard import FILE
from workbench.tui.widgets.live_table import LiveTable


async def type_line(pilot: Any, until: Any, *keys: str) -> Input:
    """Open the line and type."""
    await pilot.press("colon")
    await until(pilot, lambda: bool(pilot.app.screen.query(Input)))
    field: Input = pilot.app.screen.query_one(Input)
    await pilot.press(*keys)
    return field


async def test_a_screen_and_a_name_lead_to_the_row(worked: Store, opened: Any, look: Any, until: Any) -> None:
    worked.models.add(str(worked.models.get("tiny").path), name="other")
    async with opened(worked.root) as pilot:
        line = await type_line(pilot, until, *"mode", "tab")
        assert line.value == "models "
        await look.wait(pilot, "other")
        await pilot.press(*"ti", "tab")
        await until(pilot, lambda: line.value == "models tiny")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.current_mode == "models")
        table = pilot.app.screen.query_one(LiveTable)
        await until(pilot, lambda: table.cursor_key == "tiny")


async def test_an_action_is_done_on_the_run_that_is_named(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        runs = pilot.app.screen.query_one(LiveTable)
        runs.filter_text = "waiting"
        line = await type_line(pilot, until, *"from_r", "tab", *"fir")
        assert line.value == "from_run fir"
        await until(pilot, lambda: "first-try" in look(pilot).splitlines()[-2])
        await pilot.press("tab")
        assert line.value == "from_run r1"
        await pilot.press("enter")
        await until(pilot, lambda: runs.cursor_key == "r1")
        await look.wait(pilot, "new run")


async def test_what_is_named_is_removed_and_nothing_else(
    fleet: Store, opened: Any, look: Any, until: Any
) -> None:
    """Whatever the filter shows, and wherever the cursor is; the filter gives way."""
    async with opened(fleet.root) as pilot:
        await pilot.press("5")
        await look.wait(pilot, "third")
        table = pilot.app.screen.query_one(LiveTable)
        await pilot.press("slash", *"second", "enter")
        await until(pilot, lambda: table.keys == ("second",))
        await type_line(pilot, until, *"remove", "space", *"third", "enter")
        await until(pilot, lambda: "third" not in fleet.adapters.names())
        assert set(fleet.adapters.names()) == {"first-try", "second"}
        await until(pilot, lambda: set(table.keys) == {"first-try", "second"})


async def test_the_tab_key_goes_through_what_fits(worked: Store, opened: Any, until: Any) -> None:
    async with opened(worked.root) as pilot:
        line = await type_line(pilot, until, *"comp", "tab")
        seen = [line.value]
        for _ in range(3):
            await pilot.press("tab")
            seen.append(line.value)
        assert seen[:2] == ["compare ", "compose "]
        assert len(set(seen)) > 1


async def test_wrong_words_are_answered_with_the_nearest(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await type_line(pilot, until, *"adaptres", "enter")
        await look.wait(pilot, "no action 'adaptres', did you mean adapters?")
        assert isinstance(pilot.app.screen, CommandLine)
        await pilot.press(*["backspace"] * 8, *"models", "space", *"tinny", "enter")
        await look.wait(pilot, "did you mean 'tiny'?")


async def test_the_arrow_keys_bring_back_what_was_typed_in_this_session_and_before(
    worked: Store, opened: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await type_line(pilot, until, *"models", "enter")
        await until(pilot, lambda: pilot.app.current_mode == "models")
        await type_line(pilot, until, *"runs", "space", *"r1", "enter")
        await until(pilot, lambda: pilot.app.current_mode == "runs")
        await until(pilot, lambda: "runs r1" in (worked.root / FILE).read_text())
    async with opened(worked.root) as pilot:
        line = await type_line(pilot, until, *"ada")
        await until(pilot, lambda: len(pilot.app.screen._lines) == 3)
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(line.value)
        assert seen == ["runs r1", "models", "models", "runs r1", "ada", "ada"]
