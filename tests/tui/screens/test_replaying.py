"""A finished run is played again in its chart, and the newest run is followed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from store import Store
from workbench.tui.screens.run_list import RunList
from workbench.tui.widgets.line_chart import LineChart


def last_step(pilot: Any) -> float:
    return float(pilot.app.screen.query_one("#loss", LineChart).points("loss").xs[-1])


async def until(pilot: Any, true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        await pilot.pause(0.05)


async def test_a_finished_run_is_played_again_and_then_shown_whole(
    stocked: Store, opened: Any, look: Any, fake_worker: Callable[..., Any]
) -> None:
    fake_worker(stocked.root, steps=100, pace=0).wait(30)
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "step 100/100 loss")
        await pilot.press("v")
        await look.wait(pilot, "replay at")
        assert last_step(pilot) < 100
        limit = pilot.app.screen.query_one("#loss", LineChart).x_limit
        assert limit == 100
        await pilot.press("less_than_sign", "less_than_sign")
        before = last_step(pilot)
        await pilot.press(*["greater_than_sign"] * 8)
        await until(pilot, lambda: last_step(pilot) > before)
        await until(pilot, lambda: last_step(pilot) == 100)
        await pilot.press("v")
        await look.wait(pilot, "replay at")
        await pilot.press("escape")
        assert last_step(pilot) == 100


async def test_a_run_that_goes_on_is_not_replayed(
    stocked: Store, opened: Any, look: Any, fake_worker: Callable[..., Any]
) -> None:
    fake_worker(stocked.root, steps=500, pace=0.05)
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "running")
        await pilot.press("v")
        await look.wait(pilot, "it has not ended")


async def test_the_cursor_goes_to_each_run_as_it_begins_while_that_is_wanted(
    stocked: Store, opened: Any, look: Any, fake_worker: Callable[..., Any]
) -> None:
    fake_worker(stocked.root, name="one", steps=500, pace=0.05)
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "running")
        table = pilot.app.screen.query_one(RunList)
        fake_worker(stocked.root, name="two", steps=500, pace=0.05)
        await until(pilot, lambda: len(table.keys) == 2)
        assert table.cursor_key == "r1"
        await pilot.press("F")
        await until(pilot, lambda: table.cursor_key == "r2")
        newest = fake_worker(stocked.root, name="three", steps=500, pace=0.05)
        await until(pilot, lambda: table.cursor_key == "r3")
        newest.kill()
        stocked.runs.fail("r3", "killed", "start it again")
        await look.wait(pilot, "failed")
        assert table.cursor_key == "r3"  # nothing has begun
        await pilot.press("F")
        fake_worker(stocked.root, name="four", steps=500, pace=0.05)
        await until(pilot, lambda: len(table.keys) == 4)
        assert table.cursor_key == "r3"
