"""What a key did is painted when the key is done, once a frame at the most, and not while others wait."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from textual import events

from store import Store
from workbench.tui import key_line
from workbench.tui.app import WorkbenchApp
from workbench.tui.key_line import KeyDone, KeyLine
from workbench.tui.widgets.live_table import Column, LiveTable


class Screen:
    def __init__(self) -> None:
        self.painted = 0
        self.sent: list[KeyDone] = []

    def _on_timer_update(self) -> None:
        self.painted += 1

    def call_later(self, callback: Any, *args: Any) -> None:
        callback(*args)

    def post_message(self, message: KeyDone) -> bool:
        self.sent.append(message)
        return True


class App:
    focused = None

    def __init__(self) -> None:
        self.screen = Screen()

    def set_timer(self, *_: Any) -> None:
        pass


async def send(_: events.Key | events.Paste) -> None:
    pass


def test_a_key_is_painted_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(key_line.time, "monotonic", lambda: clock[0])
    app = App()
    screen, line = app.screen, KeyLine(cast("Any", app), send)

    async def press_twice() -> None:
        await line.add(events.Key("j", "j"))
        await line.add(events.Key("k", "k"))
        await line.done(screen.sent[0].number)
        assert screen.painted == 0  # another one waits
        await line.done(screen.sent[1].number)
        assert screen.painted == 1

    async def press() -> None:
        await line.add(events.Key("j", "j"))
        await line.done(screen.sent[-1].number)

    asyncio.run(press_twice())
    clock[0] += key_line.UPDATE_PERIOD / 2
    asyncio.run(press())
    assert screen.painted == 1  # one that is held down
    clock[0] += key_line.UPDATE_PERIOD
    asyncio.run(press())
    assert screen.painted == 2


async def test_what_a_widget_shows_for_a_key_does_not_wait_for_the_next_frame(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WorkbenchApp(store.root).run_test() as pilot:
        table = LiveTable([Column("name", "NAME")])
        await pilot.app.screen.mount(table)
        table.set_rows([(str(row), [f"row {row}"]) for row in range(10)])
        table.focus()
        await pilot.pause(0.2)
        screen = pilot.app.screen
        monkeypatch.setattr(screen._update_timer, "resume", lambda: None)
        await asyncio.sleep(key_line.UPDATE_PERIOD * 1.5)
        pilot.app.post_message(events.Key("j", "j"))
        # What follows the key comes back to an app that was busy: the key and its end in one turn.
        pilot.app.call_later(asyncio.sleep, 0.05)
        await asyncio.sleep(0.15)  # a pilot's pause would paint
        assert table.cursor_key == "1"
        assert table not in screen._dirty_widgets
