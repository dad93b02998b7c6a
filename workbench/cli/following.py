"""Follow a run until it ends: its new points, a line of progress, its log, and how it went."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store import Store
from store.errors import StoreError
from store.metrics import Point
from store.runs import LOG, Run
from workbench.cli import figures, queueing
from workbench.cli.output import cell, jsonable, status
from workbench.cli.progress import Line
from workbench.cli.run_watched import alert_text, watched_document
from workbench.runs import hints
from workbench.runs.launch import attend

POLL_SECONDS = 0.25
LOG_CHUNK_BYTES = 1 << 16
QUEUE_CHECK_SECONDS = 5.0


@dataclass
class Pace:
    """How fast a run goes, from the first step that was seen on."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def remaining_seconds(self, run: Run) -> float | None:
        """Guess the time to the last step; None while there is nothing to guess from."""
        if run.status != "running" or run.step <= 0:
            return None
        if not self.seen or self.seen[-1][1] != run.step:
            self.seen = [*self.seen[-200:], (time.monotonic(), run.step)]
        (then, first), (now, last) = self.seen[0], self.seen[-1]
        if last <= first:
            return None
        seconds = (now - then) / (last - first) * (run.total_steps - last)
        limit = run.settings.get("max_seconds") or math.inf
        return min(seconds, max(0.0, limit - (now - then)))


def changes(store: Store, run_id: str) -> Iterator[tuple[Run, list[Point]]]:
    """Yield a run and its new points whenever a look finds something new, until it has ended.

    The queue's process is seen to on the way: a run never waits for one that has died.
    """
    cursor, shown, checked = 0, None, time.monotonic()
    while True:
        run = store.runs.get(run_id)  # read before the points: an ended run has no later ones
        points, cursor = store.metrics.after(cursor, run=run.id)
        while points or shown != (run.status, run.step):
            shown = (run.status, run.step)
            yield run, points
            points, cursor = store.metrics.after(cursor, run=run.id)
        if run.at_rest:
            return
        if time.monotonic() - checked > QUEUE_CHECK_SECONDS:
            attend(store)
            checked = time.monotonic()
        time.sleep(POLL_SECONDS)


def follow(store: Store, run_id: str, *, quiet: bool) -> Run:
    """Show a run's progress on stderr until it ends.

    Args:
        store: An open store.
        run_id: The run's id or name.
        quiet: Show nothing and only wait.

    Returns:
        The run as it ended.
    """
    pace, latest, told = Pace(), {}, 0
    with Line(quiet=quiet) as line:
        for run, points in changes(store, run_id):
            latest.update({point.name: point.value for point in points})
            alerts, told = store.alerts.after(told, run=run.id)
            for alert in alerts:
                line.say(alert_text(alert))
            line.write(progress_text(run, latest, pace), now=run.at_rest)
    return store.runs.get(run_id)


def progress_text(run: Run, latest: dict[str, float], pace: Pace) -> str:
    """Write one line: id, status, step, loss, and the time that is left."""
    parts = [cell(run.id), status(run.status)]
    if run.total_steps:
        parts.append(f"step {run.step}/{run.total_steps}")
    if "loss" in latest:
        parts.append(f"loss {figures.value(latest['loss'])}")
    remaining = pace.remaining_seconds(run)
    if run.status == "running" and 0 < run.total_steps <= run.step:
        parts.append("validating and publishing")
    elif remaining is not None:
        parts.append(f"{figures.duration(remaining)} left")
    return "  ".join(parts)


def failure(run: Run) -> StoreError | None:
    """Give the error of a run that was waited for, None where it completed."""
    if run.status == "completed":
        return None
    if run.status == "paused":
        return StoreError(f"run {run.id} was paused at step {run.step}", hints.to_resume(run.id))
    what = run.error or f"run {run.id} was {run.status}"
    return StoreError(what, run.hint or f"`workbench run logs {run.id}` says more")


def run_document(
    store: Store,
    run: Run,
    waiting: Mapping[str, int] | None = None,
    latest: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Write a run as the JSON document of `run show`.

    Args:
        store: An open store.
        run: The run.
        waiting: The places in the queue, where they are known already.
        latest: Its newest metrics, where they are known already.
    """
    if waiting is None:
        waiting = queueing.places(store) if run.status == "queued" else {}
    folder = store.runs.folder(run)
    record: dict[str, Any] = jsonable(run)
    record["pid"] = run.pid
    record["queue_place"] = waiting.get(run.id)
    record["latest"] = jsonable(dict(store.metrics.latest(run.id) if latest is None else latest))
    record["folder"] = str(folder)
    record["log"] = str(folder / LOG)
    return record | watched_document(store, run)


def log_lines(store: Store, run: Run, following: bool) -> Iterator[str]:
    """Yield the lines of a run's log; when following, until the run has ended and its log is read."""
    path, offset, rest = store.runs.log_path(run), 0, b""
    while True:
        ended = not following or store.runs.get(run.id).at_rest
        for chunk in _chunks(path, offset):
            offset += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in lines)
        if ended:
            break
        time.sleep(POLL_SECONDS)
    if rest:
        yield rest.decode("utf-8", "replace")


def _chunks(path: Path, offset: int) -> Iterator[bytes]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(LOG_CHUNK_BYTES):
            yield chunk
