"""What is written into the store reaches the screens: every point once, and only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from textual.message import Message

from store import Store
from store.metrics import Point
from workbench.telemetry import HostReading
from workbench.tui import live
from workbench.tui.live import CatalogChanged, LiveReader, MetricPoints, RunsChanged, Telemetry
from workbench.tui.run_reader import RunNews

Messages = SimpleQueue[Message]


@pytest.fixture
def messages() -> Messages:
    return SimpleQueue()


def start(store: Store, messages: Messages, *, hears: bool = True) -> LiveReader:
    """A reader whose messages are kept; news of runs are heard as they come, or never."""

    def post(message: Message) -> None:
        messages.put(message)
        if isinstance(message, RunsChanged) and hears:
            made.heard()

    made = LiveReader(store.root, post, messages.put)
    made.start()
    return made


@pytest.fixture
def reader(store: Store, messages: Messages) -> Iterator[LiveReader]:
    made = start(store, messages)
    yield made
    made.stop()


def wait_for(messages: Messages, kind: type[Any], accept: Callable[[Any], bool] = lambda _: True) -> Any:
    end = time.monotonic() + 10
    while (left := end - time.monotonic()) > 0:
        try:
            message = messages.get(timeout=left)
        except Empty:
            break
        if isinstance(message, kind) and accept(message):
            return message
    raise AssertionError(f"no {kind.__name__} came")


def new_run(store: Store) -> str:
    return store.runs.create(
        name="one", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


@pytest.mark.usefixtures("reader")
def test_the_runs_are_told_at_the_start_and_after_every_change(store: Store, messages: Messages) -> None:
    assert wait_for(messages, RunsChanged).news == RunNews(afresh=True)
    first = new_run(store)
    assert [run.id for run in wait_for(messages, RunsChanged).news.runs] == [first]
    second = new_run(store)
    assert [run.id for run in wait_for(messages, RunsChanged).news.runs] == [second]
    store.runs.request(first, "cancel")
    (run,) = wait_for(messages, RunsChanged).news.runs
    assert (run.id, run.status) == (first, "cancelled")


def test_a_screen_that_stalls_finds_one_piece_of_news_and_all_of_it(store: Store, messages: Messages) -> None:
    reader = start(store, messages, hears=False)
    wait_for(messages, RunsChanged)
    runs = []
    for _ in range(3):
        runs.append(new_run(store))
        time.sleep(1.5 * live.TICK_SECONDS)
    kept = []
    while not messages.empty():
        kept.append(messages.get())
    assert not any(isinstance(message, RunsChanged) for message in kept)
    reader.heard()
    assert [run.id for run in wait_for(messages, RunsChanged).news.runs] == runs
    reader.stop()


@pytest.mark.usefixtures("reader")
def test_nothing_is_told_while_nothing_changes(messages: Messages) -> None:
    wait_for(messages, Telemetry)
    time.sleep(3 * live.TICK_SECONDS)
    late = []
    while not messages.empty():
        late.append(messages.get())
    assert [message for message in late if not isinstance(message, Telemetry)] == []


@pytest.mark.usefixtures("reader")
def test_other_changes_of_the_catalog_are_told(store: Store, messages: Messages) -> None:
    wait_for(messages, RunsChanged)
    new_run(store)
    wait_for(messages, CatalogChanged)


def test_every_point_comes_once_and_waits_until_the_last_were_shown(
    reader: LiveReader, store: Store, messages: Messages
) -> None:
    wait_for(messages, RunsChanged)
    run = new_run(store)
    wait_for(messages, RunsChanged)
    store.metrics.append(run, [(1, "loss", 2.0)])
    points = list(wait_for(messages, MetricPoints).points)
    for step in range(2, 6):
        store.metrics.append(run, [(step, "loss", 2.0)])
        time.sleep(0.2)
    held = []
    while not messages.empty():
        held.append(messages.get())
    assert not any(isinstance(message, MetricPoints) for message in held)
    reader.taken()
    points += wait_for(messages, MetricPoints).points
    assert [point.step for point in points] == [1, 2, 3, 4, 5]
    assert isinstance(points[0], Point)


def test_points_from_before_the_start_are_not_repeated(
    store: Store, store_root: Path, messages: Messages
) -> None:
    run = new_run(store)
    store.metrics.append(run, [(1, "loss", 2.0)])
    reader = LiveReader(store_root, messages.put, messages.put)
    reader.start()
    wait_for(messages, RunsChanged)
    store.metrics.append(run, [(2, "loss", 1.0)])
    assert [point.step for point in wait_for(messages, MetricPoints).points] == [2]
    reader.stop()


@pytest.mark.usefixtures("reader")
def test_telemetry_holds_the_host_and_the_live_runs_processes(
    store_root: Path, messages: Messages, fake_worker: Callable[..., Any]
) -> None:
    fake_worker(store_root, steps=500, outcome="hang")
    reading = wait_for(messages, Telemetry, lambda message: message.processes)
    assert reading.processes["r1"] > 1_000_000
    assert 0 < reading.host.memory_used_bytes <= reading.host.memory_total_bytes


def test_it_ends_within_a_second_when_asked(reader: LiveReader, messages: Messages) -> None:
    wait_for(messages, RunsChanged)
    started = time.monotonic()
    reader.stop()
    assert time.monotonic() - started < 1


def test_newer_telemetry_replaces_older_but_what_is_told_once_is_kept() -> None:
    reading = Telemetry((), HostReading(1, 2, 3.0, 4, 5))
    assert reading.can_replace(reading)
    assert not reading.can_replace(CatalogChanged(frozenset()))
    assert not RunsChanged(RunNews()).can_replace(RunsChanged(RunNews()))
    assert not MetricPoints(()).can_replace(MetricPoints(()))


def test_a_store_that_cannot_be_read_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.05)
    place = tmp_path / "no-store"
    place.write_text("a file")
    told: SimpleQueue[Exception] = SimpleQueue()
    messages: Messages = SimpleQueue()
    reader = LiveReader(place, messages.put, told.put)
    reader.start()
    told.get(timeout=10)
    time.sleep(0.5)
    assert told.empty()
    place.unlink()
    wait_for(messages, RunsChanged)
    reader.stop()
