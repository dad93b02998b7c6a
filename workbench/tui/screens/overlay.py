"""The curves in the chart of the Runs screen: read when first shown, then grown by what comes."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message

from workbench.tui.clean import safe
from workbench.tui.present import curves as present
from workbench.tui.present.curves import TOKENS, Choice
from workbench.tui.widgets.curve import Curve, Measured, Place

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from store.metrics import Point
    from store.runs import Run
    from workbench.tui.screen import Workbench
    from workbench.tui.widgets.line_chart import LineChart
    from workbench.tui.widgets.plot import Series

LANE = "curves"
WIDTH = 2000
KEPT_CURVES = 200
Key = tuple[str, str]
"""A run's id and a metric."""


@dataclass(frozen=True)
class Span:
    """The steps of one curve that are to be read in full."""

    key: Key
    first: int
    last: int


@dataclass
class MarksChanged(Message):
    """The lines of the runs shown look different from before; how each is marked in a list, by run id."""

    marks: Mapping[str, tuple[str, str]]


def read_curves(store: Store, keys: Iterable[Key]) -> dict[Key, list[Measured]]:
    """Read curves, decimated so that no spike is lost."""
    return {(run, metric): list(store.metrics.curve(run, metric, width=WIDTH)) for run, metric in keys}


def read_spans(store: Store, spans: Iterable[Span]) -> dict[Key, list[Measured]]:
    """Read parts of curves, each as finely as a whole one is."""
    return {
        span.key: list(store.metrics.curve(*span.key, width=WIDTH, first=span.first, last=span.last))
        for span in spans
    }


class Overlay:
    """Any metrics of any runs in one chart.

    Args:
        chart: Draws them.
        workbench: The app, whose lane reads the store.
    """

    def __init__(self, chart: LineChart, workbench: Workbench) -> None:
        self.choice = Choice()
        self.slots = present.Slots()
        self._chart = chart
        self._workbench = workbench
        self._runs: tuple[Run, ...] = ()
        self._front: str | None = None
        self._empty = ""
        self._curves: dict[Key, Curve] = {}
        self._waiting: dict[Key, list[Measured]] = {}
        self._zoomed: tuple[float, float] | None = None
        self._refining = False
        self._until: float | None = None
        self._told = ""
        self._marks: Mapping[str, tuple[str, str]] = {}

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that are shown."""
        return self._runs

    def show(self, runs: Sequence[Run], front: Run | None = None, empty: str = "") -> None:
        """Show these runs, one of them in front of the others; `empty` stands where none has a point."""
        before = self._looks
        others = [run.id for run in runs] != [run.id for run in self._runs]
        self._runs, self._front, self._empty = tuple(runs), front.id if front is not None else None, empty
        if before != self._looks:
            self._read_missing()
            self.redraw(anew=others)

    @property
    def _looks(self) -> object:
        """What the drawing depends on, apart from the points and the choice."""
        runs = [(run.id, run.name, run.total_steps, run.started) for run in self._runs]
        return runs, self._front, self._empty

    def choose(self, choice: Choice) -> None:
        """Show other metrics, or the same in another way."""
        other_axis = choice.axis != self.choice.axis
        self.choice = choice
        self._read_missing()
        self.redraw(anew=other_axis)

    def change(self, what: str) -> None:
        """Do one of the chart's actions: `smoother`, `rougher`, `log_axis` or `next_axis`."""
        choice = self.choice
        changed = {
            "smoother": choice.smoother(1),
            "rougher": choice.smoother(-1),
            "log_axis": replace(choice, log=not choice.log),
            "next_axis": choice.over_next_axis(),
        }
        self.choose(changed[what])

    def add(self, points: Iterable[Point]) -> None:
        """Take points that have just been written, of any run."""
        grown: dict[Key, list[Measured]] = {}
        for point in points:
            grown.setdefault((point.run, point.name), []).append((point.step, point.value, point.time))
        # Counts of tokens first: they say where on the axis the others lie.
        for key in sorted(grown, key=lambda key: key[1] != TOKENS):
            if key in self._waiting:
                self._waiting[key] += grown[key]
            elif key in self._curves:
                self._curves[key].extend(grown[key])
        if grown.keys() & self._wanted():
            self.redraw()

    def refine(self, low: float, high: float) -> None:
        """Read what is shown of long curves in full; the newest wish counts while one is being read."""
        self._zoomed = (low, high)
        if not self._refining:
            self._read_zoomed()

    def cut(self, at: float | None, told: str) -> None:
        """Show the curves only up to a place on the axis, and what is told of it; all of them for None."""
        self._until, self._told = at, told
        self.redraw()

    @property
    def drawn_series(self) -> list[Series]:
        """The measured values of the curves that are drawn, all of them."""
        keys = [(run, metric) for run in self._runs for metric in self.choice.metrics]
        return [self._series(run, metric)[0] for run, metric in keys if (run.id, metric) in self._curves]

    def redraw(self, *, anew: bool = False) -> None:
        """Draw what is known; `anew` with all of the axis."""
        chart, choice = self._chart, self.choice
        slots = self.slots.assign(run.id for run in self._runs)
        front = next((run for run in self._runs if run.id == self._front), None)
        # Those of the run in front come first, so that the legend has room for them.
        lines = [
            present.line(run, metric, choice, slots, self._seen_series(run, metric))
            for run in sorted(self._runs, key=lambda run: run is not front)
            for metric in choice.metrics
            if (run.id, metric) in self._curves
        ]
        told = present.title(choice)
        if str(chart.border_title) != told:
            chart.border_title = safe(told)
        chart.empty = self._empty if not self._wanted() & self._waiting.keys() else "reading the points"
        chart.note = self._told or present.note(self._without_tokens())
        chart.x_unit = present.AXIS_UNITS[choice.axis]
        chart.log_scale = choice.log
        steps = max((run.total_steps for run in self._runs), default=0)
        limit: float | None = steps or None if choice.axis == "step" else None
        if self._until is not None:  # the axis does not move while the curves grow
            limit = max((series.xs[-1] for series in self.drawn_series if series.xs), default=limit)
        first = choice.metrics[0] if choice.metrics else ""
        name = present.label(front, first, runs=len(self._runs), metrics=len(choice.metrics)) if front else ""
        chart.show_lines(lines, name, x_limit=limit, anew=anew)
        marks = present.gutter_marks(slots, choice, chart.signs, colourless=chart.colourless)
        if marks != self._marks:
            self._marks = marks
            chart.post_message(MarksChanged(marks))

    def _series(self, run: Run, metric: str) -> Any:
        choice, tokens = self.choice, self._curves.get((run.id, TOKENS))
        kind = (choice.axis, choice.smoothing, run.started, id(tokens) if choice.axis == "tokens" else 0)
        return self._curves[run.id, metric].series(kind, _place(choice.axis, run, tokens), choice.smoothing)

    def _seen_series(self, run: Run, metric: str) -> Any:
        whole = self._series(run, metric)
        if self._until is None:
            return whole
        return tuple(each.within(-math.inf, self._until) if each is not None else None for each in whole)

    def _without_tokens(self) -> list[str]:
        if self.choice.axis != "tokens":
            return []
        known = [(run.id, self._curves.get((run.id, TOKENS))) for run in self._runs]
        return [run for run, curve in known if curve is not None and not curve.steps]

    def _wanted(self) -> set[Key]:
        metrics = {*self.choice.metrics, *((TOKENS,) if self.choice.axis == "tokens" else ())}
        return {(run.id, metric) for run in self._runs for metric in metrics}

    def _read_missing(self) -> None:
        wanted = self._wanted()
        if len(self._curves) > KEPT_CURVES:
            self._curves = {key: curve for key, curve in self._curves.items() if key in wanted}
        missing = wanted - self._curves.keys() - self._waiting.keys()
        if missing:
            self._waiting |= {key: [] for key in missing}
            self._workbench.ask(
                LANE, partial(self._read, missing), partial(self._take, missing), self._failed
            )

    def _read(self, keys: set[Key], store: Store) -> dict[Key, list[Measured]]:
        """Run on the lane's thread: a cursor that went by leaves no reads behind."""
        return read_curves(store, keys & self._wanted())

    def _take(self, asked: set[Key], found: dict[Key, list[Measured]]) -> None:
        for key, points in found.items():
            self._curves[key] = Curve(points)
            # What came while it was read stands after it; what is in both is drawn once.
            self._curves[key].extend(self._waiting.pop(key, ()))
        for key in asked - found.keys():
            self._waiting.pop(key, None)
        self._read_missing()
        self.redraw()

    def _failed(self, error: StoreError) -> None:
        """What could not be read is asked for again when it is shown next."""
        self._waiting.clear()
        self._refining = False
        self._workbench.tell(error)

    def _read_zoomed(self) -> None:
        spans = [span for key in self._wanted() if (span := self._span(key)) is not None]
        self._refining, self._zoomed = bool(spans), None
        if spans:
            self._workbench.ask(LANE, lambda store: read_spans(store, spans), self._refine, self._failed)

    def _span(self, key: Key) -> Span | None:
        """The steps of a curve within the zoom; None where all of them are known already."""
        curve = self._curves.get(key)
        if curve is None or self._zoomed is None or len(curve.steps) < WIDTH or key[1] == TOKENS:
            return None
        run = next(run for run in self._runs if run.id == key[0])
        xs = self._series(run, key[1])[0].xs
        low, high = self._zoomed
        start, stop = max(bisect_left(xs, low) - 1, 0), min(bisect_right(xs, high), len(xs) - 1)
        if len(xs) != len(curve.steps):
            return None  # some points have no place on this axis yet
        return Span(key, math.floor(curve.steps[start]), math.ceil(curve.steps[stop]))

    def _refine(self, found: dict[Key, list[Measured]]) -> None:
        for key, points in found.items():
            if key in self._curves:
                self._curves[key].refine(points)
        self._refining = False
        self.redraw()
        if self._zoomed is not None:
            self._read_zoomed()


def _place(axis: str, run: Run, tokens: Curve | None) -> Place:
    """Where on an axis a run's points lie; time is told from its start."""
    if axis == "tokens":
        return lambda step, _: tokens.at(step) if tokens is not None else None
    if axis == "time":
        started = run.started or run.created
        return lambda _, time: time - started
    return lambda step, _: step
