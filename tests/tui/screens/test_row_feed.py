"""Rows come as they are wanted: never more than one page on its way, and only the newest wish is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.errors import StoreError
from workbench.tui.pages import CHUNK_ROWS
from workbench.tui.screens.row_feed import HITS_AT_ONCE, RowFeed, Subject

ROWS = 20_000


class Lane:
    """Does what it is asked when it is told to, on a real store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[tuple[str, Callable[[Store], Any], Any, Any]] = []
        self.done = 0

    def ask(self, lane: str, work: Any, then: Any = None, failed: Any = None) -> None:
        self.asked.append((lane, work, then, failed))

    def step(self) -> None:
        _, work, then, failed = self.asked.pop(0)
        self.done += 1
        try:
            value = work(self.store)
        except StoreError as error:
            failed(error)
            return
        then(value)

    def finish(self) -> None:
        while self.asked:
            self.step()
            assert self.done < 1000


@pytest.fixture
def lane(store: Store, tmp_path: Path) -> Lane:
    """Over a store with 20,000 rows, of which every hundredth has a needle."""
    file = tmp_path / "many.jsonl"
    with file.open("w") as lines:
        for at in range(ROWS):
            needle = " NEEDLE" if at % 100 == 7 else ""
            lines.write(json.dumps({"id": at, "text": f"row number {at}{needle}"}) + "\n")
    store.datasets.add(file, name="many")
    return Lane(store)


SUBJECT = Subject("many", "train", ROWS, ("id", "text"))


def feed_of(lane: Lane) -> tuple[RowFeed, list[StoreError]]:
    failed: list[StoreError] = []
    feed = RowFeed(lane.ask, lambda: None, failed.append)
    feed.open(SUBJECT)
    return feed, failed


def text(feed: RowFeed, position: int) -> str:
    line = feed.line(position)
    return line.cells[1].text if line is not None else ""


def test_what_is_in_sight_and_near_it_is_read(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    feed.want(10_000, 10_040)
    lane.finish()
    assert text(feed, 10_000) == "row number 10000"
    assert text(feed, 10_040 + CHUNK_ROWS - 1) == f"row number {10_040 + CHUNK_ROWS - 1}"
    assert text(feed, 9_999) == "row number 9999"
    assert feed.line(0) is None


def test_a_key_that_is_held_down_leaves_no_queue_of_pages(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    for first in range(0, ROWS - 40, 20):
        feed.want(first, first + 40)
        assert len(lane.asked) <= 1
    lane.finish()
    assert lane.done <= 5
    assert text(feed, ROWS - 41) == f"row number {ROWS - 41}"


def test_a_read_that_nobody_waits_for_any_more_is_given_up(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    feed.want(0, 40)
    feed.want(15_000, 15_040)
    lane.step()
    assert text(feed, 0) == "row number 0"
    assert feed.line(1) is None
    lane.finish()
    assert text(feed, 15_000) == "row number 15000"


def test_hits_are_found_in_any_case_in_steps_and_no_further_than_wanted(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    feed.look_for("needle")
    assert feed.count == 0
    lane.step()
    assert 0 < feed.count < HITS_AT_ONCE
    lane.finish()
    assert feed.count == 200
    assert [feed.number(at) for at in (0, 1, 199)] == [7, 107, 19_907]
    assert text(feed, 1) == "row number 107 NEEDLE"
    assert not feed.searched_all
    feed.want(180, 200)
    lane.finish()
    assert feed.count == 200
    assert feed.searched_all


def test_a_search_with_many_hits_rests_until_more_are_wanted(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    feed.look_for("row number")
    lane.finish()
    assert feed.count == HITS_AT_ONCE
    feed.want(0, 40)
    lane.finish()
    assert feed.count == HITS_AT_ONCE
    feed.want(HITS_AT_ONCE - 20, HITS_AT_ONCE)
    lane.finish()
    assert feed.count == 2 * HITS_AT_ONCE
    feed.search_to(1000)
    lane.finish()
    assert feed.count == 1000
    assert not feed.searched_all


def test_typing_on_ends_the_search_before_it(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    for typed in ("n", "ne", "number 12345"):
        feed.look_for(typed)
    lane.finish()
    assert [feed.number(at) for at in range(feed.count)] == [12_345]
    feed.look_for("")
    assert feed.count == ROWS


def test_far_apart_hits_that_were_let_go_are_read_again(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    feed.look_for("needle")
    lane.finish()
    feed._window = type(feed._window)(2)
    feed.want(100, 140)
    lane.finish()
    assert text(feed, 100) == "row number 10007 NEEDLE"


def test_rows_that_cannot_be_read_are_told_once(lane: Lane) -> None:
    feed, failed = feed_of(lane)
    lane.store.datasets.remove("many")
    for first in range(0, 1000, 40):
        feed.want(first, first + 40)
        lane.finish()
    assert len(failed) == 1


def test_a_file_with_fewer_rows_than_the_catalog_says_ends_the_reading(lane: Lane) -> None:
    feed, _ = feed_of(lane)
    folder = lane.store.datasets.get("many").path
    data = next(path for path in folder.iterdir() if path.suffix == ".jsonl")
    data.chmod(0o600)
    with data.open("r+b") as file:
        file.truncate(1000)
    feed.want(ROWS - 40, ROWS)
    lane.finish()
    assert feed.line(ROWS - 1) is None
