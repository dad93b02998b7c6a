"""`workbench serve`: a model server in the foreground, OpenAI's API included, until it is interrupted."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import click

from store import Store
from store.errors import BadInput, Unavailable
from workbench.cli.output import cell, note
from workbench.cli.session import Session, json_option, pass_session
from workbench.link import http_path
from workbench.processes import module_argv, worker_environment
from workbench.serving import TOKEN_VARIABLE, ServerStatus, health, status_of

SHORTEST_TOKEN = 16
FOREVER_SECONDS = 1e9  # in the foreground a person ends it, not a clock
POLL_SECONDS = 0.2
END_SECONDS = 10.0


@click.command()
@click.option("--model", metavar="M", help="The base model; may be left out where the store has only one.")
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A name of your choice for the Unix socket of the HTTP API.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help="A TCP port of 127.0.0.1 for clients that show the token; 0 takes a free one.",
)
@click.option("--check", is_flag=True, help="See that the running server speaks a token; start none.")
@json_option
@pass_session
def command(session: Session, model: str | None, socket: Path | None, port: int | None, check: bool) -> None:
    """Keep a base model loaded and answer OpenAI's HTTP API until ctrl+c.

    `workbench generate` and the Compare screen of the same store find it by themselves. Any OpenAI client can
    ask it, with the base's or an adapter's name as the model: on a Unix socket that only you can reach, and
    with --port on 127.0.0.1, with a token that is shown once or is taken from WORKBENCH_TOKEN.
    """
    with session.open_store() as store:
        name, root = _chosen(store, model), store.root
    if check:
        seconds = health(root, name)
        session.show({"model": name, "seconds": seconds}, f"{cell(name)} spoke a token in {seconds:.2f} s")
        return
    _refuse_second(root, name)
    token = _token() if port is not None else ""
    with _server(root, name, port, token) as child, _second_name(socket, http_path(root, name)):
        status = _ready(child, root, name)
        where = socket.absolute() if socket else http_path(root, name)
        _tell(session, status, where, token)
        code = child.wait()
    raise Unavailable(f"the server of {name!r} ended with exit code {code}", "its last lines above say why")


def _token() -> str:
    """The token that clients on the port must show: the user's own, or a fresh one."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        return secrets.token_urlsafe(32)
    if len(token) < SHORTEST_TOKEN or not all("!" <= letter <= "~" for letter in token):
        raise BadInput(
            f"{TOKEN_VARIABLE} is no good token",
            f"take {SHORTEST_TOKEN} or more letters and digits, or unset it to have one made",
        )
    return token


def _tell(session: Session, status: ServerStatus, where: Path, token: str) -> None:
    """Show where it answers, and a token that was made here; a person's own is known already."""
    document: dict[str, Any] = {"model": status.model, "socket": where, "pid": status.pid}
    text = f"serving {cell(status.model)} on {cell(where)} (process {status.pid}); ctrl+c ends it"
    if status.port is not None:
        url = f"http://127.0.0.1:{status.port}/v1"
        document |= {"port": status.port, "url": url}
        text = (
            f"serving {cell(status.model)} on {url} and {cell(where)} (process {status.pid}); ctrl+c ends it"
        )
        if not os.environ.get(TOKEN_VARIABLE):
            document["token"] = token
            if not session.as_json:
                note(f"token: {token}")
    session.show(document, text)


def _chosen(store: Store, model: str | None) -> str:
    if model is not None:
        return store.models.get(model).name
    names = [each.name for each in store.models.list()]
    if len(names) != 1:
        held = f"the store has {', '.join(names)}" if names else "the store has no models yet"
        raise BadInput(held, "name one with --model" if names else "add one: workbench model add SOURCE")
    return names[0]


def _refuse_second(root: Path, name: str) -> None:
    status = status_of(root, name)
    if status is not None:
        raise Unavailable(
            f"{name!r} is served already, by process {status.pid}",
            f"use that one: it answers `workbench generate`; or end it: kill {status.pid}",
        )


@contextlib.contextmanager
def _server(root: Path, name: str, port: int | None, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server as a child; whatever ends this process in order ends the child too."""
    arguments = [
        "--store",
        str(root),
        "--nonce",
        secrets.token_hex(16),
        "--idle-seconds",
        str(FOREVER_SECONDS),
        *([] if port is None else ["--port", str(port)]),
    ]
    child = subprocess.Popen(
        module_argv("workbench.worker", "serve", name, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # our stdout holds the one document
        # Not among the arguments, which every user of the machine can read.
        env=worker_environment({TOKEN_VARIABLE: token} if token else None),
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()


def _ready(child: subprocess.Popen[bytes], root: Path, name: str) -> ServerStatus:
    note(f"loading {cell(name)}")
    while child.poll() is None:
        status = status_of(root, name)
        if status is not None and status.state != "loading":
            return status
        time.sleep(POLL_SECONDS)
    raise Unavailable(f"the server of {name!r} did not start", "its last lines above say why")


@contextlib.contextmanager
def _second_name(path: Path | None, target: Path) -> Iterator[None]:
    """Let the socket be found under a path of the user's: one connects through a link as to the socket."""
    if path is None:
        yield
        return
    try:
        path.symlink_to(target)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be made ({error.strerror})", "name a path that does not exist yet"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
