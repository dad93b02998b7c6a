"""The form of a new run tells what it takes in memory, and takes the change that makes it fit."""

from __future__ import annotations

import time
from typing import Any, cast

from store import Store
from workbench.runs import capacity, plan, probing
from workbench.runs.options import make_options
from workbench.tui.screens.launch import LaunchDialog
from workbench.tui.screens.memory_lane import MemoryLane

BASE = {"model": "tiny", "dataset": "dialogues", "template": "summarise", "split": "train", "method": "lora"}
SMALLER = {"batch_size": 2, "gradient_accumulation_steps": 4}


async def test_the_form_tells_the_memory_and_takes_the_way_out(
    stocked: Store, opened: Any, look: Any, answer: dict[str, Any]
) -> None:
    """What was reckoned before is shown at once; one key changes the form, and what is told with it."""
    tight = make_options(BASE)
    roomy = make_options({**BASE, "settings": SMALLER})
    way = {"settings": SMALLER, "method": None, "bytes": 401_000_000}
    probing.keep(
        stocked, tight, {**answer, "training": 2 * capacity.total_bytes("cpu"), "alternatives": [way]}
    )
    probing.keep(stocked, roomy, answer)
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "No runs yet")
        await pilot.press("n")
        await look.wait(pilot, "too little memory", 30)
        await look.wait(pilot, "^t --set batch_size=2")
        await pilot.press("ctrl+t")
        form = pilot.app.screen.query_one("Form")
        assert form.changed() == SMALLER
        await look.wait(pilot, "training 1.85 MB", 30)
        await look.wait(pilot, "43,008 of")
        # Where the line breaks depends on how much memory is free.
        told = " ".join(look(pilot).replace("│", " ").split())
        assert "43,008 of 104,896 parameters trained" in told
        assert "too little memory" not in told


async def test_an_answer_that_came_too_late_is_not_shown(
    stocked: Store, opened: Any, look: Any, answer: dict[str, Any]
) -> None:
    """The form has moved on to another run since; a form that is no run shows no memory."""
    probing.keep(stocked, make_options(BASE), answer)
    async with opened(stocked.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "training 1.85 MB", 30)
        pilot.app.screen.query_one("Form").set_value("batch_size", 3)
        await look.wait(pilot, "reckoning memory")
        assert "training 1.85 MB" not in look(pilot)
        pilot.app.screen.query_one("Form").set_value("batch_size", 0)
        await look.wait(pilot, "batch_size = 0")
        assert "reckoning memory" not in look(pilot)


async def test_the_probe_ends_with_the_form(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "reckoning memory")
        lane = cast(LaunchDialog, pilot.app.screen)._memory
        end = time.monotonic() + 10
        while lane._prober is None:
            assert time.monotonic() < end
            await pilot.pause(0.05)
        await pilot.press("escape")
        while lane._prober._process.returncode is None:
            assert time.monotonic() < end
            await pilot.pause(0.05)
        assert lane._prober._errors.closed


def test_a_form_that_is_closed_while_its_probe_starts_leaves_none(stocked: Store) -> None:
    options = make_options(BASE)
    lane = MemoryLane(cast(Any, None), lambda _: None)
    lane._newest = options
    lane._closed.set()  # by the loop, just before the thread starts the process
    assert lane._reckon(options, plan.plan(stocked, options), stocked) is None
    assert lane._prober is not None and not lane._prober.alive
