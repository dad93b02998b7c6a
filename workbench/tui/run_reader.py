"""What became of the runs of a store since it was looked at last; used by the thread that reads the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from store import Store
from store.metrics import run_number
from store.run_status import STATUSES, UNDER_WAY
from store.runs import Run

PAGE_RUNS = 200
"""So many are read at once; between two such pages the screens have their turn."""
PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class RunNews:
    """What became of the runs: a screen of ten thousand hears only of those that changed."""

    runs: tuple[Run, ...] = ()
    """Those that came or changed."""
    gone: frozenset[str] = frozenset()
    """The ids of those that went."""
    afresh: bool = False
    """Nothing that was told before counts: the reader has begun."""
    complete: bool = True
    """Every run has been told by now."""


class RunReader:
    """Reads runs after a cursor.

    Args:
        store: The store of the thread.
        wait: Waits so many seconds; true when the thread is to end.
    """

    def __init__(self, store: Store, wait: Callable[[float], bool]) -> None:
        self._store = store
        self._wait = wait
        self._known: set[str] = set()
        self._live: dict[str, Run] = {}
        self._cursor: int | None = None
        self._counted: int | None = None

    @property
    def live(self) -> tuple[Run, ...]:
        """Those that are at work."""
        return tuple(self._live.values())

    def new(self) -> Iterator[RunNews]:
        """What is new, where something is; at first the newest runs and those under way, then the others."""
        if self._cursor is None:
            yield from self._first()
            return
        changed = self._changed()
        gone = self._gone()
        if changed or gone:
            yield RunNews(tuple(changed.values()), gone)

    def _first(self) -> Iterator[RunNews]:
        changed, runs = self._store.changed, self._store.runs
        self._cursor, self._counted = changed.run_end(), changed.counts().get("runs")
        page = runs.list(limit=PAGE_RUNS)
        going = [run for status in STATUSES if status in UNDER_WAY for run in runs.list(status)]
        first = {run.id: run for run in (*page, *going)}
        self._know(first.values())
        yield RunNews(tuple(first.values()), afresh=True, complete=len(page) < PAGE_RUNS)
        if len(page) < PAGE_RUNS:
            return
        others: list[Run] = []
        while len(page) == PAGE_RUNS and not self._wait(PAUSE_SECONDS):
            page = changed.runs_before(page[-1].id, limit=PAGE_RUNS)
            others += page
        self._know(others)
        yield RunNews(tuple(others), complete=len(page) < PAGE_RUNS)

    def _changed(self) -> dict[str, Run]:
        changed: dict[str, Run] = {}
        while True:
            found, self._cursor = self._store.changed.runs_after(self._cursor or 0, limit=PAGE_RUNS)
            changed |= {run.id: run for run in found}
            if len(found) < PAGE_RUNS:
                break
        self._know(changed.values())
        return changed

    def _gone(self) -> frozenset[str]:
        changed = self._store.changed
        counted = changed.counts().get("runs")
        if counted == self._counted:
            return frozenset()  # as after nearly every look: all ids need not be read
        self._counted = counted
        gone = frozenset(self._known.difference(changed.run_ids()))
        self._known -= gone
        for run_id in gone:
            self._live.pop(run_id, None)
        return gone

    def _know(self, runs: Iterable[Run]) -> None:
        self._known |= {run.id for run in runs}
        for run in runs:
            if run.live:
                self._live[run.id] = run
            else:
                self._live.pop(run.id, None)
        self._live = dict(sorted(self._live.items(), key=lambda item: run_number(item[0]), reverse=True))
