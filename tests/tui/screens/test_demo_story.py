"""The story that the demo tells: watch, compare, inspect, one key each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import Store
from workbench.tui.screens import evaluating


@pytest.fixture
def trained(stocked: Store, enter_run: Callable[..., str], finish: Any) -> Store:
    """A store whose one run is completed, its adapter published and evaluated."""
    finish.publish(stocked, enter_run(stocked, "first-try", outcome="running"))
    finish.evaluate(stocked)
    return stocked


async def test_while_the_run_trains_the_guide_says_what_is_seen(
    stocked: Store, opened: Any, look: Any, enter_run: Callable[..., str]
) -> None:
    enter_run(stocked, "first-try", until=9, outcome="running")
    async with opened(stocked.root, size=(80, 24), demo=True) as pilot:
        await look.wait(pilot, "watch its loss fall")
        await pilot.press("6")
        await look.wait(pilot, "step 9 of 20")


async def test_one_key_leads_to_the_answers_and_one_to_the_words(
    trained: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(trained, {None: "I do not know.", "first-try": "Ben brings apples."})
    async with opened(trained.root, size=(80, 24), demo=True) as pilot:
        await look.wait(pilot, "Trained. Press 6")
        await pilot.press("6")
        await look.wait(pilot, "Base and adapter answer an unseen dialogue.")
        await look.wait(pilot, "BLEU 100.0")
        await pilot.press("7")
        await look.wait(pilot, "Each word against the reference.")
        await look.wait(pilot, "+0.857")


async def test_outside_the_demo_there_is_no_guide(trained: Store, opened: Any, look: Any) -> None:
    async with opened(trained.root) as pilot:
        await look.wait(pilot, "first-try")
        assert "Trained." not in look(pilot)


def test_a_run_that_has_been_evaluated_is_not_evaluated_again(trained: Store) -> None:
    before = trained.evaluations.list()
    found = evaluating.evaluate_once(trained, trained.runs.get("r1"))
    assert found == before == trained.evaluations.list()
