"""The receiving side of a model server: who may speak, what a request may be, and the line of those who wait.

It computes nothing: the server's main thread takes the jobs from the line and answers them.
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
from dataclasses import dataclass, field
from typing import Any

from store.errors import BadInput, StoreError, Unavailable
from store.files import check_name
from store.models import Model
from workbench.link import PROTOCOL, REQUEST_BYTES, ROWS, Sampling

CONNECTIONS = 32
WAITING = 64
ALIVE_SECONDS = 2.0  # between signs of life to a client that waits
READ_SECONDS = 30  # a client must have sent its request by then
WRITE_SECONDS = 5  # a client that does not read is given up
_PEER = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED
_TIMEOUT = struct.Struct("ll")


@dataclass(frozen=True)
class Request:
    """A checked `generate` request; its rows are the prompts times the adapters."""

    prompts: tuple[str, ...]
    adapters: tuple[str | None, ...]
    sampling: Sampling


@dataclass
class Job:
    """A request in line, and two flags between the thread that listens and the one that computes."""

    request: Request
    reply: Reply
    cancelled: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)


class Reply:
    """The writing side of one connection; two threads may write."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lock = threading.Lock()
        self._broken = False

    def send(self, event: str, **values: Any) -> None:
        """Send one event.

        Raises:
            OSError: The client is gone or does not read.
        """
        with self._lock:
            if self._broken:
                raise BrokenPipeError
            try:
                self.connection.sendall(json.dumps({"event": event, **values}).encode() + b"\n")
            except OSError:
                # Half a line may be out: whatever followed would be read as its end.
                self._broken = True
                raise

    def try_send(self, event: str, **values: Any) -> bool:
        """Send one event; say whether the client was there to take it."""
        try:
            self.send(event, **values)
        except OSError:
            return False
        return True

    def try_send_error(self, error: StoreError) -> None:
        """End the answer with an error, if anybody is left to hear it."""
        self.try_send("error", kind=type(error).__name__, what=error.what, remedy=error.remedy)


class Reception:
    """What the threads share: the model's record, the requests in line, and whether to stop."""

    def __init__(self, record: Model, idle_seconds: float) -> None:
        self.record = record
        self.idle_seconds = idle_seconds
        self.state = "loading"
        self.adapters: list[str] = []
        self.stopping = threading.Event()
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
                if _peer_uid(connection) == os.geteuid():
                    self._answer_all(connection)
        finally:
            self._places.release()

    def _answer_all(self, connection: socket.socket) -> None:
        for option, seconds in ((socket.SO_RCVTIMEO, READ_SECONDS), (socket.SO_SNDTIMEO, WRITE_SECONDS)):
            connection.setsockopt(socket.SOL_SOCKET, option, _TIMEOUT.pack(seconds, 0))
        reply = Reply(connection)
        reply.send(
            "hello",
            protocol=PROTOCOL,
            model=self.record.name,
            fingerprint=self.record.fingerprint,
            pid=os.getpid(),
        )
        with connection.makefile("rb") as reader:
            while text := reader.readline(REQUEST_BYTES + 1):
                try:
                    self._answer(parse(text), reply)
                except StoreError as error:
                    reply.try_send_error(error)
                    if not text.endswith(b"\n"):
                        return

    def _answer(self, request: Request | str, reply: Reply) -> None:
        if isinstance(request, Request):
            self._follow(self._enqueue(request, reply))
            return
        if request == "shutdown":
            # First of all: who asks for it may hang up at once.
            os.kill(os.getpid(), signal.SIGTERM)
        if request == "status":
            reply.send("status", **self._status())
        reply.send("done")

    def _enqueue(self, request: Request, reply: Reply) -> Job:
        job = Job(request, reply)
        try:
            self.jobs.put_nowait(job)
        except queue.Full as error:
            raise Unavailable(f"{WAITING} requests wait already", "ask again in a moment") from error
        return job

    def _follow(self, job: Job) -> None:
        """Watch the client until its answer is complete; if it leaves or speaks, the answer is cut off."""
        try:
            while not job.finished.is_set():
                readable, _, _ = select.select([job.reply.connection], [], [], ALIVE_SECONDS)
                if readable:
                    job.cancelled.set()
                    job.finished.wait()
                elif not job.finished.is_set():
                    job.reply.send("alive")
        finally:
            job.cancelled.set()

    def _status(self) -> dict[str, Any]:
        return {
            "model": self.record.name,
            "pid": os.getpid(),
            "state": self.state,
            "adapters": self.adapters,
            "waiting": self.jobs.qsize(),
            "idle_seconds": self.idle_seconds,
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
        if name is not None:
            check_name(name)
    if len(prompts) * len(adapters) > ROWS:
        raise BadInput(f"{len(prompts) * len(adapters)} answers are asked for", f"ask for at most {ROWS}")
    return Request(tuple(prompts), tuple(adapters), Sampling(**sampling))


def _peer_uid(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[1])


def _list_of(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether this is a list of one or more values of a kind."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)
