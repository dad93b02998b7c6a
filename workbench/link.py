"""The line between a client and a model server: where its socket is, and what is said on it.

A server greets with `hello`; the client sends one request, a JSON object on a line; the server answers with
events, one JSON object on a line each, the last of them `done` or `error`:

    hello     {"protocol", "model", "fingerprint", "pid"}
    generate  {"op", "prompts": [text], "adapters": [name or null], "sampling": {...}}
              -> text {"row", "text"} as it is spoken, for each row
                 end {"row", "text", "tokens", "seconds", "cut", "broken"}: whether it was cut off where its
                 tokens or the model's places ended, or ended because its scores were not numbers;
                 rows are prompts times adapters, the adapters of the first prompt first;
                 text has "tokens": [{"id", "text", "chance", "top": [[id, text, chance]]}] where the
                 sampling asks for alternatives; note {"text"} at any time
    status    {"op"} -> status {"model", "pid", "state", "adapters", "waiting", "idle_seconds", "port"}
    shutdown  {"op"}
    alive     every two seconds to a client that waits

A client that leaves, or sends anything while it is answered, cuts its answer off.
This module starts no process and keeps no state.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from store.errors import BadInput, Conflict, NotFound, StoreError, Unavailable
from store.files import private_folder

PROTOCOL = 1
REQUEST_BYTES = 1_000_000  # a longer line is refused by the server
ALTERNATIVES = 20
ROWS = 32  # prompts times adapters of one request
SILENCE_SECONDS = 60.0  # a server that lives says something every two
_ANSWER_BYTES = 16_000_000
_ERRORS: dict[str, type[StoreError]] = {
    kind.__name__: kind for kind in (BadInput, NotFound, Conflict, Unavailable)
}


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen; greedy unless a temperature is given.

    Raises:
        BadInput: A value out of its range.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    top_p: float = 1.0
    alternatives: int = 0  # likeliest tokens told for each one spoken

    def __post_init__(self) -> None:
        """Refuse what no model could follow; all faults are named at once."""
        rules = {
            f"max_new_tokens {self.max_new_tokens!r} is not a whole number from 1 to 8192": _whole(
                self.max_new_tokens, 1, 8192
            ),
            f"temperature {self.temperature!r} is not a number from 0 to 10": _number(
                self.temperature, 0, 10
            ),
            f"seed {self.seed!r} is not a whole number from 0 to 2^63 - 1": _whole(self.seed, 0, 2**63 - 1),
            f"top_p {self.top_p!r} is not a number above 0 and up to 1": _number(self.top_p, 1e-9, 1),
            f"alternatives {self.alternatives!r} is not a whole number from 0 to {ALTERNATIVES}": _whole(
                self.alternatives, 0, ALTERNATIVES
            ),
        }
        faults = [fault for fault, kept in rules.items() if not kept]
        if faults:
            raise BadInput("; ".join(faults), "give a value in that range")


@dataclass(frozen=True)
class TokenDetail:
    """One token that was spoken, and what could have been: probabilities by the model alone, untempered.

    Attributes:
        id: In the model's vocabulary; -1 where an engine elsewhere does not tell it.
        text: What it stands for; where a character takes several tokens, not quite.
        chance: Its probability.
        top: The likeliest tokens in its place, each an id, a text and a chance, the likeliest first.
    """

    id: int
    text: str
    chance: float
    top: tuple[tuple[int, str, float], ...]


class Lost(Unavailable):
    """The server ended in the middle of a conversation."""


class Link:
    """The client's end of a line to a server that has greeted; one request at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lines = connection.makefile("rb")
        self.model = ""
        hello = self._receive()
        if hello.get("protocol") != PROTOCOL:
            raise Unavailable(
                f"the model server speaks protocol {hello.get('protocol')!r}, not {PROTOCOL}",
                f"end it: kill {hello.get('pid')}",
            )
        self.model = str(hello["model"])
        self.fingerprint: str = hello["fingerprint"]
        self.pid: int = hello["pid"]

    def send(self, request: dict[str, Any]) -> None:
        """Send one request.

        Raises:
            BadInput: It is longer than a server takes.
            Lost: The server is gone.
        """
        line = json.dumps(request).encode() + b"\n"
        if len(line) > REQUEST_BYTES:
            raise BadInput(
                f"the request has {len(line):,} bytes, more than {REQUEST_BYTES:,}", "shorten the prompt"
            )
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise self._lost(error) from error

    def events(self) -> Iterator[dict[str, Any]]:
        """The answer to the last request, event by event, up to its end.

        Raises:
            StoreError: What the server says went wrong.
            Lost: The server ended, or fell silent.
        """
        while True:
            event = self._receive()
            if event["event"] == "done":
                return
            if event["event"] == "error":
                raise error_of(event)
            if event["event"] != "alive":
                yield event

    def hang_up(self) -> None:
        """End the conversation from another thread: who listens is told that the server is lost."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up; an answer under way is cut off."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._lines.readline(_ANSWER_BYTES)
        except OSError as error:
            raise self._lost(error) from error
        if not line.endswith(b"\n"):
            raise self._lost(None)
        event: dict[str, Any] = json.loads(line)
        return event

    def _lost(self, error: OSError | None) -> Lost:
        who = f"the server of model {self.model!r}" if self.model else "the model server"
        if isinstance(error, TimeoutError):
            return Lost(f"{who} has been silent for {SILENCE_SECONDS:.0f} s", "end it and ask again")
        return Lost(f"{who} ended while it was asked", "ask again: it is started anew")


def connect(root: Path, model: str) -> Link | None:
    """Call a model's server.

    Returns:
        The line, or None when nobody answers.

    Raises:
        Unavailable: Something else answers.
    """
    connection = dial(socket_path(root, model), SILENCE_SECONDS)
    if connection is None:
        return None
    try:
        return Link(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, Lost):
            return None
        raise


def dial(path: Path, seconds: float) -> socket.socket | None:
    """Connect to a Unix socket, whose every operation may then take so many seconds; None: nobody answers.

    Raises:
        Unavailable: So many wait there that nobody is accepted.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        # A socket's path may have 107 bytes at most; a descriptor of the socket's file has a short one.
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _connect(connection, f"/proc/self/fd/{descriptor}", seconds)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(connection: socket.socket, place: str, seconds: float) -> None:
    """Connect; a Unix socket with a time limit does not wait by itself where others wait already."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connection.connect(place)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise Unavailable("the model server has too many clients", "ask again in a moment") from error
        time.sleep(0.01)


def error_event(error: StoreError) -> dict[str, Any]:
    """The event that tells an error."""
    return {"event": "error", "kind": type(error).__name__, "what": error.what, "remedy": error.remedy}


def error_of(event: dict[str, Any]) -> StoreError:
    """The error that an event tells."""
    return _ERRORS.get(event["kind"], Unavailable)(event["what"], event["remedy"])


def detail(told: dict[str, Any]) -> TokenDetail:
    """Read one entry of a text event's `tokens`."""
    top = tuple((number, text, chance) for number, text, chance in told["top"])
    return TokenDetail(told["id"], told["text"], told["chance"], top)


def serving_folder(root: Path) -> Path:
    """The folder of sockets, locks and logs, 0700; it is made where it is missing."""
    return private_folder(root / "serve")


def socket_path(root: Path, model: str) -> Path:
    """The socket that a model's server listens on."""
    return serving_folder(root) / f"{model}.sock"


def http_path(root: Path, model: str) -> Path:
    """The socket on which a model's server answers OpenAI's HTTP API."""
    return serving_folder(root) / f"{model}.http"


def lock_path(root: Path, model: str) -> Path:
    """The lock that a model's server holds for its life."""
    return serving_folder(root) / f"{model}.lock"


def log_path(root: Path, model: str) -> Path:
    """What a model's server prints."""
    return serving_folder(root) / f"{model}.log"


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
