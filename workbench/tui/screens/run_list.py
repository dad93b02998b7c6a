"""The list of runs: the queue and every run, the newest loss of each and its course in a few cells."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from store.metrics import run_number
from workbench.tui.clean import safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import runs as present
from workbench.tui.present.sparks import WIDTH
from workbench.tui.screens.run_losses import Losses, read_losses
from workbench.tui.state import Saved, chosen, texts
from workbench.tui.widgets.live_table import Cell, Column
from workbench.tui.widgets.paged_table import PagedTable
from workbench.tui.widgets.surface import Row

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.metrics import Point
    from store.runs import Run
    from workbench.tui.run_book import RunBook
    from workbench.tui.screen import Workbench

COLUMNS = (
    Column("status", "status", 13),
    Column("id", "run", 5, hide_below=70),
    Column("name", "name", minimum=12),
    Column("method", "method", 13, hide_below=90),
    Column("model", "model", minimum=10, hide_below=60),
    Column("step", "step", 11, align="right"),
    Column("course", "course", WIDTH, hide_below=112),
    Column("loss", "loss", 8, align="right"),
    Column("age", "age", 4, align="right", hide_below=70),
)


class RunList(PagedTable):
    """Runs by id."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(COLUMNS, self._row_of, title="runs", empty=present.EMPTY, id=id, classes=classes)
        self.runs: Mapping[str, Run] = MappingProxyType({})
        """All of them, the newest first, whether a filter hides them or not."""
        self.follows_newest = False
        """The cursor goes to each run as it begins."""
        self._newest = ""
        self._complete = False
        self._awaited: Saved | None = None
        """What an earlier session remembered, until all runs are there."""
        self._put: str | None = None
        """Where the cursor was put until then; one that has been moved since stays."""
        self._losses = Losses()
        self._asked_losses: set[str] = set()
        self._told = ""
        """Why losses cannot be read, as it was told."""

    @property
    def selected(self) -> Run | None:
        """The run under the cursor."""
        return self.runs.get(self.cursor_key or "")

    @property
    def marked_runs(self) -> list[Run]:
        """The marked runs, the newest first, whether a filter hides them or not."""
        return [self.runs[key] for key in sorted(self.marked, key=run_number, reverse=True)]

    @property
    def next_runs(self) -> list[Run]:
        """The run under the cursor, and the one below it."""
        return [self.runs[key] for key in self.keys[self._index : self._index + 2]]

    @property
    def remembered(self) -> Saved:
        """As of other tables, with what was remembered of runs that have not come yet."""
        shown = super().remembered
        if self._awaited is None:
            return shown
        marked = self.marked | (set(texts(self._awaited, "marked")) - self.runs.keys())
        cursor = shown["cursor"] if self.cursor_key != self._put else chosen(self._awaited, "cursor", str, "")
        return {**shown, "cursor": cursor, "marked": sorted(marked)}

    def recall(self, saved: Saved) -> None:
        """As other tables do; of a long list again when all of it is there."""
        super().recall(saved)
        if self._has_come and not self._complete:
            self._awaited, self._put = saved, self.cursor_key

    def show(self, book: RunBook, changed: Collection[str] | None = None) -> None:
        """Show the runs of the book; the first time with the cursor on one that is at work.

        Args:
            book: The runs.
            changed: The ids of those that are new or have changed since the last showing; None: any.
        """
        first, before = not self.runs, self.runs
        self._complete, self.runs = book.complete, book.runs
        recalled = chosen(self.remembered, "cursor", str, "")
        if self.runs is before and changed is not None:
            self.renew(self.runs.keys() & changed)
        else:
            self.set_keys(tuple(self.runs))
        newest = book.live[0].id if book.live else ""
        come_back = first and self.cursor_key == recalled
        begun = bool(newest) and (not self._newest or run_number(newest) > run_number(self._newest))
        if (first and not come_back) or (self.follows_newest and begun):
            self.move_to(newest)
        self._newest = newest
        if first:
            self._put = self.cursor_key
        elif self._awaited is not None:
            self._recall_more(self._awaited, before)

    def follow_newest(self, wanted: bool) -> None:
        """Go to the newest run that is at work, now and each time that another one begins."""
        self.follows_newest = wanted
        self.border_title = safe("runs · to the newest" if wanted else "runs")
        if wanted:
            self.move_to(self._newest)

    def add(self, points: Iterable[Point]) -> None:
        """Take points that have just been written."""
        points = list(points)
        self._losses.add(points, self.runs)
        self.renew(self.runs.keys() & {point.run for point in points})

    def draw(self, width: int, height: int) -> list[Row]:
        """The rows; the losses of those that are seen for the first time are asked for."""
        drawn = super().draw(width, height)
        fresh = [key for key in self.shown_keys if key not in self._asked_losses]
        if fresh:
            self._asked_losses.update(fresh)
            self._ask_losses([self.runs[key] for key in fresh])
        return drawn

    def _ask_losses(self, runs: Sequence[Run]) -> None:
        """Read their losses; where that fails, each later drawing asks again, and one reason is told once."""
        workbench = cast("Workbench", self.app)

        def failed(error: StoreError) -> None:
            self._asked_losses.difference_update(run.id for run in runs)
            if str(error) != self._told:
                self._told = str(error)
                workbench.tell(error)

        workbench.ask("losses", lambda store: read_losses(store, runs), self._take_losses, failed)

    def _recall_more(self, saved: Saved, before: Mapping[str, Run]) -> None:
        """Come back to what was remembered of the runs that were not there before."""
        if self._complete:
            self._awaited = None
        self.mark(self.marked | (set(texts(saved, "marked")) - before.keys()))
        if self.cursor_key == self._put:
            self.move_to(chosen(saved, "cursor", str, ""))
            self._put = self.cursor_key

    def _row_of(self, key: str) -> tuple[Cell, ...]:
        run, known = self.runs[key], self._losses
        spark = known.sparks.get(key)
        return present.cells(run, known.newest.get(key), spark, time.time(), glyphs(self))

    def _take_losses(self, losses: Losses) -> None:
        self._told = ""
        self._losses.take(losses)
        self.renew()
