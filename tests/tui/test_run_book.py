"""The runs that the app knows are those of the store, whatever came, changed and went in whatever order."""

from __future__ import annotations

import pytest

from store import Store
from store.changes import Changes
from workbench.tui import run_reader
from workbench.tui.run_book import RunBook
from workbench.tui.run_reader import RunNews, RunReader


def new_run(store: Store) -> str:
    return store.runs.create(
        name="one", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


def start(store: Store, run: str) -> None:
    store.runs.claim(run, "n")
    store.runs.begin(run, 10)


def fail(store: Store, run: str) -> None:
    store.runs.fail(run, "out of memory", "take a smaller batch")


def take_away(store: Store, run: str) -> None:
    with store.db.conn:
        store.db.execute("delete from runs where id = ?", [int(run[1:])])


def reader_of(store: Store) -> RunReader:
    return RunReader(store, lambda _: False)


def follow(reader: RunReader, book: RunBook) -> list[RunNews]:
    told = list(reader.new())
    for news in told:
        book.take(news)
    return told


def live(of: RunReader | RunBook) -> list[str]:
    return [run.id for run in of.live]


def test_a_change_of_one_run_is_all_that_is_told_and_keeps_the_list(store: Store) -> None:
    runs = [new_run(store) for _ in range(3)]
    reader, book = reader_of(store), RunBook()
    follow(reader, book)
    before = book.runs
    assert (list(before), book.live, book.complete) == (runs[::-1], (), True)
    start(store, runs[1])
    (news,) = follow(reader, book)
    assert [run.id for run in news.runs] == [runs[1]]
    assert book.runs is before
    assert live(book) == live(reader) == [runs[1]]
    assert follow(reader, book) == []
    fail(store, runs[1])
    follow(reader, book)
    assert (book.live, reader.live, book.runs[runs[1]].status) == ((), (), "failed")


def test_a_new_run_stands_first_and_one_that_went_is_gone(store: Store) -> None:
    runs = [new_run(store) for _ in range(3)]
    start(store, runs[0])
    reader, book = reader_of(store), RunBook()
    follow(reader, book)
    before = book.runs
    runs.append(new_run(store))
    start(store, runs[3])
    follow(reader, book)
    assert list(before) == runs[2::-1]  # who holds the old list sees that there is another
    assert list(book.runs) == runs[::-1]
    assert live(book) == [runs[3], runs[0]]
    take_away(store, runs[0])
    runs.append(new_run(store))  # as many as before
    (news,) = follow(reader, book)
    assert news.gone == {runs[0]}
    assert list(book.runs) == [runs[4], *runs[3:0:-1]]
    assert live(book) == live(reader) == [runs[3]]


def test_a_run_is_gone_although_a_row_that_is_no_run_makes_up_for_it(store: Store) -> None:
    runs = [new_run(store) for _ in range(3)]
    with store.db.conn:
        store.db.execute("update runs set created = 'yesterday' where id = 1")
    reader, book = reader_of(store), RunBook()
    follow(reader, book)
    assert list(book.runs) == runs[:0:-1]
    take_away(store, runs[1])  # as many rows are left as runs were told
    follow(reader, book)
    assert list(book.runs) == [runs[2]]


def test_all_ids_are_read_only_when_some_run_came_or_went(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = new_run(store), new_run(store)
    with store.db.conn:
        store.db.execute("update runs set created = 'yesterday' where id = 2")
    start(store, run)
    reader, book = reader_of(store), RunBook()
    follow(reader, book)
    monkeypatch.setattr(Changes, "run_ids", lambda _: pytest.fail("all ids were read"))
    store.runs.progress(run, 1)
    follow(reader, book)
    assert book.runs[run].step == 1


def test_a_long_list_comes_in_two_parts_and_a_run_at_work_in_the_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_reader, "PAGE_RUNS", 3)
    runs = [new_run(store) for _ in range(8)]
    start(store, runs[0])
    for run in runs[1:]:
        store.runs.request(run, "cancel")
    reader, book = reader_of(store), RunBook()
    told = []
    for news in reader.new():
        book.take(news)
        told.append((list(book.runs), live(book), book.complete))
    assert told == [([*runs[:4:-1], runs[0]], [runs[0]], False), (runs[::-1], [runs[0]], True)]


def test_a_reader_that_begins_again_tells_everything_afresh(store: Store) -> None:
    first, second = new_run(store), new_run(store)
    start(store, first)
    book = RunBook()
    follow(reader_of(store), book)
    fail(store, first)
    take_away(store, second)
    follow(reader_of(store), book)
    assert (list(book.runs), book.live) == ([first], ())


def test_until_a_reader_that_begins_again_has_told_all_nothing_is_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has marked an old run finds it marked; one that went meanwhile goes with the last news."""
    monkeypatch.setattr(run_reader, "PAGE_RUNS", 3)
    runs = [new_run(store) for _ in range(8)]
    for run in runs:
        store.runs.request(run, "cancel")
    book = RunBook()
    follow(reader_of(store), book)
    take_away(store, runs[1])
    told = []
    for news in reader_of(store).new():
        book.take(news)
        told.append((list(book.runs), book.complete))
    assert told == [(runs[::-1], True), ([*runs[:1:-1], runs[0]], True)]
