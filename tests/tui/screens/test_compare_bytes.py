"""On a far terminal: what Compare writes while four systems speak at once, and when nobody does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from store import Store
from workbench import processes
from workbench.runs import queue

SIZES = [(160, 50), (80, 24)]
PACE_SECONDS = 1 / 15
MOST_BYTES_PER_SECOND = 10_000
SYSTEMS = (None, "first-try", "second", "third")
WORDS = ("the", "of", "Anna", "brings", "apples", "yesterday", "and", "misunderstanding", "no", "because")


@pytest.fixture(autouse=True)
def still_store(fleet: Store) -> Iterator[None]:
    """Let no run be at work, and hold the dispatcher's place."""
    with fleet.db.conn:
        fleet.db.execute("update runs set status = 'cancelled' where status in ('running', 'queued')")
    lock = processes.HeldLock.take(fleet.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_four_answers_stream_under_ten_kilobytes_a_second(
    terminal: Callable[..., Any],
    fleet: Store,
    fake_server: Callable[..., Any],
    size: tuple[int, int],
) -> None:
    """At fifteen tokens a second each, told with their probabilities; still columns write nothing."""
    chance = random.Random(7)
    answers = {each: " ".join(chance.choices(WORDS, k=110)) for each in SYSTEMS}
    chances = dict.fromkeys(answers, (0.97, 0.62, 0.3, 0.02))
    server = fake_server(fleet, answers, pace=PACE_SECONDS, chances=chances)
    opened = terminal(fleet.root, size=size)
    opened.wait_for("third", 30)
    opened.press("6")
    opened.wait_for("reference:", 30)
    opened.press("gjj  ")  # who came last is marked already
    opened.read_for(1)
    opened.press("a")
    opened.wait_for("answering", 30)
    opened.read_for(0.5)
    streamed = len(opened.read_for(5)) / 5
    print(f"{size[0]}x{size[1]}: {streamed:.0f} bytes per second")
    assert set(server.requests[0]["adapters"]) == set(SYSTEMS)
    assert 0 < streamed < MOST_BYTES_PER_SECOND
    opened.wait_for("110 tok", 30)
    opened.read_for(2)
    assert opened.read_for(2) == b""
