"""The processes that train one run together: which one this is, and what it does when another is gone.

Rank 0 leads: it holds the run's lock and identity, and alone writes to the store. The others follow; they
write a log of their own and end with it. This module is read before torch is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store import Store, open_store
from store.errors import BadInput, Conflict, StoreError
from store.runs import Run
from workbench import processes
from workbench.runs import hints
from workbench.runs.slots import processes_of
from workbench.worker.pulse import Pulse

LOOK_SECONDS = 0.5
GRACE_SECONDS = 10.0  # for the leader to end by itself once another is gone
SETTLE_SECONDS = 2.0  # in which the end of a process shows everywhere


class Released(Exception):  # noqa: N818 (an order, not an error)
    """A follower's work is done."""


@dataclass(frozen=True)
class Group:
    """One process's place among those of its run."""

    rank: int
    size: int


def read_group(run: Run) -> Group:
    """Read this process's place from what torchrun tells it, and see that as many were started as were asked.

    Raises:
        BadInput: There are more or fewer.
    """
    group = Group(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
    if group.size != processes_of(run):
        raise BadInput(
            f"nproc_per_node = {processes_of(run)}, and {group.size} processes were started",
            "start the run by `workbench run start`, which starts as many as it asks for",
        )
    return group


def rank_log(store: Store, run: Run, rank: int) -> Path:
    """The file that takes the output of a run's process; the leader's is the run's log."""
    return store.runs.log_path(run) if rank == 0 else store.runs.folder(run) / f"log-rank{rank}.txt"


def rank_lock(store: Store, run: Run, rank: int) -> Path:
    """The file whose lock a follower holds for life."""
    return store.runs.folder(run) / f"rank{rank}.lock"


class Followers:
    """What the leader knows of the others while they work together; nothing where it works alone."""

    def __init__(self, store: Store, run: Run, group: Group, pulse: Pulse) -> None:
        self._store = store
        self._run = run
        self._ranks = range(1, group.size)
        self._pulse = pulse
        self._parent = os.getppid()
        self._over = threading.Event()

    def lost(self, error: BaseException | None = None) -> str | None:
        """Say which of the others is gone.

        Args:
            error: What ended the training here; only a broken connection makes it worth a wait.
        """
        deadline = time.monotonic() + (SETTLE_SECONDS if _is_of_connection(error) else 0.0)
        while together():
            for rank in self._ranks:
                if not processes.held(rank_lock(self._store, self._run, rank)):
                    log = rank_log(self._store, self._run, rank)
                    return f"the process of rank {rank} ended before the others: {processes.last_line(log)}"
            if os.getppid() != self._parent:
                return "torchrun ended before the processes that it had started"
            if time.monotonic() >= deadline:
                break
            time.sleep(0.05)
        return None

    def interrupt(self, store: Store, lost: str) -> None:
        """Record that the run was ended by the loss of one of its processes."""
        run = store.runs.get(self._run.id)
        if run.live:
            store.runs.interrupt(
                run.id,
                f"{lost}, after step {run.step} of {run.total_steps}",
                f"read the logs in {store.runs.folder(run)}, then {hints.to_resume(run.id)}",
            )

    def watch(self) -> None:
        """End this process if it does not by itself once another is gone: a collective may wait for ever."""
        while not self._over.wait(LOOK_SECONDS):
            lost = self.lost()
            if lost is None:
                continue
            self._pulse.stop()
            if self._over.wait(GRACE_SECONDS):
                return
            with contextlib.suppress(StoreError), open_store(self._store.root, create=False) as store:
                self.interrupt(store, lost)
            os._exit(1)

    def end(self) -> None:
        """Stop watching."""
        self._over.set()


@contextlib.contextmanager
def leading(store: Store, run: Run, group: Group, pulse: Pulse) -> Iterator[Followers]:
    """Watch the others while this process leads them.

    Args:
        store: An open store of this thread.
        run: The run.
        group: This process's place.
        pulse: Told to stop when another is gone.
    """
    followers = Followers(store, run, group, pulse)
    if group.size > 1:
        threading.Thread(target=followers.watch, name="followers", daemon=True).start()
    try:
        yield followers
    finally:
        followers.end()


@contextlib.contextmanager
def following(store: Store, run: Run, nonce: str, group: Group) -> Iterator[Pulse]:
    """Be one of a run's other processes: heard of in its own log, writing nothing else, gone with the leader.

    Args:
        store: An open store of this thread; nothing can be written through it any more.
        run: The run.
        nonce: What stands in the arguments of all its processes.
        group: This process's place.

    Raises:
        Conflict: Another process has this place.
    """
    descriptor = os.open(
        rank_log(store, run, group.rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600
    )
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    lock = processes.HeldLock.take(rank_lock(store, run, group.rank))
    if lock is None:
        raise Conflict(f"rank {group.rank} of run {run.id} has a process already", "see `workbench run show`")
    store.db.conn.execute("pragma query_only = on")
    with lock:
        watch = threading.Thread(
            target=_follow, args=(store.root, run.id, nonce, os.getppid()), name="leader", daemon=True
        )
        watch.start()
        yield Pulse()


def together() -> bool:
    """Whether this process has met the others and not parted from them yet."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_initialized()


def is_over(run: Run, nonce: str) -> bool:
    """Whether a run has no leader of this attempt any more."""
    identity = run.identity
    return not run.live or (
        identity is not None and (identity.nonce != nonce or not processes.alive(identity))
    )


def _follow(root: Path, run_id: str, nonce: str, parent: int) -> None:
    """End this process with the leader or with torchrun, whatever it is waiting for."""
    with open_store(root, create=False) as store:
        while os.getppid() == parent:
            with contextlib.suppress(StoreError):
                if is_over(store.runs.get(run_id), nonce):
                    break
            time.sleep(LOOK_SECONDS)
    sys.stdout.write("the leader is gone: this process ends\n")
    sys.stdout.flush()
    os._exit(0)


def _is_of_connection(error: BaseException | None) -> bool:
    text = str(error)
    return isinstance(error, RuntimeError) and any(word in text for word in ("gloo", "NCCL", "onnection"))
