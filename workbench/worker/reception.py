"""The receiving side of a model server: who may speak, what a request may be, and the line of those who wait.

It computes nothing: the server's main thread takes the jobs from the line and answers them. Nor does that
thread ever wait for a reader: it hands its events over, and the thread of each connection passes them on.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from store.adapters import MARK
from store.errors import BadInput, StoreError, Unavailable
from store.files import check_name
from store.models import Model
from workbench import link
from workbench.link import PROTOCOL, REQUEST_BYTES, ROWS, Sampling

CONNECTIONS = 32
WAITING = 64
ALIVE_SECONDS = 2.0  # between signs of life to a client that waits
READ_SECONDS = 30  # a client must have sent its request by then
WRITE_SECONDS = 5  # a client that does not read is given up
_LOOK_SECONDS = 0.25  # between looks at a client to whom nothing is to be said
_PEER = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED
_TIMEOUT = struct.Struct("ll")


@dataclass(frozen=True)
class Request:
    """A checked `generate` request; its rows are the prompts times the adapters.

    Attributes:
        prompts: Each a text as a person types it, or the very ids that the model is shown.
        adapters: Names; None is the base.
        sampling: How tokens are chosen.
    """

    prompts: tuple[str | tuple[int, ...], ...]
    adapters: tuple[str | None, ...]
    sampling: Sampling


class Reply(Protocol):
    """Takes the events of an answer from the thread that computes, and lets it go on at once."""

    def put(self, event: dict[str, Any]) -> None:
        """Take one event; the last is `done` or `error`."""


@dataclass
class Job:
    """A request in line, and two flags between the thread that listens and the one that computes.

    Attributes:
        cancelled: Nobody wants the rest of the answer.
        told: All of it has been passed on, or never will be.
    """

    request: Request
    reply: Reply
    cancelled: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)

    def finish(self, error: StoreError | None = None) -> None:
        """End the answer, with an error if there is one."""
        if error is None:
            self.reply.put({"event": "done"})
        else:
            self.reply.put(link.error_event(error))


class LineReply:
    """Events on their way to the thread of one connection."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def put(self, event: dict[str, Any]) -> None:
        """Take one event."""
        self.events.put(event)


class Reception:
    """What the threads share: the model's record, the requests in line, and whether to stop."""

    def __init__(self, record: Model, idle_seconds: float) -> None:
        self.record = record
        self.idle_seconds = idle_seconds
        self.state = "loading"
        self.adapters: list[str] = []
        self.port: int | None = None
        self.spoken = 0.0  # when the last token was, on the monotonic clock
        self.stopping = threading.Event()
        self.broken = False  # the HTTP side has failed
        self.jobs: queue.Queue[Job] = queue.Queue(WAITING)
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    def listen(self, listener: socket.socket) -> None:
        """Take connections for as long as the process lives, each in a thread of its own."""
        while True:
            connection, _ = listener.accept()
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _converse(self, connection: socket.socket) -> None:
        try:
            # A client that leaves, stalls or breaks off ends its own conversation and nothing else.
            with connection, contextlib.suppress(OSError):
                if peer_uid(connection) == os.geteuid():
                    self._answer_all(connection)
        finally:
            self._places.release()

    def submit(self, request: Request, reply: Reply) -> Job:
        """Put a request at the end of the line.

        Raises:
            Unavailable: The line is full.
        """
        job = Job(request, reply)
        try:
            self.jobs.put_nowait(job)
        except queue.Full as error:
            raise Unavailable(f"{WAITING} requests wait already", "ask again in a moment") from error
        return job

    def _answer_all(self, connection: socket.socket) -> None:
        for option, seconds in ((socket.SO_RCVTIMEO, READ_SECONDS), (socket.SO_SNDTIMEO, WRITE_SECONDS)):
            connection.setsockopt(socket.SOL_SOCKET, option, _TIMEOUT.pack(seconds, 0))
        hello = {"protocol": PROTOCOL, "model": self.record.name, "fingerprint": self.record.fingerprint}
        _send(connection, {"event": "hello", **hello, "pid": os.getpid()})
        with connection.makefile("rb") as reader:
            while text := reader.readline(REQUEST_BYTES + 1):
                try:
                    self._answer(parse(text), connection)
                except StoreError as error:
                    _send(connection, link.error_event(error))
                    if not text.endswith(b"\n"):
                        return

    def _answer(self, request: Request | str, connection: socket.socket) -> None:
        if isinstance(request, Request):
            reply = LineReply()
            self._follow(self.submit(request, reply), reply, connection)
            return
        if request == "shutdown":
            # First of all: who asks for it may hang up at once.
            os.kill(os.getpid(), signal.SIGTERM)
        if request == "status":
            _send(connection, {"event": "status", **self._status()})
        _send(connection, {"event": "done"})

    def _follow(self, job: Job, reply: LineReply, connection: socket.socket) -> None:
        """Pass an answer on up to its end; if the client leaves or speaks, the answer is cut off."""
        sent = time.monotonic()
        event: dict[str, Any] | None = None
        try:
            while event is None or event["event"] not in ("done", "error"):
                try:
                    event = reply.events.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    event = None
                if select.select([connection], [], [], 0)[0]:
                    job.cancelled.set()
                if event is not None or time.monotonic() - sent > ALIVE_SECONDS:
                    _send(connection, event or {"event": "alive"})
                    sent = time.monotonic()
        finally:
            job.cancelled.set()
            job.told.set()

    def _status(self) -> dict[str, Any]:
        return {
            "model": self.record.name,
            "pid": os.getpid(),
            "state": self.state,
            "adapters": self.adapters,
            "waiting": self.jobs.qsize(),
            "idle_seconds": self.idle_seconds,
            "port": self.port,
        }


def parse(text: bytes) -> Request | str:
    """Read one request line.

    Args:
        text: The line as it came, at most one byte longer than allowed.

    Returns:
        A generate request, or the name of another operation.

    Raises:
        BadInput: It is too long, no JSON, or does not say what `link` describes.
    """
    if not text.endswith(b"\n"):
        raise BadInput(f"the request is cut off or longer than {REQUEST_BYTES:,} bytes", "shorten the prompt")
    try:
        asked: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("the request is no JSON object", "send one object on one line") from error
    if not isinstance(asked, dict) or asked.get("op") not in ("generate", "status", "shutdown"):
        raise BadInput("the request names no known op", "ask for generate, status or shutdown")
    if asked["op"] != "generate":
        return str(asked["op"])
    unknown = sorted(asked.keys() - {"op", "prompts", "adapters", "sampling"})
    prompts: Any = asked.get("prompts")
    adapters: Any = asked.get("adapters")
    sampling: Any = asked.get("sampling")
    if unknown or not _list_of(prompts, str) or not _list_of(adapters, (str, type(None))):
        raise BadInput("the request is no generate request", "send prompts, adapters and sampling alone")
    if not isinstance(sampling, dict) or sampling.keys() - set(Sampling.__dataclass_fields__):
        raise BadInput("the request's sampling is unknown", f"use {', '.join(Sampling.__dataclass_fields__)}")
    for name in adapters:
        for part in name.split(MARK, 1) if name is not None else ():
            check_name(part)
    if len(prompts) * len(adapters) > ROWS:
        raise BadInput(f"{len(prompts) * len(adapters)} answers are asked for", f"ask for at most {ROWS}")
    return Request(tuple(prompts), tuple(adapters), Sampling(**sampling))


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end of a Unix socket, as the kernel says."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[1])


def _send(connection: socket.socket, event: dict[str, Any]) -> None:
    connection.sendall(json.dumps(event).encode() + b"\n")


def _list_of(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether this is a list of one or more values of a kind."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)
