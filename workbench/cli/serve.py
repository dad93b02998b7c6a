"""`workbench serve`: a model server in the foreground, on a Unix socket, until it is interrupted."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click

from store import Store
from store.errors import BadInput, Unavailable
from workbench.cli.output import cell, note
from workbench.cli.session import Session, json_option, pass_session
from workbench.client import ServerStatus, server_status
from workbench.link import socket_path
from workbench.processes import module_argv, worker_environment

FOREVER_SECONDS = 1e9  # in the foreground a person ends it, not a clock
POLL_SECONDS = 0.2
END_SECONDS = 10.0


@click.command()
@click.option("--model", metavar="M", help="The base model; may be left out where the store has only one.")
@click.option(
    "--socket", type=click.Path(path_type=Path), metavar="PATH", help="A second name for the server's socket."
)
@json_option
@pass_session
def command(session: Session, model: str | None, socket: Path | None) -> None:
    """Keep a base model loaded and answer on a Unix socket until ctrl+c.

    `workbench generate` and the Compare screen of the same store find it by themselves.
    """
    with session.open_store() as store:
        name, root = _chosen(store, model), store.root
    _refuse_second(root, name)
    with _server(root, name) as child, _second_name(socket, socket_path(root, name)):
        status = _ready(child, root, name)
        where = socket.absolute() if socket else socket_path(root, name)
        document = {"model": name, "socket": where, "pid": status.pid}
        session.show(
            document, f"serving {cell(name)} on {cell(where)} (process {status.pid}); ctrl+c ends it"
        )
        code = child.wait()
    raise Unavailable(f"the server of {name!r} ended with exit code {code}", "its last lines above say why")


def _chosen(store: Store, model: str | None) -> str:
    if model is not None:
        return store.models.get(model).name
    names = [each.name for each in store.models.list()]
    if len(names) != 1:
        held = f"the store has {', '.join(names)}" if names else "the store has no models yet"
        raise BadInput(held, "name one with --model" if names else "add one: workbench model add SOURCE")
    return names[0]


def _refuse_second(root: Path, name: str) -> None:
    for status in server_status(root):
        if status.model == name:
            raise Unavailable(
                f"{name!r} is served already, by process {status.pid}",
                f"use that one: it answers `workbench generate`; or end it: kill {status.pid}",
            )


@contextlib.contextmanager
def _server(root: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server as a child; whatever ends this process in order ends the child too."""
    arguments = [
        "--store",
        str(root),
        "--nonce",
        secrets.token_hex(16),
        "--idle-seconds",
        str(FOREVER_SECONDS),
    ]
    child = subprocess.Popen(
        module_argv("workbench.worker", "serve", name, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # our stdout holds the one document
        env=worker_environment(),
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
        for status in server_status(root):
            if status.model == name and status.state != "loading":
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
