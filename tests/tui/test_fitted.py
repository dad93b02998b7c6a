"""A screen ends with the size of the window, however the sizes that it had came."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.geometry import Size
from textual.screen import Screen

from store import Store
from workbench.tui.app import WorkbenchApp

RESIZES = 100
"""More than a few sizes take."""


@pytest.fixture(autouse=True)
def resizes_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where sizes go on and on: nothing else would be heard again, and the test would never end."""
    resize, count = Screen._on_resize, 0

    async def resize_and_count(screen: Screen[Any], event: events.Resize) -> None:
        nonlocal count
        count += 1
        assert count < RESIZES
        await resize(screen, event)

    monkeypatch.setattr(Screen, "_on_resize", resize_and_count)


@pytest.mark.parametrize("keys", ["1", "4", "6", "?", "ctrl+p", ":", "/", "4 n"])
async def test_sizes_that_come_while_the_paint_is_held_back_end_in_the_last_one(
    stock: Store, keys: str
) -> None:
    """As widgets are removed; and what stands under a dialog has that size, too."""
    first, last = Size(60, 50), Size(170, 20)
    app = WorkbenchApp(stock.root)
    async with app.run_test(size=(120, 40)) as pilot:
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause(0.1)
        shown = list(app.screen_stack)
        with app.batch_update():
            for size in (first, last):
                app._size = size
                for screen in shown:
                    screen.post_message(events.Resize(size, size))
                    screen.call_later(lambda: None)
            await pilot.pause(0.1)
        await pilot.pause()
        assert app.screen_stack == shown
        assert [screen.size for screen in shown] == [last] * len(shown)
