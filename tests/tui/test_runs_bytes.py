"""On a far terminal: what the Runs screen writes while four runs go on at once, and when nothing does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from store import Store
from workbench import processes
from workbench.runs import queue
from workbench.tui.live import TICK_SECONDS

RUNS = 4
MOST_BYTES = 5_000
SIZES = [(120, 40), (80, 24)]


@pytest.fixture(autouse=True)
def no_dispatcher(store: Store) -> Iterator[None]:
    """Hold the dispatcher's place: it would end runs whose trainers it does not know."""
    lock = processes.HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


def bytes_per_update(opened: Any, seconds: float = 6.0) -> float:
    written = len(opened.read_for(seconds))
    return written / (seconds / TICK_SECONDS)


def see(size: tuple[int, int], what: str, measured: float) -> None:
    print(f"{size[0]}x{size[1]} {what}: {measured:.0f} bytes per update")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_four_live_runs_stay_under_five_kilobytes_per_update(
    terminal: Callable[..., Any], store: Store, fake_worker: Callable[..., Any], size: tuple[int, int]
) -> None:
    """One run's curves as much as all four in one chart, raw and smoothed."""
    for number in range(RUNS):
        fake_worker(store.root, name=f"run-{number}", steps=600, pace=0.25)
    opened = terminal(store.root, size=size)
    opened.wait_for("● 4", 30)
    opened.wait_for("loss 3.", 30)
    opened.read_for(3)
    measured = {"one run": bytes_per_update(opened)}
    opened.press("M")
    opened.wait_for("r4 loss", 10)
    opened.read_for(2)
    measured["four runs"] = bytes_per_update(opened)
    opened.press("+")
    opened.wait_for("smoothed 0.5", 10)
    opened.read_for(2)
    measured["four runs smoothed"] = bytes_per_update(opened)
    for what, each in measured.items():
        see(size, what, each)
        assert 0 < each < MOST_BYTES, what


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_runs_that_have_ended_write_nothing(
    terminal: Callable[..., Any], store: Store, fake_worker: Callable[..., Any], size: tuple[int, int]
) -> None:
    for number in range(2):
        fake_worker(store.root, name=f"run-{number}", steps=20, pace=0).wait(30)
    with store.db.conn:
        store.db.execute("update runs set created = ?", [time.time() - 7 * 86_400])
    opened = terminal(store.root, size=size)
    opened.wait_for("completed", 30)
    opened.press("M")  # the readings of the devices go on: all runs in one chart have their place
    opened.wait_for("r2 loss", 10)
    opened.read_for(3)
    assert opened.read_for(4) == b""
