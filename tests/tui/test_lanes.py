"""Work on the store is done in order per lane, off the caller's thread, and never loses an error."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from store import Store, open_store
from store.errors import NotFound
from workbench.tui.lanes import Answer, Lanes


@pytest.fixture
def answers() -> SimpleQueue[Any]:
    return SimpleQueue()


@pytest.fixture
def lanes(store_root: Path, answers: SimpleQueue[Any]) -> Any:
    open_store(store_root).close()
    made = Lanes(store_root, answers.put)
    yield made
    made.close()


def test_a_lane_answers_in_order_on_one_thread_of_its_own(lanes: Lanes, answers: SimpleQueue[Any]) -> None:
    for number in range(20):
        lanes.ask("store", lambda _, number=number: (number, threading.current_thread().name), None, None)
    got = [answers.get(timeout=10).value for _ in range(20)]
    assert got == [(number, "lane-store") for number in range(20)]


def test_a_slow_lane_does_not_hold_up_another(lanes: Lanes, answers: SimpleQueue[Any]) -> None:
    release = threading.Event()
    lanes.ask("files", lambda _: release.wait(10), None, None)
    lanes.ask("store", lambda _: "quick", None, None)
    assert answers.get(timeout=10).value == "quick"
    release.set()
    assert answers.get(timeout=10).value is True


def test_of_the_lanes_that_are_closed_the_awaited_one_has_done_its_work(lanes: Lanes) -> None:
    done: list[Path] = []
    release = threading.Event()

    def work(store: Store) -> None:
        time.sleep(0.02)
        done.append(store.root)

    lanes.ask("files", lambda _: release.wait(10), None, None)
    for _ in range(3):
        lanes.ask("drafts", work, None, None)
    lanes.close("drafts")
    assert len(done) == 3
    release.set()


def test_an_error_is_an_answer_and_the_lane_goes_on(lanes: Lanes, answers: SimpleQueue[Any]) -> None:
    def missing(store: Store) -> None:
        store.runs.get("r77")

    lanes.ask("store", missing, None, None)
    lanes.ask("store", lambda _: 1 / 0, None, None)
    lanes.ask("store", lambda store: store.runs.list(), None, None)
    first, second, third = (answers.get(timeout=10) for _ in range(3))
    assert isinstance(first, Answer)
    assert isinstance(first.error, NotFound)
    assert isinstance(second.error, ZeroDivisionError)
    assert third.value == []


def test_a_store_that_cannot_be_opened_is_told_each_time(tmp_path: Path, answers: SimpleQueue[Any]) -> None:
    place = tmp_path / "file"
    place.write_text("no store")
    lanes = Lanes(place, answers.put)
    lanes.ask("store", lambda _: None, None, None)
    lanes.ask("store", lambda _: None, None, None)
    assert answers.get(timeout=10).error is not None
    assert answers.get(timeout=10).error is not None
    lanes.close()
