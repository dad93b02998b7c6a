"""What the Runs screen says about runs: table rows, progress, what went wrong, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.runs import slots
from workbench.tui.clean import clean
from workbench.tui.glyphs import (
    STATUS_STYLES,
    UNICODE,
    Glyphs,
    count_text,
    duration,
    number_text,
    progress_bar,
    status_text,
)
from workbench.tui.present.cells import BAD, NONE, QUIET, Cell, age, lines, number_of, outside, quiet

if TYPE_CHECKING:
    from store.metrics import Point
    from store.runs import Run
    from workbench.tui.present.sparks import Spark

PACE_POINTS = 20
LEAST_BAR, MOST_BAR = 8, 40
LOSSES = ("loss", "eval_loss")

EMPTY = (
    "No runs yet.\n\n"
    "Press {key:runs.new_run} to start one: pick a model, a dataset, a template and a method.\n"
    "Nothing in the store yet? Leave with {key:app.quit} and run `workbench demo`."
)

MEND = "read its log below, mend the cause and let it go on with {key:runs.pause}"


def cells(
    run: Run, loss: float | None, spark: Spark | None, now: float, signs: Glyphs = UNICODE
) -> tuple[Cell, ...]:
    """A run in the list.

    Args:
        run: The run.
        loss: Its newest loss, where it has one.
        spark: Its losses in a few cells, where they are known.
        now: Seconds since the epoch, for the age.
        signs: The signs to draw with.
    """
    return (
        status_text(run.status, signs),
        quiet(run.id),
        outside(run.name),
        run.method,
        outside(run.model),
        steps(run),
        spark.draw(signs) if spark is not None else "",
        value(loss),
        quiet(age(run.created, now)),
    )


def steps(run: Run) -> str:
    """How far a run is: its step of all its steps, once those are known."""
    return f"{run.step}/{run.total_steps}" if run.total_steps else NONE


def value(number: float | None) -> Content:
    """A measured value; one that is no finite number is red, never averaged away."""
    finite = number is None or math.isfinite(number)
    return Content.styled(number_text(number), "" if finite else f"bold {BAD}")


def seconds_left(run: Run, recent: Sequence[Point]) -> float | None:
    """The seconds to a run's end, by the pace of its newest points.

    Args:
        run: The run.
        recent: Points of any run, oldest first.

    Returns:
        None where there is no pace to judge by, or nothing left to wait for.
    """
    window = [point for point in recent if point.run == run.id][-PACE_POINTS:]
    if run.status != "running" or len(window) < 2:
        return None
    steps_done, seconds = window[-1].step - window[0].step, window[-1].time - window[0].time
    if steps_done <= 0 or seconds <= 0:
        return None
    return max(0, run.total_steps - run.step) * seconds / steps_done


def headline(run: Run, signs: Glyphs = UNICODE) -> Content:
    """A run's title line: its status, its name, what it trains on what, and where its adapter went."""
    data = f"mixture {run.mixture}" if run.mixture else f"{run.dataset} by {run.template}"
    told = f"{run.method} on {run.model}, {data}"
    made = f" {signs.right} adapter {run.adapter}" if run.adapter else ""
    return Content.assemble(
        status_text(run.status, signs),
        "  ",
        (clean(run.name), "bold"),
        (f"  {clean(told)}", QUIET),
        (clean(made), STATUS_STYLES["completed"]),
    )


def progress(
    run: Run, latest: Mapping[str, float], left: float | None, now: float, width: int, signs: Glyphs = UNICODE
) -> Content:
    """A run's progress line: a bar, the share done, the step, the pace, the time taken and left.

    Args:
        run: The run.
        latest: The newest value of each of its metrics.
        left: Seconds to its end, where they can be told.
        now: Seconds since the epoch.
        width: Columns there are; the bar takes a third, or less where its words need more.
        signs: The signs to draw with.
    """
    share = run.step / run.total_steps if run.total_steps else 0.0
    told = [f"step {steps(run)}"] if run.total_steps else []
    if pace := latest.get("tokens_per_second"):
        told.append(f"{count_text(pace)} tokens/s")
    if run.started is not None:
        told.append(_taken(run, run.started, now))
    if left is not None:
        told.append(f"{duration(left)} left")
    if run.request:
        told.append(f"asked to {run.request}")
    part, words = f" {share:4.0%}  ", f" {signs.separator} ".join(told)
    bar = max(LEAST_BAR, min(MOST_BAR, width // 3, width - len(part) - len(words)))
    return Content.assemble(progress_bar(run.step, run.total_steps, bar, signs), (part, "bold"), words)


def _taken(run: Run, started: float, now: float) -> str:
    if run.ended:
        return f"took {duration(run.ended - started)}"
    until = run.heartbeat if run.status == "paused" and run.heartbeat else now
    return f"{duration(until - started)} so far"


def newest(latest: Mapping[str, float]) -> Content:
    """The newest losses, learning rate and gradient norm in one line."""
    named = {"loss": "loss", "eval_loss": "validation", "learning_rate": "rate", "grad_norm": "gradient"}
    return Content("   ").join(
        [
            Content.assemble((f"{label} ", QUIET), value(latest[name]))
            for name, label in named.items()
            if name in latest
        ]
    )


def overview(
    run: Run, latest: Mapping[str, float], left: float | None, now: float, width: int, signs: Glyphs = UNICODE
) -> Content:
    """The lines above the charts: title, progress, newest values.

    Args:
        run: The selected run.
        latest: The newest value of each of its metrics.
        left: Seconds to its end, where they can be told.
        now: Seconds since the epoch.
        width: Columns there are.
        signs: The signs to draw with.
    """
    return lines([headline(run, signs), progress(run, latest, left, now, width, signs), newest(latest)])


def trouble(run: Run, otherwise: str) -> Content:
    """Why a run ended badly, and what to do about it, else what can always be done."""
    return Content.assemble((clean(run.error or ""), BAD), f"\n{clean(run.hint) if run.hint else otherwise}")


def waiting(run: Run, runs: Iterable[Run]) -> str:
    """What a run whose chart is still empty is waiting for."""
    if run.status == "queued":
        return _queued(run, list(runs))
    if run.live:
        return "loading the model" if run.status == "starting" else "waiting for the first loss"
    if run.status == "paused":
        return "paused before its first loss: {key:runs.pause} lets it go on"
    return "ended before its first loss"


def _queued(run: Run, runs: list[Run]) -> str:
    """Its place in the queue, and what it waits for where that is not the runs before it."""
    ahead = sum(other.live for other in runs) + (slots.place(run, runs) or 0)
    place = f"queued behind {number_of(ahead, 'run')}" if ahead else "queued"
    priority = f", priority {run.priority}" if run.priority else ""
    reason = run.plan.get("waits_for")
    if reason and reason != slots.BEFORE:
        return f"{place}{priority}; it waits for {clean(str(reason))}"
    return f"{place}{priority}" if ahead else f"{place}: it starts in a moment"


def drawn_together(marked: Sequence[Run], selected: Run | None) -> list[Run]:
    """The runs whose curves are drawn: the marked ones; fewer than two are completed by the selected one."""
    if len(marked) < 2 and selected is not None and selected not in marked:
        return [*marked, selected]
    return list(marked)


def compared(marked: Sequence[Run], listed: Sequence[Run], selected: Run | None) -> list[Run]:
    """The marked runs; fewer than two are completed by the selected one, and the one under it in the list.

    Args:
        marked: The marked runs, whether a filter hides them or not.
        listed: The runs that the list shows, in its order.
        selected: The one at the cursor.
    """
    found = drawn_together(marked, selected)
    if len(found) < 2 and selected is not None:
        place = listed.index(selected)
        found += listed[place + 1 : place + 2]
    return found


def cancel_question(run: Run) -> str:
    """The question before a run is cancelled, with what is lost."""
    lost = f"It is at step {run.step} of {run.total_steps}; no adapter is published.\n" if run.step else ""
    later = "To go on later, pause it with {key:runs.pause}.\n" if run.live else ""
    return f"{lost}{later}The run stays in the list with its metrics and log."


def why_not_remove(runs: Sequence[Run]) -> str | None:
    """Why these runs cannot be removed; None where they can."""
    if not runs:
        return "no run is selected"
    busy = next((run for run in runs if not run.at_rest), None)
    return f"{busy.id} is {busy.status}: {{key:runs.cancel}} cancels it first" if busy is not None else None


def lost_with(runs: Sequence[Run]) -> str:
    """What is lost where there is no trash."""
    whose = "Its" if len(runs) == 1 else "Their"
    kept = " The adapters stay." if any(run.adapter for run in runs) else ""
    return f"{whose} metrics, checkpoints and logs are deleted for good.{kept}"


def why_not_try(run: Run | None) -> str | None:
    """Why neither an adapter nor a checkpoint of a run can answer; None where one may be there."""
    if run is None:
        return "no run is selected"
    return f"{run.id} has not begun: it is {run.status}" if run.status in ("queued", "starting") else None


def why_not_use(run: Run | None) -> str | None:
    """Why a run's adapter cannot be scored; None where it can."""
    if run is None:
        return "no run is selected"
    if run.adapter:
        return None
    return f"{run.id} has no adapter yet: it is {run.status}" if not run.over else f"{run.id} made no adapter"
