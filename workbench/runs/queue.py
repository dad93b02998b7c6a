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
from pathlib import Path

from store import Store, open_store
from store.errors import StoreError
from store.runs import Identity, Run
from workbench import processes

LOCK = "queue.lock"
SLOTS = 1
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
    root: Path = parser.parse_args(arguments).store
    while (lock := processes.HeldLock.take(root / LOCK, wait_seconds=0.5)) is not None:
        with lock, open_store(root, create=False) as store:
            Dispatcher(store).work()
        # A run queued while the lock was still held relied on this process: look once more without it.
        with open_store(root, create=False) as store:
            if not store.runs.list("queued"):
                break
    return 0


class Dispatcher:
    """What one dispatcher knows beyond the catalog: its children, and since when it has waited for what."""

    def __init__(self, store: Store, *, cancel_seconds: float = CANCEL_SECONDS) -> None:
        self._store = store
        self._cancel_seconds = cancel_seconds
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._idle_since = time.monotonic()

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
        """One look at everything: the dead, the cancelled, the queued."""
        live = self._store.runs.list("running") + self._store.runs.list("starting")
        for run in live:
            self._watch(run)
        for run_id in [run_id for run_id, child in self._children.items() if child.poll() is not None]:
            self._settle(run_id)
        alive = [run for run in live if self._store.runs.get(run.id).live]
        queued = self._store.runs.list("queued")
        for run in list(reversed(queued))[: max(0, SLOTS - len(alive))]:
            self._start(run)
        if alive or queued or self._children:
            self._idle_since = time.monotonic()

    def _start(self, queued: Run) -> None:
        nonce = secrets.token_hex(16)
        run = self._store.runs.claim(queued.id, nonce)
        if run is None:
            return
        argv = processes.module_argv(
            "workbench.worker", "train", run.id, "--store", str(self._store.root), "--nonce", nonce
        )
        try:
            child = processes.spawn(
                argv,
                log=self._store.runs.log_path(run),
                cwd=self._store.runs.folder(run),
                env={"CUDA_VISIBLE_DEVICES": _first_device()},
            )
        except OSError as error:
            self._store.runs.fail(
                run.id, f"the trainer could not be started: {error.strerror}", "see the queue's log"
            )
            return
        self._children[run.id] = child
        _say(f"{run.id} {run.name}: started as process {child.pid}")

    def _settle(self, run_id: str) -> None:
        """Record the end of a trainer that did not record it itself."""
        code = self._children[run_id].returncode
        run = self._store.runs.get(run_id)
        if run.live and run.request == "cancel":
            self._store.runs.cancelled(run_id)
        elif run.live and code < 0:
            self._interrupt(run, f"the trainer was ended by {signal.Signals(-code).name}{_guess(-code)}")
        elif run.live:
            self._store.runs.fail(
                run_id,
                f"the trainer ended with status {code}: {last_line(self._store.runs.log_path(run))}",
                f"read its log: workbench run logs {run_id}",
            )
        del self._children[run_id]
        _say(f"{run_id}: trainer ended with status {code}, run is {self._store.runs.get(run_id).status}")

    def _watch(self, run: Run) -> None:
        """Mark a run whose trainer is gone, and see that a request to cancel is obeyed."""
        if run.id not in self._children and self._is_gone(run):
            # Read again: a trainer records its end before it goes, so what stands there now is final.
            run = self._store.runs.get(run.id)
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
        published = [adapter.name for adapter in self._store.adapters.list() if adapter.run == run.id]
        if run.status == "running" and published:
            # It died between its last two writes: the adapter is whole, so the run is.
            self._store.runs.complete(run.id, published[0])
        else:
            self._store.runs.interrupt(
                run.id,
                f"{error}, after step {run.step} of {run.total_steps}",
                f"start it again: workbench run start {self._store.runs.folder(run) / 'run.toml'}",
            )

    def _enforce_cancel(self, run: Run) -> None:
        asked = self._since.setdefault((run.id, "cancel"), time.monotonic())
        waited = time.monotonic() - asked
        identity = self._process(run)
        if identity is not None and waited > self._cancel_seconds:
            processes.terminate(
                identity, signal.SIGKILL if waited > 2 * self._cancel_seconds else signal.SIGTERM
            )

    def _process(self, run: Run) -> Identity | None:
        return run.identity or processes.find(run.id, str(self._store.root), "train")


def last_line(log: Path) -> str:
    """The last line of a log that says something, for an error of one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")


def _first_device() -> str:
    """The GPU that the one slot uses: the first of those that this user may see."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def _guess(number: int) -> str:
    return " (if nobody did that, the kernel ran out of memory)" if number == signal.SIGKILL else ""


def _say(text: str) -> None:
    # A disk too full for a line of log must not end the queue.
    with contextlib.suppress(OSError):
        os.write(1, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())
