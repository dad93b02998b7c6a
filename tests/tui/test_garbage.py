"""Garbage is collected while no key waits for it, at last all the same; what stays is set apart once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from store import Store
from workbench.tui import app as app_module
from workbench.tui import garbage
from workbench.tui.app import WorkbenchApp
from workbench.tui.garbage import LATEST_SECONDS, QUIET_SECONDS, SWEEP_SECONDS, Sweeper

BUSY, QUIET = QUIET_SECONDS / 2, QUIET_SECONDS * 2
Pass = Callable[..., None]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Python was told to do."""
    found: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: found.append("freeze"))
    return found


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """`time_passes(seconds, made=True)`: and objects have been made meanwhile, or none."""
    clock = [100.0]
    monkeypatch.setattr(garbage.time, "monotonic", lambda: clock[0])

    def let(seconds: float, *, made: bool = True) -> None:
        clock[0] += seconds
        count: Any = (1, 2, int(made))
        monkeypatch.setattr(gc, "get_count", lambda: count)

    return let


def test_a_quiet_moment_is_waited_for_but_not_for_ever(told: list[str], time_passes: Pass) -> None:
    sweeper = Sweeper()
    time_passes(SWEEP_SECONDS)
    sweeper.look(QUIET)
    assert told == ["collect", "freeze"]
    time_passes(SWEEP_SECONDS / 2)
    sweeper.look(QUIET)
    time_passes(SWEEP_SECONDS)
    sweeper.look(BUSY)
    assert told == ["collect", "freeze"]
    time_passes(LATEST_SECONDS)
    sweeper.look(BUSY)
    assert told == ["collect", "freeze", "collect"]


def test_where_nothing_was_made_nothing_is_looked_for(told: list[str], time_passes: Pass) -> None:
    sweeper = Sweeper()
    time_passes(SWEEP_SECONDS)
    sweeper.look(QUIET)
    told.clear()
    time_passes(LATEST_SECONDS, made=False)
    sweeper.look(QUIET)
    assert told == []


def test_what_a_screen_holds_is_set_apart_when_it_was_opened_first(
    told: list[str], time_passes: Pass
) -> None:
    sweeper = Sweeper()
    for screen in ("runs", "adapters", "runs", "adapters"):
        sweeper.opened(screen)
        time_passes(SWEEP_SECONDS)
        sweeper.look(QUIET)
    assert told == [*["collect", "freeze"] * 2, "collect", "collect"]


async def test_the_screens_tell_the_sweeper_what_is_opened_and_whether_keys_come(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Heard(Sweeper):
        screens: list[str] = []
        quiet: list[float] = []

        def opened(self, screen: str) -> None:
            self.screens.append(screen)

        def look(self, quiet_seconds: float) -> None:
            self.quiet.append(quiet_seconds)

    monkeypatch.setattr(app_module, "SWEEPER_LOOKS_SECONDS", 0.02)
    heard = Heard()
    async with WorkbenchApp(store.root, sweeper=heard).run_test() as pilot:
        for key in "515":
            await pilot.press(key)
            await pilot.pause(0.1)
        assert heard.screens == ["runs", "adapters", "runs", "adapters"]
        assert heard.quiet and 0 <= heard.quiet[-1] < 60
