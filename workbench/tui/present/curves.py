"""What the chart of the Runs screen shows and how it is named: metrics, smoothing, axes, colours of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.state import Saved, chosen, texts
from workbench.tui.widgets.chart_ink import SERIES_STYLES
from workbench.tui.widgets.chart_lines import Line

if TYPE_CHECKING:
    from store.runs import Run
    from workbench.tui.widgets.plot import Series

AXES = ("step", "tokens", "time")
AXIS_UNITS = {"step": "", "tokens": "tokens", "time": "seconds"}
"""What the chart calls the axis."""
SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Weights of the moving average, 0 for none."""
FIRST_METRICS = ("loss", "eval_loss")
TOKENS = "tokens"
"""The metric that counts the tokens a run has read so far."""
SHORT_NAMES = {"eval_loss": "validation", "memory_bytes": "process", "gpu_memory_bytes": "GPU"}
NAME_LIMIT = 20
TITLE_METRICS = 3
SHARED_SCALES = ("loss", "rouge", "bleu")
"""Metrics whose names hold one of these words are drawn to one scale."""


@dataclass(frozen=True)
class Choice:
    """What is drawn of each run, and how."""

    metrics: tuple[str, ...] = FIRST_METRICS
    smoothing: float = 0.0
    log: bool = False
    axis: str = "step"

    def smoother(self, steps: int) -> Choice:
        """With so many steps more of smoothing, or less."""
        place = SMOOTHINGS.index(self.smoothing) + steps
        return replace(self, smoothing=SMOOTHINGS[min(max(place, 0), len(SMOOTHINGS) - 1)])

    def over_next_axis(self) -> Choice:
        """Over steps, then tokens, then time."""
        return replace(self, axis=AXES[(AXES.index(self.axis) + 1) % len(AXES)])


def recalled(saved: Saved) -> Choice:
    """What was drawn in an earlier session; what is no choice any more is as at first."""
    first = Choice()
    smoothing, axis = chosen(saved, "smoothing", float, 0.0), chosen(saved, "axis", str, "step")
    return Choice(
        tuple(texts(saved, "metrics")) or first.metrics,
        smoothing if smoothing in SMOOTHINGS else first.smoothing,
        chosen(saved, "log", bool, first.log),
        axis if axis in AXES else first.axis,
    )


class Slots:
    """Gives each run a number while it is shown, so that its colour stays when others come and go."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def assign(self, runs: Iterable[str]) -> Mapping[str, int]:
        """The numbers of the runs shown now; those of runs that went are free again."""
        shown = list(runs)
        self._numbers = {run: number for run, number in self._numbers.items() if run in shown}
        for run in shown:
            if run not in self._numbers:
                taken = set(self._numbers.values())
                self._numbers[run] = next(number for number in range(len(shown)) if number not in taken)
        return self._numbers


def line(
    run: Run, metric: str, choice: Choice, slots: Mapping[str, int], series: tuple[Series, Series | None]
) -> Line:
    """A metric of a run as a line: of several runs the colour tells the run, of one the metric.

    Args:
        run: The run.
        metric: One of the chosen metrics.
        choice: What is shown.
        slots: The number of each run shown.
        series: Its values, and those smoothed unless they are not to be.
    """
    place, slot = choice.metrics.index(metric), slots[run.id]
    several = len(slots) > 1
    raw, smoothed = series
    return Line(
        label(run, metric, runs=len(slots), metrics=len(choice.metrics)),
        raw if smoothed is None else smoothed,
        raw if smoothed is not None else None,
        colour=slot if several else place,
        dash=place + slot // len(SERIES_STYLES) if several else place // len(SERIES_STYLES),
        mark=slot * len(choice.metrics) + place,
        scale=scale(metric),
        unit=unit(metric),
    )


def label(run: Run, metric: str, *, runs: int, metrics: int) -> str:
    """A line's name among so many runs and metrics: as short as tells it apart."""
    if runs == 1:
        return short(metric)
    if metrics == 1:
        return f"{run.id} {clean(run.name, NAME_LIMIT)}"
    return f"{run.id} {short(metric)}"


def short(metric: str) -> str:
    """A metric's name in a chart."""
    return SHORT_NAMES.get(metric, clean(metric, NAME_LIMIT))


def unit(metric: str) -> str:
    """The unit of a metric, where its name tells it."""
    return "bytes" if metric.endswith("_bytes") else "count" if metric == TOKENS else ""


def scale(metric: str) -> str:
    """Which metrics share an axis of values: those of one kind."""
    return unit(metric) or next((word for word in SHARED_SCALES if word in metric), metric)


def title(choice: Choice) -> str:
    """The chart's title: what is drawn, and how where that is not as usual."""
    names = ", ".join(short(metric) for metric in choice.metrics[:TITLE_METRICS])
    more = len(choice.metrics) - TITLE_METRICS
    told = [names + (f" +{more}" if more > 0 else "")]
    told += [f"over {choice.axis}"] if choice.axis != "step" else []
    told += [f"smoothed {choice.smoothing:g}"] if choice.smoothing else []
    told += ["log"] if choice.log else []
    told += ["each on its own scale"] if len({scale(metric) for metric in choice.metrics}) > 1 else []
    return " · ".join(told)


def note(lacking: Sequence[str]) -> str:
    """What is missing from a chart over tokens."""
    if not lacking:
        return ""
    verb = "has" if len(lacking) == 1 else "have"
    return f"{', '.join(lacking[:3])}{' …' if len(lacking) > 3 else ''} {verb} no token counts"


def gutter_marks(
    slots: Mapping[str, int], choice: Choice, signs: Glyphs = UNICODE, *, colourless: bool = False
) -> dict[str, tuple[str, str]]:
    """The mark of each run in the list, as its line is drawn: character and style, by run id."""
    from workbench.tui.widgets.chart_ink import ASCII_MARKS, SAMPLES

    marks = {}
    for run, slot in slots.items():
        number = slot * len(choice.metrics)
        plain = SAMPLES[number % len(SAMPLES)][0] if colourless else signs.mark
        character = plain if signs.braille else ASCII_MARKS[number % len(ASCII_MARKS)]
        marks[run] = (character, SERIES_STYLES[slot % len(SERIES_STYLES)] if len(slots) > 1 else "$accent")
    return marks
