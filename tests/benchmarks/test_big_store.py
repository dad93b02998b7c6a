"""How soon a key is answered on a store of 100,000 adapters, 10,000 runs and 5 million points.

What is told is the time from the key's byte to the first bytes that show its effect, on a real terminal, less
the time that the app stood ready and other programs had the processor (proc(5), schedstat).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from stocking import held_queue

from store import open_store

pytestmark = pytest.mark.benchmark

RUNS = 4
P95_SECONDS, P99_SECONDS = 0.050, 0.100
AS_SLOW_AS_BARE = 2.0
BARE = """
import os, sys
os.environ["TEXTUAL_FPS"] = "30"
os.environ["TEXTUAL_ANIMATIONS"] = "none"
from textual.app import App
from textual.widgets import Label

class Bare(App):
    count = 0
    def compose(self):
        yield Label("hello 0")
    def on_key(self, event):
        self.count += 1
        self.query_one(Label).update(f"hello {self.count}")

Bare().run()
"""


@pytest.fixture
def four_runs(big_root: Path, fake_worker: Callable[..., Any]) -> Iterator[Path]:
    with open_store(big_root) as store, held_queue(store):
        for number in range(RUNS):
            fake_worker(big_root, name=f"live-{number}", steps=100_000, pace=0.25)
        yield big_root


def place_of_cursor(screen: Any) -> object:
    """Where the list's cursor is: a colour behind the cells, which nothing but keys changes."""
    return [screen.buffer[y][6].bg for y in range(screen.lines)]


def head(screen: Any) -> object:
    """Which screen is named as the one shown."""
    return [(cell.data, cell.fg, cell.bold) for cell in (screen.buffer[0][x] for x in range(screen.columns))]


def all_text(screen: Any) -> object:
    return list(screen.display)


def stood_waiting(opened: Any) -> float:
    """Seconds that the app's loop has waited for a processor which other programs had."""
    pid = opened.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9


def answered(opened: Any, key: str, seen: Callable[[Any], object]) -> float:
    """Press a key; the seconds until the first bytes that show its effect."""
    opened.read_for(0.11)
    before, waited, start = seen(opened.screen), stood_waiting(opened), time.perf_counter()
    opened.press(key)
    while time.perf_counter() - start < 5:
        opened.wait_for_bytes(start + 5)
        arrived = time.perf_counter() - (stood_waiting(opened) - waited)
        opened.take()
        if seen(opened.screen) != before:
            return arrived - start
    raise AssertionError(f"{key!r} had no effect:\n" + "\n".join(opened.lines))


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def tell(what: str, times: list[float]) -> None:
    figures = [statistics.median(times), percentile(times, 0.95), percentile(times, 0.99)]
    p50, p95, p99 = (f"{figure * 1000:.0f}" for figure in figures)
    print(f"{what}: p50 {p50} ms, p95 {p95} ms, p99 {p99} ms of {len(times)} keys")


def test_a_key_is_answered_at_once_on_a_big_store(four_runs: Path, terminals: ModuleType) -> None:
    bare = terminals.Terminal(four_runs, program=BARE)
    bare.wait_for("hello 0")
    bare_times = [answered(bare, "x", all_text) for _ in range(60)]
    bare.close()
    tell("a bare Textual app", bare_times)

    opened = terminals.Terminal(four_runs, size=(120, 40))
    opened.wait_for("live-3", 30)
    opened.read_for(3)
    # What is opened for the first time has its styles read; that is told apart.
    first = [answered(opened, "5", head), answered(opened, "1", head), answered(opened, "/", all_text)]
    for _ in range(2):
        opened.press("\x1b")
        opened.read_for(0.5)
    tell("screens and the filter line, the first time", first)
    times: dict[str, list[float]] = {}

    def press(what: str, keys: str, seen: Callable[[Any], object]) -> None:
        times.setdefault(what, []).extend(answered(opened, key, seen) for key in keys)

    for _ in range(6):
        press("up and down the runs", "jjjkkk", place_of_cursor)
        press("the end and the beginning of the runs", "Gg", all_text)
        press("another screen", "5", head)
        opened.read_for(0.5)
        press("up and down the adapters", "jjjkkk", place_of_cursor)
        press("the end and the beginning of the adapters", "Gg", all_text)
        press("another screen", "1", head)
        opened.read_for(0.5)
    for _ in range(3):
        press("typing a filter of the runs", "/7", all_text)
        opened.press("\x1b")
        opened.read_for(0.3)
        opened.press("\x1b")
        opened.read_for(0.3)
        opened.press("5")
        opened.read_for(0.5)
        press("the help", "?", all_text)
        opened.press("\x1b")
        opened.read_for(0.3)
        opened.press("1")
        opened.read_for(0.5)
    opened.close()
    everything = [each for some in times.values() for each in some]
    for what, some in times.items():
        tell(what, some)
    tell("all keys", everything)
    slow = percentile(bare_times, 0.95)
    assert percentile(everything, 0.95) < max(P95_SECONDS, AS_SLOW_AS_BARE * slow)
    assert percentile(everything, 0.99) < max(P99_SECONDS, 2 * AS_SLOW_AS_BARE * slow)
