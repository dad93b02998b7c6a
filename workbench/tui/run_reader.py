"""The runs of a store, kept by reading only those that changed; used by the thread that reads the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from store import Store
from store.metrics import run_number
from store.run_status import STATUSES, UNDER_WAY
from store.runs import Run

PAGE_RUNS = 200
"""So many are read at once; between two such pages the screens have their turn."""
PAUSE_SECONDS = 0.02

Read = tuple[tuple[Run, ...], tuple[Run, ...], bool]
"""The runs that are known, the newest first, those of them that are at work, and whether they are all."""


class RunReader:
    """Reads runs after a cursor.

    Args:
        store: The store of the thread.
        wait: Waits so many seconds; true when the thread is to end.
    """

    def __init__(self, store: Store, wait: Callable[[float], bool]) -> None:
        self._store = store
        self._wait = wait
        self._runs: dict[str, Run] = {}
        self._cursor: int | None = None
        self._count = -1
        self.live: tuple[Run, ...] = ()
        """Those that are at work."""

    def new(self) -> Iterator[Read]:
        """The runs, where something about them has changed; at first the newest, and then all."""
        if self._cursor is None:
            yield from self._first()
            return
        changed, told = self._changed(), self._count
        self._count = self._store.changed.counts()["runs"]
        gone = self._forget_gone() if told != self._count else False
        if changed or gone:
            yield self._read()

    def _first(self) -> Iterator[Read]:
        changed = self._store.changed
        self._cursor, self._count = changed.run_end(), changed.counts()["runs"]
        runs = self._store.runs
        page = runs.list(limit=PAGE_RUNS)
        going = [run for status in STATUSES if status in UNDER_WAY for run in runs.list(status)]
        self._runs = {run.id: run for run in _newest_first({run.id: run for run in (*page, *going)}.values())}
        yield self._read(complete=len(page) < PAGE_RUNS)
        if len(page) < PAGE_RUNS:
            return
        while len(page) == PAGE_RUNS and not self._wait(PAUSE_SECONDS):
            page = changed.runs_before(page[-1].id, limit=PAGE_RUNS)
            self._runs |= {run.id: run for run in page}
        self._runs = {run.id: run for run in _newest_first(self._runs.values())}
        yield self._read(complete=len(page) < PAGE_RUNS)

    def _changed(self) -> bool:
        before, fresh = self._cursor, False
        while True:
            found, self._cursor = self._store.changed.runs_after(self._cursor or 0, limit=PAGE_RUNS)
            fresh = fresh or any(run.id not in self._runs for run in found)
            self._runs |= {run.id: run for run in found}
            if len(found) < PAGE_RUNS:
                break
        if fresh:
            self._runs = {run.id: run for run in _newest_first(self._runs.values())}
        return self._cursor != before

    def _forget_gone(self) -> bool:
        there = set(self._store.changed.run_ids())
        gone = self._runs.keys() - there
        for run_id in gone:
            del self._runs[run_id]
        return bool(gone)

    def _read(self, *, complete: bool = True) -> Read:
        runs = tuple(self._runs.values())
        self.live = tuple(run for run in runs if run.live)
        return runs, self.live, complete


def _newest_first(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run_number(run.id), reverse=True)
