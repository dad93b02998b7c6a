"""The panes of one run: overview, loss, memory, devices and log; it follows the run that it is given."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from workbench.tui.glyphs import glyphs
from workbench.tui.present import curves
from workbench.tui.present import runs as present
from workbench.tui.screens.overlay import Overlay
from workbench.tui.screens.replaying import Replaying
from workbench.tui.screens.run_watched import WatchedLines
from workbench.tui.sentences import keyed
from workbench.tui.widgets.gpu_pane import GpuPane
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.lines import Lines
from workbench.tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from store import Store
    from store.metrics import Point
    from store.runs import Run
    from workbench.tui.live import Telemetry
    from workbench.tui.screen import Workbench

HISTORY_WIDTH = 1000
RECENT_POINTS = 2000
MEMORY = ("memory_bytes", "gpu_memory_bytes")
"""The metrics of the memory chart."""


@dataclass(frozen=True)
class History:
    """What the store knows of one run."""

    run: str
    log: Path
    latest: dict[str, float]
    memory: dict[str, list[tuple[int, float]]]


def read_history(store: Store, run: Run) -> History:
    """Read a run's newest values, and its memory by metric, decimated so that no spike is lost."""
    memory = {name: store.metrics.series(run.id, name, width=HISTORY_WIDTH) for name in MEMORY}
    return History(run.id, store.runs.log_path(run), store.metrics.latest(run.id), memory)


class RunView(Vertical):
    """One run, or what to do where there is none."""

    DEFAULT_CSS = """
    RunView {
        #overview { height: auto; max-height: 3; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
        #trouble { height: auto; max-height: 4; padding: 0 2; display: none; }
        #trouble.-told { display: block; }
        #charts { height: 1fr; }
        #loss { width: 2fr; }
        #memory { width: 1fr; }
        &.-overlay #memory { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.run: Run | None = None
        self._latest: dict[str, float] = {}
        self._recent: list[Point] = []
        self._overview = ""

    def compose(self) -> ComposeResult:
        """Overview over charts over log."""
        yield Lines(id="overview")
        yield Static(id="trouble", markup=False)
        yield WatchedLines(id="watched")
        with Horizontal(id="charts"):
            yield LineChart("loss", id="loss", classes="pane")
            with Vertical(id="memory"):
                yield LineChart("memory", unit="bytes", id="memory-chart", classes="pane")
                yield GpuPane(title="devices", id="devices", classes="pane")
        yield LogView(title="log", id="log", classes="pane")

    def on_mount(self) -> None:
        """Let the main chart draw any metrics of any runs."""
        chart = self.query_one("#loss", LineChart)
        self.overlay = Overlay(chart, self.workbench)
        self.replaying = Replaying(self.overlay, chart)

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    def follow(self, run: Run | None, together: Sequence[Run] = ()) -> None:
        """Show a run: what is new about it, or another run from its beginning.

        Args:
            run: The run.
            together: Those whose curves are drawn; the run's alone without any.
        """
        other = (run.id if run else None) != (self.run.id if self.run else None)
        self.run = run
        self.query_one(WatchedLines).follow(run)
        if other:
            if self.replaying.active:
                self.replaying.stop()
            self._open(run)
        drawn = together or ((run,) if run is not None else ())
        self.set_class(len(drawn) > 1, "-overlay")
        runs = self.workbench.book.runs.values()
        self.overlay.show(drawn, run, present.waiting(run, runs) if run is not None else "")
        self.show()

    @on(LineChart.Zoomed, "#loss")
    def _zoomed(self, message: LineChart.Zoomed) -> None:
        self.overlay.refine(message.low, message.high)

    def add(self, points: Iterable[Point]) -> None:
        """Take the points that have just been written, of any run."""
        points = list(points)
        self.overlay.add(points)
        own = [point for point in points if self._follows(point.run)]
        self._latest |= {point.name: point.value for point in own}
        self._recent = [*self._recent, *own][-RECENT_POINTS:]
        self._draw(own)
        self.query_one(WatchedLines).add(own)
        if own:
            self.show()

    def read(self, telemetry: Telemetry) -> None:
        """Take a reading of the machine."""
        self.query_one(GpuPane).show(telemetry)

    def show(self) -> None:
        """Write the overview; a run's clock goes on between its steps."""
        run, now = self.run, time.time()
        self.display = run is not None
        if run is None:
            return
        left = present.seconds_left(run, self._recent)
        told = present.overview(run, self._latest, left, now, self.size.width - 4, glyphs(self))
        if told.markup != self._overview:
            self._overview = told.markup
            self.query_one("#overview", Lines).update(told)
            trouble = self.query_one("#trouble", Static)
            trouble.set_class(bool(run.error), "-told")
            if run.error:
                trouble.update(present.trouble(run, keyed(self, present.MEND)))
        self._memory.x_limit = run.total_steps or None

    def _open(self, run: Run | None) -> None:
        self._latest, self._recent = {}, []
        self.query_one(GpuPane).run = run.id if run else None
        self._memory.clear()
        self.query_one(LogView).path = None
        if run is not None:
            self.workbench.ask("store", partial(self._read, run), self._opened)

    def _read(self, run: Run, store: Store) -> History | None:
        """Run on the lane's thread: a cursor that went by leaves no reads behind."""
        return read_history(store, run) if self._follows(run.id) else None

    def _follows(self, run_id: str) -> bool:
        return self.run is not None and self.run.id == run_id

    def _opened(self, history: History | None) -> None:
        if history is None or not self._follows(history.run):
            return
        self.query_one(LogView).path = history.log
        # Points that came while the history was read stand after it; those in both are drawn once.
        self._latest = history.latest | self._latest
        for name, points in history.memory.items():
            if points:
                self._memory.set_series(curves.short(name), points)
        self._draw(self._recent)
        self.show()

    def _draw(self, points: Sequence[Point]) -> None:
        for name in MEMORY:
            own = [(float(point.step), point.value) for point in points if point.name == name]
            if own:
                self._memory.extend(curves.short(name), own)

    @property
    def _memory(self) -> LineChart:
        return self.query_one("#memory-chart", LineChart)
