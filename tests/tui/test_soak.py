"""What a long day does to a terminal: thousands of sizes, floods of text, a stalled line, many points."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from big_store import write_big_store
from stocking import held_queue

from store import Store, open_store

PASTE_START, PASTE_END = "\x1b[200~", "\x1b[201~"
PASTE_BYTES = 5_000_000
LINE_BYTES = 1_000
"""What one more line of a list may cost on a far terminal."""
slow = pytest.mark.slow


@pytest.fixture
def no_dispatcher(store: Store) -> Iterator[None]:
    with held_queue(store):
        yield


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def type_apart(opened: Any, keys: str) -> None:
    """Type one key after the other: an escape and a digit at once are another key."""
    for key in keys:
        opened.press(key)
        opened.read_for(0.3)


def feed(opened: Any, text: str) -> None:
    """Type a long text while reading what is written, as a terminal does."""
    data = text.encode()
    for start in range(0, len(data), 4096):
        opened.press(data[start : start + 4096].decode())
        if start % 65_536 == 0:
            opened.read(0.001)


@pytest.mark.usefixtures("no_dispatcher")
@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=slow)])
def test_any_row_of_sizes_is_survived(
    terminal: Callable[..., Any], store: Store, fake_worker: Callable[..., Any], times: int
) -> None:
    """The memory stays near what the largest window took, and is flat once many sizes have been."""
    fake_worker(store.root, name="resized", steps=30, pace=0).wait(30)
    opened = terminal(store.root)
    opened.wait_for("resized", 30)
    # What is opened for the first time takes memory once, and most of it in the largest window.
    opened.resize(500, 200, draw=False)
    for key in "12345678?\x1b1":
        opened.press(key)
        opened.drain(0.5)
    warm = halfway = resident_bytes(opened.process.pid)
    sizes = random.Random(times)
    for number in range(times):
        if number % 25 == 0:
            opened.press(sizes.choice("1234567?\x1b"))
        opened.resize(sizes.randint(1, 500), sizes.randint(1, 200), draw=False)
        opened.drain(0.01)
        if number == times // 2:
            halfway = resident_bytes(opened.process.pid)
    after = resident_bytes(opened.process.pid)
    opened.resize(120, 40)
    for key in "\x1b\x1b1":  # far apart: what is read late is read at once, and is another key
        opened.read_for(2)
        opened.press(key)
    opened.wait_for("resized", 60)
    assert opened.process.poll() is None
    print(f"{after / warm:.2f} of the largest window, {after / halfway:.3f} of halfway")
    assert after < min(1.15 * warm, 1.05 * halfway)


@pytest.mark.parametrize("keys", [":", "/", "6\t", "4n"], ids=["command", "filter", "prompt", "dialog"])
def test_a_flood_of_pasted_text_is_taken_in_part_or_refused(
    terminal: Callable[..., Any], store: Store, keys: str
) -> None:
    opened = terminal(store.root)
    opened.wait_for("1 Runs", 30)
    type_apart(opened, keys)
    before = resident_bytes(opened.process.pid)
    feed(opened, PASTE_START + "word " * (PASTE_BYTES // 5) + PASTE_END)
    opened.read_for(1)
    type_apart(opened, "\x1b\x1b\x1b5")
    opened.wait_for("5 Adapters", 30)
    assert resident_bytes(opened.process.pid) - before < 20 * PASTE_BYTES


@pytest.mark.usefixtures("no_dispatcher")
@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=slow)])
def test_a_terminal_that_is_not_read_for_a_while_goes_on_where_the_run_is(
    terminal: Callable[..., Any], store: Store, fake_worker: Callable[..., Any], seconds: int
) -> None:
    """The run notices nothing, and nothing piles up in the screens."""
    steps = seconds * 10
    worker = fake_worker(store.root, name="unseen", steps=steps, pace=0.05)
    opened = terminal(store.root, size=(200, 60))
    opened.wait_for("unseen", 30)
    opened.press("+")
    before = resident_bytes(opened.process.pid)
    time.sleep(seconds)
    assert worker.wait(seconds + 30) == 0
    assert store.runs.get("r1").step == steps
    opened.wait_for(f"step {steps}/{steps}", 30)
    opened.wait_for("completed", 10)
    assert resident_bytes(opened.process.pid) - before < 50_000_000


@slow
@pytest.mark.usefixtures("no_dispatcher")
def test_a_million_points_leave_the_memory_as_it_was(terminal: Callable[..., Any], store: Store) -> None:
    """Time is compressed: a run of weeks is written as fast as the screens take it."""
    run = store.runs.create(
        name="long", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id
    opened = terminal(store.root, size=(120, 40))
    opened.wait_for("long", 30)
    steps, per_batch = 500_000, 2_500
    warm = 0
    for first in range(1, steps, per_batch):
        batch = range(first, first + per_batch)
        points = [(step, name, 2 + step % 89 / 100) for step in batch for name in ("loss", "grad_norm")]
        store.metrics.append(run, points)
        opened.drain(0.4)
        if first > steps // 4 and not warm:
            warm = resident_bytes(opened.process.pid)
    opened.read_for(5)
    assert resident_bytes(opened.process.pid) < 1.05 * warm


@pytest.mark.parametrize("keys", [":", "/", "n", "5a"], ids=["command", "filter", "form", "dialog"])
def test_an_open_dialog_writes_nothing_while_nobody_types(
    terminal: Callable[..., Any], stock: Store, keys: str
) -> None:
    opened = terminal(stock.root)  # a larger one has the readings of the devices behind the dialog
    opened.wait_for("1 Runs", 30)
    opened.read_for(1)
    type_apart(opened, keys)
    opened.read_for(2)
    assert opened.read_for(2) == b""


def test_one_more_line_of_a_long_list_costs_less_than_a_kilobyte(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    root = write_big_store(tmp_path / "big", adapters=500, runs=50, points=False)
    with open_store(root) as store, held_queue(store):
        opened = terminal(root, size=(80, 24))
        opened.wait_for("1 Runs", 30)
        opened.press("5")
        opened.wait_for("adapter-499", 30)
        opened.read_for(1)
        written, lines = 0, 60
        for _ in range(lines):
            opened.press("j")
            written += len(opened.read_for(0.12))
        print(f"{written / lines:.0f} bytes a line")
        assert written / lines < LINE_BYTES
