"""The server process of one base model: sockets, one request after another, text as it is spoken.

Threads greet and listen; the main thread alone computes. What is said on the line is described in `link`,
what is said in HTTP in `http_server`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import Store, open_store
from store.errors import BadInput, Conflict, StoreError, Unavailable
from store.models import Model
from workbench import link
from workbench.processes import HeldLock
from workbench.serving import TOKEN_VARIABLE
from workbench.worker.failures import is_out_of_memory
from workbench.worker.listening import port_listener, socket_listener
from workbench.worker.reception import Job, Reception, Request

if TYPE_CHECKING:
    from workbench.worker.engine import Engine, Piece

LOCK_SECONDS = 5.0  # one that is about to end may hold the lock for a moment still
TELL_SECONDS = 2.0  # for clients to hear why a server ends
_TURN_SECONDS = 0.25


def main(
    root: Path, model_name: str, *, idle_seconds: float, port: int | None = None, token: str = ""
) -> int:
    """Serve a model until it is idle for long enough, or asked to end.

    Args:
        root: The store's folder.
        model_name: The base model.
        idle_seconds: Seconds without a request after which it ends.
        port: A TCP port on loopback to answer HTTP on too; 0 takes a free one.
        token: What a client on that port must show.

    Returns:
        0 at an orderly end, 1 when the base speaks no token any more or the HTTP side failed.

    Raises:
        NotFound: No such model.
        BadInput: A port without a token, or the model does not load; waiting clients have been told.
        Conflict: Another process serves it.
        Unavailable: The port is taken.
    """
    if port is not None and not token:
        raise BadInput("a port was asked for without a token", f"set {TOKEN_VARIABLE}")
    with open_store(root, create=False) as store, contextlib.ExitStack() as held:
        reception = Reception(store.models.get(model_name), idle_seconds)
        lock = HeldLock.take(link.lock_path(root, model_name), wait_seconds=LOCK_SECONDS)
        if lock is None:
            raise Conflict(f"model {model_name!r} has a server already", "ask that one")
        held.enter_context(lock)
        places = (link.socket_path(root, model_name), link.http_path(root, model_name))
        ports = [] if port is None else [held.enter_context(port_listener(port))]
        reception.port = ports[0].getsockname()[1] if ports else None
        line, http = (held.enter_context(socket_listener(place)) for place in places)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _stop(reception, places))
        threading.Thread(target=reception.listen, args=(line,), daemon=True).start()
        answering = (reception, store.root, [http, *ports], token)
        threading.Thread(target=_answer_http, args=answering, daemon=True).start()
        return _compute(reception, store)


def _stop(reception: Reception, places: tuple[Path, ...]) -> None:
    """End at the next token, or at once while the model is still loading."""
    reception.stopping.set()
    if reception.state == "loading":
        # There is nothing to lose yet, and an exception in the middle of an import would be misunderstood.
        for place in places:
            place.unlink(missing_ok=True)
        os._exit(0)


def _answer_http(reception: Reception, root: Path, listeners: list[socket.socket], token: str) -> None:
    """The thread of the HTTP side; half a server would be taken for a whole one, so it ends as one."""
    try:
        from workbench.worker import http_server

        http_server.run(reception, root, listeners, token)
    finally:
        reception.broken = True
        reception.stopping.set()


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
        failure = None
        try:
            _answer(reception, engine, store, job)
        except Exception as error:  # noqa: BLE001 (the process's door: every end is told)
            traceback.print_exc()
            failure = _Failure.of(error)
        if failure is not None:
            # Only here, where nothing holds what the error held.
            if not engine.speaks_again():
                return _give_up(reception, job, failure)
            reception.state, reception.adapters = "ready", engine.bank.names
            job.finish(failure.told(reception.record, ended=False))
        if reception.stopping.is_set():
            job.told.wait(TELL_SECONDS)
        idle_since = time.monotonic()
    return int(reception.broken)


def _answer(reception: Reception, engine: Engine, store: Store, job: Job) -> None:
    """Answer one request; only what the client or its adapters did wrong is told, all else is raised."""
    refusal = None
    try:
        _stream(reception, engine, store, job)
    except StoreError as error:
        refusal = error
    reception.state, reception.adapters = "ready", engine.bank.names
    job.finish(refusal)


def _stream(reception: Reception, engine: Engine, store: Store, job: Job) -> None:
    if job.cancelled.is_set():
        return
    with contextlib.closing(_events(engine, store, job.request)) as steps:
        for events in steps:
            if reception.stopping.is_set():
                raise Unavailable(f"the server of model {reception.record.name!r} was stopped", "ask again")
            if job.cancelled.is_set():
                return
            reception.spoken = time.monotonic()
            for event in events:
                job.reply.put(event)


def _events(engine: Engine, store: Store, request: Request) -> Generator[list[dict[str, Any]], None, None]:
    """What is to be told, step by step; at many a step that is nothing."""
    prompts = [_ids(engine, prompt) for prompt in request.prompts]
    residents = engine.residents(store, request.adapters)
    yield [*_notes(engine)]
    rows = [(prompt, resident) for prompt in prompts for resident in residents]
    with contextlib.closing(engine.speak(rows, request.sampling)) as pieces:
        for piece in pieces:
            yield [*_notes(engine), *_told(piece)]


def _notes(engine: Engine) -> Iterator[dict[str, Any]]:
    return ({"event": "note", "text": text} for text in engine.notes())


def _ids(engine: Engine, prompt: str | tuple[int, ...]) -> list[int]:
    return engine.decoder.encode(prompt) if isinstance(prompt, str) else engine.decoder.checked(list(prompt))


def _told(piece: Piece) -> Iterator[dict[str, Any]]:
    if piece.text or piece.detail:
        event = {"event": "text", "row": piece.row, "text": piece.text}
        yield event | ({"tokens": [asdict(each) for each in piece.detail]} if piece.detail else {})
    if piece.whole is not None:
        yield {
            "event": "end",
            "row": piece.row,
            "text": piece.whole,
            "tokens": piece.tokens,
            "seconds": piece.seconds,
            "cut": piece.truncated,
            "broken": piece.broken,
        }


def _give_up(reception: Reception, job: Job, failure: _Failure) -> int:
    """End a server that speaks no more: a fresh one follows, whose clients in line ask it by themselves.

    Where memory is short the fresh one would have no more of it, and all in line are told.
    """
    told = failure.told(reception.record, ended=True)
    if failure.crowded:
        _refuse_all(reception, told, job)
    else:
        _refuse([job], told)
    return 1


def _refuse_all(reception: Reception, error: StoreError, *jobs: Job) -> None:
    """Tell everybody in line why there will be no answer."""
    waiting = [*jobs]
    while not reception.jobs.empty():
        waiting.append(reception.jobs.get())
    _refuse(waiting, error)


def _refuse(jobs: list[Job], error: StoreError) -> None:
    """Tell why there will be no answer, and wait until it is heard: the process ends after this."""
    for job in jobs:
        job.finish(error)
    deadline = time.monotonic() + TELL_SECONDS
    for job in jobs:
        job.told.wait(max(deadline - time.monotonic(), 0))


def _why_not_loaded(record: Model, error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if is_out_of_memory(error):
        return Unavailable(
            f"the device has no room for model {record.name!r}", "free its memory, or use a smaller one"
        )
    told = " ".join(str(error).split())[:200]
    return Unavailable(
        f"model {record.name!r} does not load ({type(error).__name__}: {told})",
        "look at its log, or add it again",
    )


@dataclass(frozen=True)
class _Failure:
    """What ended an answer: memory that ran out, or anything else in a line."""

    crowded: bool
    line: str

    @classmethod
    def of(cls, error: Exception) -> _Failure:
        """What there is to tell of an error; the error itself holds tensors."""
        line = " ".join(str(error).split())[:200]
        return cls(is_out_of_memory(error), f"{type(error).__name__}: {line}")

    def told(self, record: Model, *, ended: bool) -> Unavailable:
        """What those hear who get no answer."""
        if self.crowded:
            outcome = "the server has ended" if ended else "this answer had no room"
            return Unavailable(
                f"the device is out of memory: {outcome}",
                "ask for fewer adapters, a shorter prompt or fewer new tokens",
            )
        if ended:
            return Unavailable(
                f"the server of model {record.name!r} has ended ({self.line})",
                "look at its log; commands and screens start a fresh one",
            )
        return Unavailable(
            f"model {record.name!r} could not give this answer ({self.line})",
            "ask for another; the server's log says more",
        )
