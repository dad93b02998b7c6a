"""Model servers as a client sees them: which ones answer, starting one, ending one.

It asks them nothing but how they are; what they are for is the client's business.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from store.errors import Unavailable
from store.models import Model
from workbench import link, processes
from workbench.link import Link, Lost
from workbench.settings import load_settings

TOKEN_VARIABLE = "WORKBENCH_TOKEN"  # noqa: S105 (a name, not a secret)
HEALTH_SECONDS = 20.0
START_SECONDS = 60.0  # from a new process to its greeting; loading the model comes after that
_POLL_SECONDS = 0.05
_LOG_BYTES = 1_000_000


@dataclass(frozen=True)
class ServerStatus:
    """A model server that answers now.

    Attributes:
        model: The base it holds.
        pid: Its process.
        state: `loading`, `ready` or `busy`.
        adapters: Names of the resident adapters, the latest used last.
        waiting: Requests in line.
        idle_seconds: After how long without a request it ends.
        port: The TCP port on loopback where it answers too, if one was asked for.
    """

    model: str
    pid: int
    state: str
    adapters: tuple[str, ...]
    waiting: int
    idle_seconds: float
    port: int | None = None


def server_status(root: Path) -> list[ServerStatus]:
    """The model servers of this store that answer now."""
    models = [path.name.removesuffix(".sock") for path in link.serving_folder(root).glob("*.sock")]
    asked = [status_of(root, model) for model in sorted(models)]
    return [status for status in asked if status is not None]


def status_of(root: Path, model: str) -> ServerStatus | None:
    """How a model's server is; None where none answers, or it ends as it is asked."""
    line = link.connect(root, model)
    if line is None:
        return None
    with line, contextlib.suppress(Lost):
        line.send({"op": "status"})
        for event in line.events():
            event.pop("event")
            return ServerStatus(**event | {"adapters": tuple(event["adapters"])})
    return None


def stop_server(root: Path, model: str) -> bool:
    """End a model's server and wait until it is gone; what it is answering is cut off.

    Returns:
        Whether there was one.

    Raises:
        Unavailable: It does not end.
    """
    line = link.connect(root, model)
    if line is None:
        return False
    with line:
        line.send({"op": "shutdown"})
    deadline = time.monotonic() + START_SECONDS
    while processes.held(link.lock_path(root, model)):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the server of model {model!r} (process {line.pid}) does not end",
                f"end it: kill -9 {line.pid}",
            )
        time.sleep(_POLL_SECONDS)
    return True


def health(root: Path, model: str) -> float:
    """See that a model's server really speaks: one token from the bare base.

    Returns:
        How many seconds that took.

    Raises:
        Unavailable: There is no server, or it does not speak.
    """
    connection = link.dial(link.http_path(root, model), HEALTH_SECONDS)
    if connection is None:
        raise Unavailable(f"model {model!r} has no server", f"start one: workbench serve --model {model}")
    with connection:
        try:
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError as error:
            told = f"the server of model {model!r} does not answer ({error})"
            raise Unavailable(told, f"its log is {link.log_path(root, model)}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body or b"{}")
    if head.partition(b"\r\n")[0].split()[1:2] == [b"200"]:
        return float(document["seconds"])
    what, _, remedy = document.get("error", {}).get("message", "").partition("; ")
    raise Unavailable(
        what or f"the server of model {model!r} ended while it was asked",
        remedy or f"its log is {link.log_path(root, model)}",
    )


def reach(root: Path, record: Model) -> Link:
    """A line to the server of exactly this model, which is started where none answers.

    One that holds another model of that name is replaced.

    Raises:
        Unavailable: It does not start.
    """
    line = link.connect(root, record.name)
    if line is not None and line.fingerprint != record.fingerprint:
        line.close()
        stop_server(root, record.name)
        line = None
    return line or _start(root, record.name)


def _start(root: Path, model: str) -> Link:
    log = link.log_path(root, model)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.unlink()
    nonce = secrets.token_hex(16)
    idle = str(load_settings(Path.cwd()).serve.idle_seconds)
    argv = processes.module_argv("workbench.worker", "serve", model, "--store", str(root.absolute()))
    processes.start([*argv, "--nonce", nonce, "--idle-seconds", idle], log=log, cwd=log.parent)
    started = processes.find(nonce)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Ours, or one that another client started a moment before.
        coming = processes.lives(started) or processes.held(link.lock_path(root, model))
        line = link.connect(root, model)
        if line is not None:
            return line
        if not coming:
            break
        time.sleep(_POLL_SECONDS)
    raise Unavailable(
        f"the server of model {model!r} did not start ({processes.last_line(log)})", f"its log is {log}"
    )
