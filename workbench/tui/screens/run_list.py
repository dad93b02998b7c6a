"""The list of runs: the queue and every run, the newest loss of each and its course in a few cells."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from textual.geometry import Size

from workbench.tui.glyphs import glyphs
from workbench.tui.present import runs as present
from workbench.tui.present.sparks import WIDTH
from workbench.tui.screens.run_losses import Losses, read_losses
from workbench.tui.state import chosen
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store.metrics import Point
    from store.runs import Run
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


class RunList(LiveTable):
    """Runs by id."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(COLUMNS, title="runs", empty=present.EMPTY, id=id, classes=classes)
        self.runs: Mapping[str, Run] = MappingProxyType({})
        """All of them, the newest first, whether a filter hides them or not."""
        self._losses = Losses()

    def on_mount(self) -> None:
        """Read the losses so far."""
        cast("Workbench", self.app).ask("losses", read_losses, self._take_losses)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as there are runs, under the labels: what a short list leaves is the curves'."""
        return len(self.runs) + 1

    @property
    def selected(self) -> Run | None:
        """The run under the cursor."""
        return self.runs.get(self.cursor_key or "")

    @property
    def marked_runs(self) -> list[Run]:
        """The marked runs, whether a filter hides them or not."""
        return [run for run in self.runs.values() if run.id in self.marked]

    @property
    def listed_runs(self) -> list[Run]:
        """The runs that pass the filter."""
        return [self.runs[key] for key in self.keys]

    def show(self, runs: Iterable[Run]) -> None:
        """Show these runs; the first time with the cursor on one that is at work."""
        first, before = not self.runs, len(self.runs)
        self.runs = {run.id: run for run in runs}
        if len(self.runs) != before:
            self.refresh(layout=True)
        recalled = chosen(self.remembered, "cursor", str, "")
        self.fill()
        if first and self.cursor_key != recalled:
            self.move_to(next((run.id for run in self.runs.values() if run.live), ""))

    def add(self, points: Iterable[Point]) -> None:
        """Take points that have just been written."""
        self._losses.add(points, self.runs)
        self.fill()

    def fill(self) -> None:
        """Write the rows; ages go on by themselves."""
        known = self._losses
        self.set_rows(
            present.table(self.runs.values(), known.newest, time.time(), glyphs(self), known.sparks)
        )

    def _take_losses(self, losses: Losses) -> None:
        self._losses.take(losses)
        self.fill()
