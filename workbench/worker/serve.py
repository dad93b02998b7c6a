"""The server process of one base model: a Unix socket, one request after another, text as it is spoken.

Threads greet and listen; the main thread alone computes. What is said on the line is described in `link`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import socket
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import Store, open_store
from store.errors import Conflict, StoreError, Unavailable
from store.models import Model
from workbench import link
from workbench.processes import HeldLock
from workbench.worker.reception import CONNECTIONS, Job, Reception, Request

if TYPE_CHECKING:
    from workbench.worker.engine import Engine

LOCK_SECONDS = 5.0  # one that is about to end may hold the lock for a moment still
_TURN_SECONDS = 0.25


def main(root: Path, model_name: str, *, idle_seconds: float) -> int:
    """Serve a model until it is idle for long enough, or asked to end.

    Args:
        root: The store's folder.
        model_name: The base model.
        idle_seconds: Seconds without a request after which it ends.

    Returns:
        0 at an orderly end, 1 when the device ran out of memory.

    Raises:
        NotFound: No such model.
        BadInput: The model does not load; waiting clients have been told.
        Conflict: Another process serves it.
    """
    with open_store(root, create=False) as store:
        reception = Reception(store.models.get(model_name), idle_seconds)
        lock = HeldLock.take(link.lock_path(root, model_name), wait_seconds=LOCK_SECONDS)
        if lock is None:
            raise Conflict(f"model {model_name!r} has a server already", "ask that one")
        path = link.socket_path(root, model_name)
        with lock, _listening(path) as listener:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: _stop(reception, path))
            threading.Thread(target=reception.listen, args=(listener,), daemon=True).start()
            return _compute(reception, store)


def _stop(reception: Reception, path: Path) -> None:
    """End at the next token, or at once while the model is still loading."""
    reception.stopping.set()
    if reception.state == "loading":
        # There is nothing to lose yet, and an exception in the middle of an import would be misunderstood.
        path.unlink(missing_ok=True)
        os._exit(0)


def _compute(reception: Reception, store: Store) -> int:
    """The main thread's story: load the base, then answer request after request."""
    try:
        # Only now: these imports take seconds, and clients are greeted meanwhile.
        from workbench.worker.engine import Engine

        engine = Engine(reception.record)
    except Exception as error:
        _refuse_all(reception, _why_not_loaded(reception.record, error))
        raise
    reception.state = "ready"
    idle_since = time.monotonic()
    while not reception.stopping.is_set():
        try:
            job = reception.jobs.get(timeout=_TURN_SECONDS)
        except queue.Empty:
            if time.monotonic() - idle_since > reception.idle_seconds:
                return 0
            continue
        reception.state = "busy"
        try:
            _answer(reception, engine, store, job)
        except Exception as error:
            # In the middle of a forward pass nothing is certain: this process ends, a fresh one follows.
            if not _is_out_of_memory(error):
                raise
            _refuse_all(reception, _out_of_memory(), job)
            return 1
        finally:
            job.finished.set()
        idle_since = time.monotonic()
    return 0


def _answer(reception: Reception, engine: Engine, store: Store, job: Job) -> None:
    """Answer one request; only what the client or its adapters did wrong is told, all else is raised."""
    refusal = None
    try:
        _stream(reception, engine, store, job)
    except StoreError as error:
        refusal = error
    reception.state, reception.adapters = "ready", engine.bank.names
    if refusal is None:
        job.reply.try_send("done")
    else:
        job.reply.try_send_error(refusal)


def _stream(reception: Reception, engine: Engine, store: Store, job: Job) -> None:
    if job.cancelled.is_set():
        return
    with contextlib.closing(_events(engine, store, job.request)) as events:
        for event in events:
            if reception.stopping.is_set():
                raise Unavailable(f"the server of model {reception.record.name!r} was stopped", "ask again")
            if job.cancelled.is_set() or not job.reply.try_send(**event):
                return


def _events(engine: Engine, store: Store, request: Request) -> Generator[dict[str, Any], None, None]:
    prompts = [engine.decoder.encode(prompt) for prompt in request.prompts]
    residents = engine.residents(store, request.adapters)
    rows = [(prompt, resident) for prompt in prompts for resident in residents]
    with contextlib.closing(engine.speak(rows, request.sampling)) as pieces:
        for piece in pieces:
            if piece.text:
                yield {"event": "text", "row": piece.row, "text": piece.text}
            if piece.whole is not None:
                yield {
                    "event": "end",
                    "row": piece.row,
                    "text": piece.whole,
                    "tokens": piece.tokens,
                    "seconds": piece.seconds,
                }


def _refuse_all(reception: Reception, error: StoreError, *jobs: Job) -> None:
    """Tell everybody in line why there will be no answer."""
    waiting = [*jobs]
    while not reception.jobs.empty():
        waiting.append(reception.jobs.get())
    for job in waiting:
        job.reply.try_send_error(error)
        job.finished.set()


def _why_not_loaded(record: Model, error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if _is_out_of_memory(error):
        return Unavailable(
            f"the device has no room for model {record.name!r}", "free its memory, or use a smaller one"
        )
    told = " ".join(str(error).split())[:200]
    return Unavailable(
        f"model {record.name!r} does not load ({type(error).__name__}: {told})",
        "look at its log, or add it again",
    )


def _out_of_memory() -> Unavailable:
    return Unavailable(
        "the device is out of memory, the server has ended",
        "ask for fewer adapters, a shorter prompt or fewer new tokens",
    )


def _is_out_of_memory(error: Exception) -> bool:
    # By name: torch is not imported here.
    return any(kind.__name__ in ("OutOfMemoryError", "MemoryError") for kind in type(error).__mro__)


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """A socket at a path, for its owner alone; it appears listening, in place of whatever lay there.

    A socket's path may have 107 bytes at most; a descriptor of its folder and a short name always fit.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    beside = f".{secrets.token_hex(8)}"
    before = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{beside}")
    finally:
        os.umask(before)
    try:
        listener.listen(CONNECTIONS)
        os.rename(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(beside, dir_fd=folder)
        raise
    finally:
        os.close(folder)
    try:
        yield listener
    finally:
        path.unlink(missing_ok=True)
        listener.close()
