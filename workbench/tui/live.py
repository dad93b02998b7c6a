"""One thread reads what changed in the store and posts it to the app; it writes nothing and draws nothing.

The store is the queue: news of runs and metric points are read only after the loop took the last ones, so a
terminal that stalls costs no memory and loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType

from textual.message import Message

from store import Store, open_store
from store.metrics import Point
from store.runs import Run
from workbench import telemetry
from workbench.telemetry import GpuReading, HostReading
from workbench.tui.alerts import AlertReader
from workbench.tui.run_reader import RunNews, RunReader

TICK_SECONDS = 0.35
TELEMETRY_SECONDS = 1.0
RETRY_SECONDS = 2.0
BATCH_POINTS = 5_000


class Newest(Message, bubble=False):
    """A message of which only the newest matters."""

    def can_replace(self, message: Message) -> bool:
        """Whether an older message of this kind, not yet handled, may be dropped."""
        return type(message) is type(self)


@dataclass
class RunsChanged(Message, bubble=False):
    """Runs came, changed or went; each is told once, so none of these messages may be left out.

    Of a long list the newest come first and those that wait or are at work, then the others.
    """

    news: RunNews


@dataclass
class MetricPoints(Message, bubble=False):
    """Metric points written since the last such message, in the order they were written; none is left out."""

    points: tuple[Point, ...]


@dataclass
class CatalogChanged(Message, bubble=False):
    """Records of these tables came, changed or went; of runs only their coming, going and status count."""

    nouns: frozenset[str]


@dataclass
class Telemetry(Newest, bubble=False):
    """What the machine's memory and processors are doing now."""

    gpus: tuple[GpuReading, ...]
    host: HostReading
    processes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Resident bytes of the process of each live run, by run id."""
    seconds: float = 0.0
    """When it was read, by a clock that never jumps."""
    owners: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    """Whose each process on a GPU is, by its id: a live run's id and name, else a user and a command."""


class LiveReader:
    """Polls the store and the machine on a thread of its own until stopped.

    Args:
        root: The store's folder; the thread opens its own connection.
        post: Takes a message from any thread; the app's `post_message`.
        failed: Told, by the thread, why the store cannot be read, once per reason; reading is tried again.
    """

    def __init__(
        self, root: Path, post: Callable[[Message], object], failed: Callable[[Exception], object]
    ) -> None:
        self._root = root
        self._post = post
        self._failed = failed
        self._stop = Event()
        self._taken = Event()
        self._taken.set()
        self._heard = Event()
        self._heard.set()
        self._thread = Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Ask the thread to end and wait for it, but not for longer than `timeout` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def taken(self) -> None:
        """Say that the last metric points were shown, so that the next may be read."""
        self._taken.set()

    def heard(self) -> None:
        """Say that the last news of runs were shown, so that the store may be looked at again."""
        self._heard.set()

    def _run(self) -> None:
        told = ""
        while not self._stop.is_set():
            try:
                with open_store(self._root) as store:
                    self._read(store)
            except Exception as error:  # noqa: BLE001 (told or logged by the app; the screens must not go blind)
                if str(error) != told:
                    told = str(error)
                    self._failed(error)
                self._stop.wait(RETRY_SECONDS)

    def _read(self, store: Store) -> None:
        cursor = store.metrics.end()
        alerts = AlertReader(store)
        runs = RunReader(store, lambda seconds: self._stop.wait(seconds))
        counts = store.changed.counts()
        seen: int | None = None
        host: HostReading | None = None
        telemetry_at = 0.0
        while not self._stop.wait(0 if seen is None and self._heard.is_set() else TICK_SECONDS):
            changes = store.changes()
            if changes != seen and self._heard.is_set():
                for news in runs.new():
                    self._heard.clear()
                    self._post(RunsChanged(news))
                raised = alerts.new(store, runs.live)
                if raised is not None:
                    self._post(raised)
                before, counts = counts, store.changed.counts()
                if counts != before:
                    self._post(CatalogChanged(frozenset(dict(counts.items() - before.items()))))
                seen = changes
            cursor = self._post_points(store, cursor)
            if time.monotonic() >= telemetry_at:
                telemetry_at = time.monotonic() + TELEMETRY_SECONDS
                host = self._post_telemetry(runs.live, host)

    def _post_points(self, store: Store, cursor: int) -> int:
        if not self._taken.is_set():
            return cursor
        points, cursor = store.metrics.after(cursor, limit=BATCH_POINTS)
        if points:
            self._taken.clear()
            self._post(MetricPoints(tuple(points)))
        return cursor

    def _post_telemetry(self, live: Iterable[Run], since: HostReading | None) -> HostReading:
        host = telemetry.read_host(since)
        processes = {run.id: telemetry.process_memory(run.pid) for run in live if run.pid}
        gpus = tuple(telemetry.read_gpus())
        owners = gpu_owners(gpus, live)
        self._post(Telemetry(gpus, host, processes, time.monotonic(), owners))
        return host


def gpu_owners(gpus: Iterable[GpuReading], live: Iterable[Run]) -> dict[int, str]:
    """Whose each process on the GPUs is: of the session of a live run's trainer, or somebody else's."""
    runs = {run.pid: f"{run.id} {run.name}" for run in live if run.pid}
    owners = {}
    for pid in {pid for gpu in gpus for pid, _ in gpu.processes}:
        found = telemetry.process_owner(pid)
        if found is None:
            owners[pid] = f"process {pid}"
        else:
            owners[pid] = runs.get(found.session) or f"{found.user} {found.command}"
    return owners
