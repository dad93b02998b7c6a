"""What was looked at on each screen is there again in the next session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from store import Store
from workbench import processes
from workbench.runs import queue
from workbench.tui.remembering import Memory

Session = Callable[[], Any]


@pytest.fixture
def session(worked: Store, still_app: Any) -> Session:
    """Opens the screens as they were left, and leaves them."""

    @asynccontextmanager
    async def open_app() -> AsyncIterator[Pilot[Any]]:
        lock = processes.HeldLock.take(worked.root / queue.LOCK)
        assert lock is not None
        try:
            app = still_app(worked.root, memory=Memory(worked.root, "night"))
            async with app.run_test(size=(120, 40), notifications=True) as pilot:
                await pilot.pause(0.3)
                yield pilot
                await pilot.pause(0.2)
                await pilot.press("q")
        finally:
            lock.release()

    return open_app


async def test_inspect_shows_the_same_row_by_the_same_metric_and_order(session: Session, look: Any) -> None:
    async with session() as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        for key in ("tab", "m", "x", "j", "j"):
            await pilot.press(key)
            await pilot.pause(0.2)
        await look.wait(pilot, "most gain first")
        row = pilot.app.screen._reading.row
    async with session() as pilot:
        await look.wait(pilot, "ROUGE-2, most gain first")
        assert pilot.app.screen._reading.row == row


async def test_compare_asks_the_same_in_the_same_way(session: Session, look: Any, worked: Store) -> None:
    async with session() as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference: Ben brings apples.")
        pilot.app.screen.query_one(TextArea).load_text("What is typed [b]here[/b]?")
        await pilot.press("g", "space", "b")
        await pilot.pause(0.2)
    async with session() as pilot:
        await look.wait(pilot, "What is typed [b]here[/b]?")
        await look.wait(pilot, "first-try")
        await pilot.pause(0.3)
        assert pilot.app.screen._blind
        assert pilot.app.screen._question.systems.chosen == ["first-try"]
    worked.adapters.remove("first-try")
    async with session() as pilot:
        await look.wait(pilot, "What is typed [b]here[/b]?")
        assert pilot.app.screen._question.systems.chosen == []


async def test_compose_and_datasets_show_the_same_rows(session: Session, look: Any) -> None:
    async with session() as pilot:
        await pilot.press("4")
        await look.wait(pilot, "row 0/24")
        await pilot.press("right_square_bracket", "right_square_bracket", "i")
        await look.wait(pilot, "row 2/24")
        await pilot.press("3")
        await look.wait(pilot, "row 0 of 24")
        await pilot.press("right_square_bracket", "enter", "j", "j", "j")
        await look.wait(pilot, "test · row 3 of 24")
    async with session() as pilot:
        await look.wait(pilot, "test · row 3 of 24")
        await pilot.press("4")
        await look.wait(pilot, "row 2/24")
