"""`workbench --web`: the same screens in a browser on this machine, each page with a process of its own.

textual-serve does the work. What it lacks is added here: it lets in only who knows the key of the address,
answers to no other name than loopback's, and its page asks nothing of other machines.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import socket
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

from store.errors import Unavailable
from workbench.cli.drawing import words
from workbench.cli.output import note
from workbench.processes import module_argv
from workbench.settings import UiSection

HOST = "127.0.0.1"
KEY = "key"


def serve(root: Path, ui: UiSection, port: int) -> None:
    """Serve the screens of a store to browsers on this machine, until interrupted.

    Args:
        root: The store's folder.
        ui: What the settings and the command line say about drawing.
        port: On the loopback interface.

    Raises:
        Unavailable: The port is taken.
    """
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        why = f"port {port} is not free ({error.strerror})"
        raise Unavailable(why, "choose another --port") from error
    if ui.color == "auto":
        ui = replace(ui, color="truecolor")  # the server's own terminal says nothing of the browser
    # textual-serve hands a line to a shell, of words that are quoted one by one; exec leaves no shell behind.
    line = shlex.join(module_argv("workbench", "--store", str(root), *words(ui)))
    Loopback(f"exec {line}", port).listen(listening)


class Loopback(Server):
    """Serves on loopback, behind a key that opens the first page; a cookie opens what follows.

    Args:
        command: Starts the screens of one page.
        port: On the loopback interface.
    """

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host=HOST, port=port, title="workbench")
        self._place, self._port = f"{HOST}:{port}", port
        self._key = secrets.token_urlsafe(24)

    def listen(self, listening: socket.socket) -> None:
        """Serve until interrupted; nothing is logged, for addresses hold the key."""
        web.run_app(self._make_app(), sock=listening, access_log=None, print=self._announce)

    def _announce(self, *_told: object) -> None:
        note(f"the screens are at http://{self._place}/?{KEY}={self._key}")
        note(f"only this machine reaches them; from another one: ssh -L {self._port}:{self._place} HOST")
        note("ctrl+c ends")

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing on stdout, as textual-serve would."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(_guard(self._key, self._place))
        app.on_response_prepare.append(self._confine)
        return app

    async def _confine(self, _request: web.Request, response: web.StreamResponse) -> None:
        # textual-serve's page names a font on a foreign server.
        policy = f"default-src 'self' 'unsafe-inline' data: ws://{self._place}; frame-ancestors 'none'"
        response.headers["Content-Security-Policy"] = policy


def _guard(key: str, place: str) -> Middleware:
    """Keep out other users of the machine, and other sites in the user's own browser."""
    cookie = f"workbench-{place.rpartition(':')[2]}"  # cookies do not know ports

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != place or request.headers.get("Origin", f"http://{place}") != f"http://{place}":
            raise web.HTTPForbidden(text="this is not the address that `workbench --web` told")
        if hmac.compare_digest(request.query.get(KEY, "").encode(), key.encode()):
            opened = web.HTTPFound("/")
            opened.set_cookie(cookie, key, httponly=True, samesite="Strict")
            raise opened
        if not hmac.compare_digest(request.cookies.get(cookie, "").encode(), key.encode()):
            raise web.HTTPForbidden(text="open the address that `workbench --web` told: it holds the key")
        return await handler(request)

    return guard
