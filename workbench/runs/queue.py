"""The dispatcher: a small process that starts queued runs, watches their trainers, ends when none are left.

There is one per store, held apart by a lock. It trains nothing, and its death harms no run: the next one
adopts what lives. `python -m workbench.runs.queue --store ROOT`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from store import Store, open_store
from store.errors import NotFound, StoreError
from store.identity import Identity
from store.runs import Run
from workbench import processes, settings
from workbench.runs import command, devices, hints, slots
from workbench.runs.hooks import Hooks
from workbench.runs.slots import Device

LOCK = "queue.lock"
WORKER = "workbench.worker"
SETTINGS_SECONDS = 2.0
DEVICES_SECONDS = 2.0
TELL_SECONDS = 30.0
POLL_SECONDS = 0.3
IDLE_SECONDS = 5.0
# A trainer says who it is within this time of its start, or is taken for dead.
IDENTIFY_SECONDS = 3.0
# A trainer that does not answer a request to cancel is told by signal, and ended after twice the time.
CANCEL_SECONDS = 20.0


def trainer_lock(store: Store, run: Run) -> Path:
    """The file whose lock a run's trainer holds for life."""
    return store.runs.folder(run) / "trainer.lock"


def main(arguments: list[str] | None = None) -> int:
    """Dispatch for one store until nothing is left to do, unless another process already does."""
    parser = argparse.ArgumentParser(prog="python -m workbench.runs.queue")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--settings-from", type=Path, default=Path.cwd(), help="folder of the settings file")
    parser.add_argument("--worker", default=WORKER, help="module that trains")
    asked = parser.parse_args(arguments)
    root: Path = asked.store
    while (lock := processes.HeldLock.take(root / LOCK, wait_seconds=0.5)) is not None:
        with lock, open_store(root, create=False) as store:
            Dispatcher(store, settings_from=asked.settings_from, worker=asked.worker).work()
        # A run queued while the lock was still held relied on this process: look once more without it.
        with open_store(root, create=False) as store:
            if not store.runs.list("queued"):
                break
    return 0


class Dispatcher:
    """What one dispatcher knows beyond the catalog: its children, and since when it has waited for what."""

    def __init__(
        self,
        store: Store,
        *,
        cancel_seconds: float = CANCEL_SECONDS,
        settings_from: Path | None = None,
        worker: str = WORKER,
        read_devices: Callable[[Iterable[Run]], list[Device]] = devices.read_devices,
    ) -> None:
        self._store = store
        self._cancel_seconds = cancel_seconds
        self._slots = _Slots(settings_from)
        self._worker = worker
        self._read_devices = read_devices
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._reading: _Reading | None = None
        self._idle_since = time.monotonic()
        self._hooks = Hooks(store, _say)

    def work(self) -> None:
        """Turn until nothing has been queued or alive for a while."""
        trouble = ""
        while time.monotonic() - self._idle_since < IDLE_SECONDS:
            try:
                self.turn()
                trouble = ""
            except StoreError as error:
                # A full disk or a held lock passes: what could not be written is tried again, and told once.
                self._idle_since = time.monotonic()
                if str(error) != trouble:
                    trouble = str(error)
                    _say(f"waiting: {trouble}")
            time.sleep(POLL_SECONDS)

    def turn(self) -> None:
        """One look at everything: the dead, the cancelled, the new, the queued."""
        live = self._store.runs.list("running") + self._store.runs.list("starting")
        for run in live:
            self._watch(run)
        for run_id in [run_id for run_id, child in self._children.items() if child.poll() is not None]:
            self._settle(run_id)
        alive = [run for each in live if (run := self._store.runs.get(each.id)).live]
        self._hooks.turn(alive)
        queued = self._store.runs.list("queued")
        if queued:
            self._start_some(queued, alive)
        if alive or queued or self._children:
            self._idle_since = time.monotonic()

    def _start_some(self, queued: list[Run], alive: list[Run]) -> None:
        decision = slots.choose(queued, alive, self._devices(alive), self._slots.read())
        for run, indexes in decision.starts:
            self._start(run, indexes)
        for run in queued:
            if run.id in decision.waits:
                self._tell_wait(run, decision.waits[run.id])

    def _devices(self, alive: list[Run]) -> list[Device]:
        """The devices as they were a moment ago; read anew at once where other runs are at work since."""
        working = {run.id for run in alive}
        if self._reading is None or self._reading.working != working or self._reading.age > DEVICES_SECONDS:
            self._reading = _Reading(self._read_devices(alive), working, time.monotonic())
        return self._reading.devices

    def _tell_wait(self, run: Run, reason: str) -> None:
        """Write down what a run waits for: another thing at once, other figures of the same now and then."""
        told = str(run.plan.get("waits_for", ""))
        if reason == told:
            return
        asked = self._since.get((run.id, "told"), -TELL_SECONDS)
        if reason.partition(":")[0] != told.partition(":")[0] or time.monotonic() - asked > TELL_SECONDS:
            self._since[run.id, "told"] = time.monotonic()
            self._store.runs.planned(run.id, waits_for=reason)

    def _start(self, queued: Run, indexes: tuple[int, ...]) -> None:
        if queued.id in self._children or processes.held(trainer_lock(self._store, queued)):
            return  # it was set aside and resumed before its trainer was gone: a later turn starts it
        nonce = secrets.token_hex(16)
        run = self._store.runs.claim(queued.id, nonce, indexes)
        if run is None:
            return
        command.forget_meetings(self._store.runs.folder(run))
        try:
            child = processes.spawn(
                command.trainer_argv(self._store, run, nonce, self._worker),
                log=self._store.runs.log_path(run),
                cwd=self._store.runs.folder(run),
                env=command.trainer_environment(run),
            )
        except OSError as error:
            self._store.runs.fail(
                run.id, f"the trainer could not be started: {error.strerror}", "see the queue's log"
            )
            return
        self._children[run.id] = child
        on = f" on GPU {', '.join(map(str, indexes))}" if indexes else ""
        _say(f"{run.id} {run.name}: started as process {child.pid}{on}")

    def _settle(self, run_id: str) -> None:
        """Record the end of a trainer that did not record it itself."""
        code = self._children[run_id].returncode
        try:
            run = self._store.runs.get(run_id)
        except NotFound:  # it ended, and was removed before this turn
            del self._children[run_id]
            return
        self._end_stragglers(run)
        if run.live and run.request == "cancel":
            self._store.runs.cancelled(run_id)
        elif run.live and slots.processes_of(run) > 1:
            # Whoever of them was ended first, the others were ended with it.
            self._interrupt(run, "one of the trainer's processes was ended, and with it the others")
        elif run.live and code < 0:
            self._interrupt(run, f"the trainer was ended by {signal.Signals(-code).name}{_guess(-code)}")
        elif run.live:
            said = processes.last_line(self._store.runs.log_path(run))
            self._store.runs.fail(
                run_id,
                f"the trainer ended with status {code}: {said}",
                f"read its log: workbench run logs {run_id}",
            )
        del self._children[run_id]
        _say(f"{run_id}: trainer ended with status {code}, run is {self._store.runs.get(run_id).status}")

    def _watch(self, run: Run) -> None:
        """Mark a run whose trainer is gone, and see that a request to cancel is obeyed."""
        if run.id not in self._children and self._is_gone(run):
            # Read again: a trainer records its end before it goes, so what stands there now is final.
            run = self._store.runs.get(run.id)
            self._end_stragglers(run)
            if not run.live:
                return
            if run.request == "cancel":
                self._store.runs.cancelled(run.id)
            else:
                self._interrupt(run, "the trainer vanished: it was killed, or the machine restarted")
        elif run.request == "cancel":
            self._enforce_cancel(run)

    def _is_gone(self, run: Run) -> bool:
        if processes.held(trainer_lock(self._store, run)):
            return False
        if run.identity is not None:
            return not processes.alive(run.identity)
        # Claimed by a dispatcher that died: its trainer may be on its way, or never have been started.
        unknown_since = self._since.setdefault((run.id, "unidentified"), time.monotonic())
        return self._process(run) is None and time.monotonic() - unknown_since > IDENTIFY_SECONDS

    def _interrupt(self, run: Run, error: str) -> None:
        published = self._store.adapters.made_by(run.id)
        if run.status == "running" and published:
            # It died between its last two writes: the adapter is whole, so the run is.
            self._store.runs.complete(run.id, published[0])
        else:
            self._store.runs.interrupt(
                run.id,
                f"{error}, after step {run.step} of {run.total_steps}",
                hints.to_resume(run.id),
            )

    def _enforce_cancel(self, run: Run) -> None:
        asked = self._since.setdefault((run.id, "cancel"), time.monotonic())
        waited = time.monotonic() - asked
        identity = self._process(run)
        if identity is None or waited <= self._cancel_seconds:
            return
        if waited <= 2 * self._cancel_seconds:
            processes.terminate(identity, signal.SIGTERM)
            return
        processes.terminate(identity, signal.SIGKILL)
        self._end_stragglers(run)

    def _end_stragglers(self, run: Run) -> None:
        """End what is left of a trainer of several processes: none of them works on without the others."""
        if slots.processes_of(run) > 1:
            for identity in processes.find_all(run.id, str(self._store.root), "train"):
                processes.terminate(identity, signal.SIGKILL)

    def _process(self, run: Run) -> Identity | None:
        return run.identity or processes.find(run.id, str(self._store.root), "train")


@dataclass(frozen=True)
class _Reading:
    """The devices at one moment, and the runs that were at work then."""

    devices: list[Device]
    working: set[str]
    at: float

    @property
    def age(self) -> float:
        return time.monotonic() - self.at


class _Slots:
    """`[queue] slots`, read anew while the queue works; a file that is broken meanwhile changes nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._value: str | int = slots.AUTO
        self._read_at = -SETTINGS_SECONDS
        self._trouble = ""

    def read(self) -> str | int:
        now = time.monotonic()
        if self._folder is not None and now - self._read_at >= SETTINGS_SECONDS:
            self._read_at = now
            try:
                self._value = settings.load_settings(self._folder).queue.slots
                self._trouble = ""
            except StoreError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    _say(f"slots stay {self._value}: {error}")
        return self._value


def _guess(number: int) -> str:
    return " (if nobody did that, the kernel ran out of memory)" if number == signal.SIGKILL else ""


def _say(text: str) -> None:
    # A disk too full for a line of log must not end the queue.
    with contextlib.suppress(OSError):
        os.write(1, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())
