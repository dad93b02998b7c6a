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


class Paused(Exception):  # noqa: N818 (an order that was obeyed, not an error)
    """The run was set aside; its checkpoint, if it had come to one, is written."""


class Interrupted(Exception):  # noqa: N818 (an order that was obeyed, not an error)
    """The process was told to end by SIGTERM, as when the machine shuts down; the run can go on later."""


class Pulse:
    """What the threads of one trainer share: whether it was asked to stop, and in what way."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._pause = threading.Event()
        self._interrupt = threading.Event()
        self._over = threading.Event()
        self._holding = False

    def check(self) -> None:
        """Raise where it is safe to end: for a cancel always, for a pause only while no step would be lost.

        Raises:
            Cancelled: The run was asked to end.
            Paused: It was asked to pause, and has not begun to train.
            Interrupted: The process was told to end, and has not begun to train.
        """
        if self._stop.is_set():
            raise Cancelled
        if not self._holding:
            self.set_aside()

    def set_aside(self) -> None:
        """End here if a pause or an interruption is wanted: nothing would be lost now.

        Raises:
            Paused: It is a pause.
            Interrupted: It is an interruption.
        """
        if self._interrupt.is_set():
            raise Interrupted
        if self._pause.is_set():
            raise Paused

    def hold(self) -> None:
        """From now on a pause waits for a checkpoint: whoever writes it looks at `leaving`."""
        self._holding = True

    @property
    def leaving(self) -> bool:
        """Whether a pause or an interruption is wanted."""
        return self._pause.is_set() or self._interrupt.is_set()

    @property
    def interrupted(self) -> bool:
        """Whether the process was told to end."""
        return self._interrupt.is_set()

    def stop(self) -> None:
        """Ask this trainer to end at its next check, with nothing to show for it."""
        self._stop.set()

    def pause(self) -> None:
        """Ask this trainer to write a checkpoint after its step and to end."""
        self._pause.set()

    def carry_on(self) -> None:
        """Take a pause back."""
        self._pause.clear()

    def interrupt(self) -> None:
        """Ask this trainer to write a checkpoint after its step and to end: the process must go."""
        self._interrupt.set()

    def beat(self, root: Path, run_id: str) -> None:
        """Tell the catalog every other second that this process lives, and listen for requests in between."""
        # A connection serves one thread.
        with open_store(root, create=False) as store:
            turns = 0
            while not self._over.wait(LISTEN_SECONDS):
                turns += 1
                try:
                    self._obey(store.runs.requested(run_id))
                    if turns % round(HEARTBEAT_SECONDS / LISTEN_SECONDS) == 0:
                        store.runs.heartbeat(run_id)
                except StoreError as error:
                    # A full disk or a long lock must not end hours of training: the lock file says we live.
                    sys.stderr.write(f"heartbeat: {error}\n")

    def _obey(self, request: str | None) -> None:
        if request == "cancel":
            self.stop()
        elif request == "pause":
            self.pause()

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
        signal.signal(signal.SIGTERM, lambda *_: pulse.interrupt())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        thread = threading.Thread(target=pulse.beat, args=(store.root, run.id), name="pulse", daemon=True)
        thread.start()
        try:
            yield pulse
        finally:
            pulse.end()
            thread.join()
