"""Reads the rows that a grid shows: pages of a split as they are wanted, or what a search finds in it.

At most one page is being read. While it is, only the newest wish is kept: holding a key down over millions
of rows never leaves a queue of pages behind that nobody looks at any more.
"""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from store import patterns
from workbench.tui.pages import Line, Window
from workbench.tui.present import rows as present

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError

T = TypeVar("T")
PAGE_LANE = "rows"
SEARCH_LANE = "search"
SLICE_SECONDS = 0.15
"""A search tells what it has found so far this often."""
HITS_AT_ONCE = 200
"""A search rests when it has found so many more; it goes on when the end of them is near."""
HITS_PER_SLICE = 50
"""The first ones are told so soon; later a slice finds as many again, if its time is long enough."""
NEAR_END = 50
MOST_HITS = 1_000_000


class Ask(Protocol):
    """Runs work on the store off the loop, as the app's `ask`."""

    def __call__(
        self,
        lane: str,
        work: Callable[[Store], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[StoreError], None] | None = None,
    ) -> None: ...


@dataclass(frozen=True)
class Subject:
    """The rows of one split.

    Args:
        dataset: The dataset's name.
        split: The split's name.
        rows: How many it has.
        columns: Their names, in order.
    """

    dataset: str
    split: str
    rows: int
    columns: tuple[str, ...]


@dataclass
class Search:
    """A search through a split and what it has found."""

    text: str
    """A regular expression, see `store.patterns`."""
    hits: array[int] = field(default_factory=lambda: array("Q"))
    reached: int = 0
    """The row that is searched next."""
    goal: int = HITS_AT_ONCE
    running: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """What is looked for."""
        return patterns.lenient(self.text)


@dataclass(frozen=True)
class Page:
    """Lines that were read, and whether the reading was given up before its end."""

    lines: list[Line]
    given_up: bool


@dataclass(frozen=True)
class Found:
    """Lines that were found, and the row to go on from."""

    lines: list[Line]
    reached: int


class RowFeed:
    """The rows of one split, or those of them that a regular expression finds.

    Args:
        ask: Runs work off the loop.
        changed: Called on the loop when lines came or a search got on.
        failed: Called on the loop when rows cannot be read.
    """

    def __init__(self, ask: Ask, changed: Callable[[], None], failed: Callable[[StoreError], None]) -> None:
        self._ask = ask
        self._changed = changed
        self._failed = failed
        self.subject = Subject("", "", 0, ())
        self.search: Search | None = None
        self._window = Window(0)
        self._sight = (0, 0)
        self._reading = False
        self._broken = False

    @property
    def count(self) -> int:
        """How many rows there are to go to."""
        return len(self.search.hits) if self.search is not None else self.subject.rows

    @property
    def last_number(self) -> int:
        """The largest number of a row."""
        return max(self.subject.rows - 1, 0)

    @property
    def searched_all(self) -> bool:
        """Whether there is nothing left to search."""
        search = self.search
        return search is None or search.reached >= self.subject.rows or len(search.hits) >= MOST_HITS

    def line(self, position: int) -> Line | None:
        """The line at a position; None while it has not been read."""
        return self._window.get(position)

    def place(self, number: int) -> int:
        """The position of the row with a number, or of the found one after it."""
        return bisect_left(self.search.hits, number) if self.search is not None else number

    def number(self, position: int) -> int | None:
        """The number of the row at a position."""
        if not 0 <= position < self.count:
            return None
        return self.search.hits[position] if self.search is not None else position

    def open(self, subject: Subject) -> None:
        """Show all rows of a split."""
        self.subject, self.search = subject, None
        self._forget()

    def look_for(self, text: str) -> None:
        """Show only the rows that a regular expression finds; all of them for an empty text."""
        self.search = Search(text) if text else None
        self._forget()
        self._search_on()

    def search_to(self, hits: int) -> None:
        """Go on searching until so many rows are found, or to the end."""
        if self.search is not None and hits > self.search.goal:
            self.search.goal = min(hits, MOST_HITS)
            self._search_on()

    def want(self, first: int, stop: int) -> None:
        """Have what is in sight read, and what is near it."""
        self._sight = (first, stop)
        if self.search is not None and stop + NEAR_END > len(self.search.hits):
            self.search_to(len(self.search.hits) + HITS_AT_ONCE)
        self._read_on()

    def _forget(self) -> None:
        self._window = Window(len(self.subject.columns))
        self._sight = (0, 0)
        self._broken = False

    # Pages

    def _read_on(self) -> None:
        wanted = self._window.missing(*self._sight, self.count)
        if wanted is None or self._reading or self._broken:
            return
        self._reading = True
        window, subject, search = self._window, self.subject, self.search
        numbers = search.hits[wanted.start : wanted.stop] if search is not None else wanted
        sought = search.pattern if search is not None else None

        def is_stale() -> bool:
            first, stop = self._sight
            return self._window is not window or not (
                wanted.start < stop + window.chunk and first - window.chunk < wanted.stop
            )

        def came(page: Page) -> None:
            self._reading = False
            if window is self._window and page.lines:
                window.put(wanted.start, page.lines)
                self._changed()
            # Fewer rows than the catalog counts: asking for them again would not end.
            self._broken = self._broken or not (page.lines or page.given_up)
            self._read_on()

        def failed(error: StoreError) -> None:
            self._reading = False
            if window is not self._window:
                self._read_on()
                return
            # Asking again at once would only fail again.
            self._broken = True
            self._failed(error)

        self._ask(
            PAGE_LANE,
            lambda store: _read(store, subject, numbers, sought, is_stale),
            came,
            failed,
        )

    # Search

    def _search_on(self) -> None:
        search, subject = self.search, self.subject
        if search is None or search.running or self._broken or self.searched_all:
            return
        if len(search.hits) >= search.goal:
            return
        search.running = True
        limit = min(search.goal - len(search.hits), max(HITS_PER_SLICE, len(search.hits)))

        def came(found: Found) -> None:
            search.running = False
            if self.search is not search:
                return
            self._window.put(len(search.hits), found.lines)
            search.hits.extend(line.number for line in found.lines)
            search.reached = found.reached
            self._search_on()
            self._changed()
            self._read_on()

        def failed(error: StoreError) -> None:
            search.running = False
            if self.search is search:
                self._broken = True
                self._failed(error)

        self._ask(
            SEARCH_LANE,
            lambda store: _find(store, subject, search, limit, lambda: self.search is not search),
            came,
            failed,
        )


def _read(
    store: Store,
    subject: Subject,
    numbers: Sequence[int],
    sought: re.Pattern[str] | None,
    is_stale: Callable[[], bool],
) -> Page:
    """Read rows by their numbers, one at a time: a row may be large, the line that is kept of it is not."""
    lines: list[Line] = []
    deadline = time.monotonic() + SLICE_SECONDS
    at = 0
    while at < len(numbers):
        # Numbers that follow one another are read in one go.
        stop = at + 1
        while stop < len(numbers) and numbers[stop] == numbers[stop - 1] + 1:
            stop += 1
        rows = store.datasets.rows(subject.dataset, subject.split, numbers[at], stop - at)
        for number, row in zip(numbers[at:stop], rows, strict=False):
            lines.append(present.line(number, row, subject.columns, sought))
            if is_stale() or time.monotonic() > deadline:
                return Page(lines, given_up=True)
        at = stop
    return Page(lines, given_up=False)


def _find(store: Store, subject: Subject, search: Search, limit: int, is_stale: Callable[[], bool]) -> Found:
    deadline = time.monotonic() + SLICE_SECONDS
    found = store.datasets.find(
        subject.dataset,
        subject.split,
        search.pattern,
        search.reached,
        limit,
        stop=lambda: is_stale() or time.monotonic() > deadline,
    )
    lines = [present.line(number, row, subject.columns, search.pattern) for number, row in found.matches]
    return Found(lines, subject.rows if found.finished else found.next)
