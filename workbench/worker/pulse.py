"""A trainer's sign of life: lock, identity, heartbeat, and an ear for requests; it trains nothing."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from store import Store, open_store
from store.errors import Conflict, StoreError
from store.runs import Run
from workbench import processes
from workbench.runs.queue import trainer_lock

HEARTBEAT_SECONDS = 2.0
LISTEN_SECONDS = 0.5
OOM_SCORE = 500  # of 1000


class Cancelled(Exception):  # noqa: N818 (an order that was obeyed, not an error)
    """The run was asked to end."""


class Pulse:
    """What the threads of one trainer share: whether it was asked to stop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._over = threading.Event()

    def check(self) -> None:
        """Raise where it is safe to end.

        Raises:
            Cancelled: The run was asked to end.
        """
        if self._stop.is_set():
            raise Cancelled

    def stop(self) -> None:
        """Ask this trainer to end at its next check."""
        self._stop.set()

    def beat(self, root: Path, run_id: str) -> None:
        """Tell the catalog every other second that this process lives, and listen for requests in between."""
        # A connection serves one thread.
        with open_store(root, create=False) as store:
            turns = 0
            while not self._over.wait(LISTEN_SECONDS):
                turns += 1
                try:
                    if store.runs.requested(run_id) == "cancel":
                        self.stop()
                    if turns % round(HEARTBEAT_SECONDS / LISTEN_SECONDS) == 0:
                        store.runs.heartbeat(run_id)
                except StoreError as error:
                    # A full disk or a long lock must not end hours of training: the lock file says we live.
                    sys.stderr.write(f"heartbeat: {error}\n")

    def end(self) -> None:
        """Stop beating."""
        self._over.set()


@contextlib.contextmanager
def alive(store: Store, run: Run, nonce: str) -> Iterator[Pulse]:
    """Be this run's trainer: locked, known by identity, beating, and open to SIGTERM and requests.

    Args:
        store: An open store of this thread.
        run: The run, claimed with `nonce`.
        nonce: What the dispatcher put into this process's arguments.

    Raises:
        Conflict: Another process works on the run, or it is no longer to be worked on.
    """
    lock = processes.HeldLock.take(trainer_lock(store, run))
    if lock is None:
        raise Conflict(f"run {run.id} has a trainer already", "see `workbench run show`")
    with lock:
        store.runs.identify(run.id, processes.me(nonce))
        # Where memory runs out, the kernel shall take this process and not the person's session.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
        pulse = Pulse()
        signal.signal(signal.SIGTERM, lambda *_: pulse.stop())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        thread = threading.Thread(target=pulse.beat, args=(store.root, run.id), name="pulse", daemon=True)
        thread.start()
        try:
            yield pulse
        finally:
            pulse.end()
            thread.join()
