"""Garbage is collected while no key waits for it, at last all the same; what stays is set apart once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any, cast

import pytest
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from store import Store
from workbench.tui import app as app_module
from workbench.tui.app import WorkbenchApp
from workbench.tui.garbage import ALL, TOO_MANY, WORTH_SWEEPING, YOUNG, Sweeper, let_frames_go

BUSY, QUIET, LONG_QUIET = YOUNG.quiet / 2, YOUNG.quiet * 2, ALL.quiet * 2
Pass = Callable[..., None]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Python was told to do."""
    found: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: found.append(("new", "young", "all")[generation]))
    monkeypatch.setattr(gc, "freeze", lambda: found.append("freeze"))
    return found


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """`time_passes(seconds, made=WORTH_SWEEPING)`: and so many objects have been made meanwhile.

    `swept` is how often the young were swept since all were, which Python counts.
    """
    clock = [100.0]
    monkeypatch.setattr("workbench.tui.garbage.time.monotonic", lambda: clock[0])

    def let(seconds: float, *, made: int = WORTH_SWEEPING, swept: int = 0) -> None:
        clock[0] += seconds
        count: Any = (made, 0, swept)
        monkeypatch.setattr(gc, "get_count", lambda: count)

    return let


@pytest.fixture
def sweeper(told: list[str], time_passes: Pass) -> Sweeper:
    """One that has set apart what was there at the beginning."""
    made = Sweeper()
    time_passes(YOUNG.every)
    made.look(BUSY)
    assert told == []
    made.look(QUIET)
    assert told == ["all", "freeze"]
    told.clear()
    return made


def test_a_quiet_moment_is_waited_for_but_not_for_ever(
    sweeper: Sweeper, told: list[str], time_passes: Pass
) -> None:
    time_passes(YOUNG.every / 2)
    sweeper.look(QUIET)
    assert told == []
    time_passes(YOUNG.every)
    sweeper.look(BUSY)
    assert told == []
    sweeper.look(QUIET)
    assert told == ["young"]
    time_passes(YOUNG.latest - 1)
    sweeper.look(BUSY)
    assert told == ["young"]
    time_passes(1)
    sweeper.look(BUSY)
    assert told == ["young", "young"]


def test_all_is_looked_over_in_a_long_quiet_or_after_minutes(
    sweeper: Sweeper, told: list[str], time_passes: Pass
) -> None:
    time_passes(ALL.every)
    sweeper.look(LONG_QUIET)
    assert told == ["all"]
    for _ in range(int(ALL.latest / YOUNG.latest)):
        time_passes(YOUNG.latest)
        sweeper.look(BUSY)
    assert told == ["all", "young", "all"]


def test_too_many_objects_are_not_kept_until_it_is_quiet(
    sweeper: Sweeper, told: list[str], time_passes: Pass
) -> None:
    """Those of a window that changes its size all the time."""
    time_passes(YOUNG.every, made=TOO_MANY - 1)
    sweeper.look(BUSY)
    assert told == []
    time_passes(0, made=TOO_MANY)
    sweeper.look(BUSY)
    assert told == ["all"]


def test_where_hardly_anything_was_made_nothing_is_looked_for(
    sweeper: Sweeper, told: list[str], time_passes: Pass
) -> None:
    time_passes(YOUNG.every, made=WORTH_SWEEPING - 1, swept=1)
    sweeper.look(QUIET)
    time_passes(ALL.every, made=WORTH_SWEEPING - 1)
    sweeper.look(LONG_QUIET)
    assert told == []
    time_passes(ALL.every, made=WORTH_SWEEPING - 1, swept=1)
    sweeper.look(LONG_QUIET)
    assert told == ["all"]


def test_what_a_screen_holds_is_set_apart_when_it_was_opened_first(
    sweeper: Sweeper, told: list[str], time_passes: Pass
) -> None:
    for screen in ("runs", "adapters", "runs", "adapters"):
        sweeper.opened(screen)
        time_passes(YOUNG.every)
        sweeper.look(QUIET)
    assert told == [*["all", "freeze"] * 2, "young", "young"]


async def test_what_a_closed_dialog_drew_is_forgotten(store: Store) -> None:
    async with WorkbenchApp(store.root).run_test() as pilot:
        await pilot.press("question_mark")
        await pilot.pause(0.2)
        drawn = weakref.ref(pilot.app.screen._styles_cache)
        await pilot.press("escape")
        await pilot.pause(0.2)
        sweeper = Sweeper()
        sweeper._sweep_all()
        gc.unfreeze()
        assert drawn() is None


async def test_what_was_drawn_for_another_size_goes_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines() -> int:
        return sum(type(each) is Strip for each in gc.get_objects())

    monkeypatch.setattr(Strip, "divide", Strip.divide)
    let_frames_go()
    async with WorkbenchApp(store.root).run_test(size=(100, 40)) as pilot:
        await pilot.pause(0.2)
        gc.collect()
        gc.disable()
        try:
            before = lines()
            for width in (*range(101, 110), 100):
                await pilot.resize_terminal(width, 40)
                await pilot.pause(0.05)
            assert lines() < 2 * before
        finally:
            gc.enable()


def test_regions_that_were_are_forgotten() -> None:
    Region(1, 2, 3, 4).grow((5, 6, 7, 8))
    Sweeper()._sweep_all()
    gc.unfreeze()
    assert cast("Any", Region.grow).cache_info().currsize == 0


@pytest.mark.parametrize("size", [(100, 40), (90, 30)], ids=["same", "other"])
async def test_screens_that_are_not_shown_keep_nothing_that_they_drew_for_another_size(
    store: Store, size: tuple[int, int]
) -> None:
    async with WorkbenchApp(store.root).run_test(size=(100, 40)) as pilot:
        await pilot.press("5")
        await pilot.pause(0.2)
        hidden = pilot.app.screen
        await pilot.press("1")
        await pilot.pause(0.2)
        assert any(widget._styles_cache._cache for widget in hidden.walk_children(Widget))
        for width, height in ((120, 50), size):
            await pilot.resize_terminal(width, height)
        await pilot.pause(0.2)
        assert not any(widget._styles_cache._cache for widget in hidden.walk_children(Widget))
        await pilot.press("5")
        await pilot.pause(0.2)
        shown = "\n".join(strip.text for strip in hidden._compositor.render_strips())
        assert "5 Adapters" in shown and "No adapters" in shown


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
