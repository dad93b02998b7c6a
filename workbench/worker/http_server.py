"""OpenAI's HTTP API in a thread of the model server: who may speak, what is answered, and at which pace.

It computes nothing: requests go into the same line as all others, and their events come back to this
thread's loop. A client that leaves or stops reading loses its answer, and nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import json
import logging
import os
import socket
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from store import open_store
from store.errors import NotFound, StoreError, Unavailable
from workbench.composing.masking import Codec, load_codec
from workbench.link import REQUEST_BYTES, Sampling, error_of
from workbench.worker.failures import not_numbers
from workbench.worker.http_replies import (
    Choice,
    Delta,
    Writer,
    error_document,
    model_entry,
    refusal,
)
from workbench.worker.http_requests import Asked, read_asked
from workbench.worker.listening import LOOPBACK
from workbench.worker.reception import (
    CONNECTIONS,
    READ_SECONDS,
    WRITE_SECONDS,
    Reception,
    Request,
    peer_uid,
)

HEALTH_SECONDS = 10.0  # a server that speaks no token within is not well
KEEP_SECONDS = 75.0  # a connection without a request
_PASS_SECONDS = 0.25
_FRESH_SECONDS = 2.0  # a token as young as that is proof of health

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpReply:
    """Events on their way from the thread that computes to this loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def put(self, event: dict[str, Any]) -> None:
        """Take one event, on any thread."""
        self._loop.call_soon_threadsafe(self.events.put_nowait, event)


def run(reception: Reception, root: Path, listeners: list[socket.socket], token: str) -> None:
    """Answer HTTP for as long as the process lives.

    Args:
        reception: Where requests wait in line.
        root: The store's folder.
        listeners: Unix sockets, whose peers must be of this user, and TCP sockets, whose must show the token.
        token: That token.
    """
    asyncio.run(_run(Service(reception, root, token), listeners))


async def _run(service: Service, listeners: list[socket.socket]) -> None:
    for listener in listeners:
        await _open(service, listener)
    await asyncio.Event().wait()


async def _open(service: Service, listener: socket.socket) -> None:
    """Accept on one socket; strangers who fill the port up keep nobody from the other."""
    silent = logging.getLogger("workbench.http")  # what clients send wrongly is told to them alone
    silent.propagate = False
    silent.addHandler(logging.NullHandler())
    runner = web.AppRunner(
        service.application(),
        access_log=None,
        logger=silent,
        keepalive_timeout=KEEP_SECONDS,
        auto_decompress=False,
        handler_cancellation=True,
    )
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("the HTTP side was not set up")

    def welcome() -> asyncio.Protocol:
        if len(server.connections) >= CONNECTIONS:
            return _Full()
        handler = server()
        service.expect(handler)
        return handler

    # One connection per turn of the loop, so that those before it are counted; many may wait meanwhile.
    await asyncio.get_running_loop().create_server(welcome, sock=listener, backlog=1)
    listener.listen(CONNECTIONS)


class _Full(asyncio.Protocol):
    """Hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class Service:
    """What the routes share.

    Args:
        reception: Where requests wait in line.
        root: The store's folder.
        token: What clients on TCP must show.
    """

    def __init__(self, reception: Reception, root: Path, token: str) -> None:
        self._reception = reception
        self._record = reception.record
        self._root = root
        self._token = token
        self._hosts = {
            f"{name}{port}" for name in (LOOPBACK, "localhost") for port in ("", f":{reception.port}")
        }
        self._silent: dict[object, asyncio.TimerHandle] = {}  # connections that have not asked anything yet

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[self._guard], client_max_size=REQUEST_BYTES)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{name:.+}", self._model),
                web.post("/v1/completions", functools.partial(self._complete, chat=False)),
                web.post("/v1/chat/completions", functools.partial(self._complete, chat=True)),
            ]
        )
        return app

    def expect(self, handler: web.RequestHandler) -> None:
        """Hang up on a new connection if it asks nothing in time."""
        self._silent[handler] = asyncio.get_running_loop().call_later(READ_SECONDS, self._give_up, handler)

    def _give_up(self, handler: web.RequestHandler) -> None:
        del self._silent[handler]
        handler.force_close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody in who may not speak, and tell every fault as OpenAI's clients know it."""
        timer = self._silent.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        refused = self._refused(request)
        if refused is not None:
            return _error(*refused)
        try:
            return await handler(request)
        except StoreError as error:
            status, document = refusal(error)
            return web.json_response(document, status=status)
        except web.HTTPException as error:
            return _error(error.status, error.reason, "invalid_request_error")
        except TimeoutError:
            return _error(408, "the request did not come to its end in time", "invalid_request_error")
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 (the request's door: every end is told)
            traceback.print_exc()
            return _error(500, "the model server has a fault; its log says more", "server_error")

    def _refused(self, request: web.Request) -> tuple[int, str, str] | None:
        """Why a request is not let in: its status, what is told, and of which kind that is."""
        connection = request.get_extra_info("socket")
        if connection is None:
            return 400, "the connection is closed", "invalid_request_error"
        if connection.family == socket.AF_UNIX:
            same = peer_uid(connection) == os.geteuid()
            return None if same else (403, "this socket is another user's", "permission_error")
        # A page in a browser can reach loopback, by a name of its own that points there too.
        if request.headers.get("Host") not in self._hosts or "Origin" in request.headers:
            return 403, f"ask {LOOPBACK} or localhost, and not from a web page", "permission_error"
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(shown, f"Bearer {self._token}".encode()):
            return None
        return (
            401,
            "the token is missing or wrong: `workbench serve` shows it when it starts",
            "invalid_api_key",
        )

    async def _health(self, request: web.Request) -> web.Response:  # noqa: ARG002 (aiohttp's signature)
        """Well is who speaks: a token of a moment ago, or one that the bare base speaks now."""
        reception = self._reception
        if reception.state == "loading":
            raise Unavailable(f"model {self._record.name!r} is loading", "ask again in a moment")
        began = time.monotonic()
        if reception.state != "busy" or began - reception.spoken > _FRESH_SECONDS:
            codec = await asyncio.to_thread(lambda: self._codec)
            probe = Request(((codec.eos,),), (None,), Sampling(max_new_tokens=1))
            try:
                async with asyncio.timeout(HEALTH_SECONDS):
                    async for _ in self._events(probe):
                        pass
            except TimeoutError as error:
                # The probe waits in line: what is spoken before its turn is proof as well.
                if time.monotonic() - reception.spoken > _FRESH_SECONDS:
                    told = f"the engine has spoken no token in {HEALTH_SECONDS:.0f} s"
                    raise Unavailable(told, "look at its log, or end it") from error
        return web.json_response(
            {"status": "ok", "model": self._record.name, "seconds": time.monotonic() - began}
        )

    async def _models(self, request: web.Request) -> web.Response:  # noqa: ARG002 (aiohttp's signature)
        return web.json_response({"object": "list", "data": await asyncio.to_thread(self._entries)})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for entry in await asyncio.to_thread(self._entries):
            if entry["id"] == name:
                return web.json_response(entry)
        raise NotFound(f"the model {name!r} does not exist", "GET /v1/models lists them")

    def _entries(self) -> list[dict[str, Any]]:
        """The base and its adapters."""
        base = self._record
        with open_store(self._root, create=False) as store:
            adapters = store.adapters.list()
        fitting = [each for each in adapters if each.model_fingerprint == base.fingerprint]
        return [model_entry(base, base), *(model_entry(each, base) for each in fitting)]

    @functools.cached_property
    def _codec(self) -> Codec:
        return load_codec(self._record.path, self._record.family)

    async def _complete(self, request: web.Request, *, chat: bool) -> web.StreamResponse:
        async with asyncio.timeout(READ_SECONDS):
            raw = await request.read()
        asked = await asyncio.to_thread(lambda: read_asked(raw, self._record, self._codec, chat=chat))
        # Those of the first prompt first.
        choices = [Choice(index, asked) for index in range(len(asked.prompts) * len(asked.samplings))]
        async with contextlib.aclosing(self._deltas(asked, choices)) as deltas:
            if asked.stream:
                return await self._stream(request, asked, choices, deltas)
            said = [delta async for delta in deltas]
        return web.json_response(Writer(asked).whole(said, sum(each.tokens for each in choices)))

    async def _stream(
        self, request: web.Request, asked: Asked, choices: list[Choice], deltas: AsyncIterator[Delta]
    ) -> web.StreamResponse:
        """Send an answer as it is spoken; what goes wrong before the first word still has its own status."""
        writer = Writer(asked)
        first = await anext(deltas)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        opened: set[int] = set()
        try:
            async for delta in _with_first(first, deltas):
                if asked.chat and delta.index not in opened:
                    opened.add(delta.index)
                    await _send(request, response, writer.opening(delta.index))
                await _send(request, response, writer.chunk(delta))
            if asked.streams_usage:
                await _send(request, response, writer.closing(sum(each.tokens for each in choices)))
            await _write(request, response, b"data: [DONE]\n\n")
        except StoreError as error:
            await _send(request, response, refusal(error)[1])
        except ConnectionError:
            raise
        except Exception as error:
            # The head has gone out: all that can still be said is that this is not the whole answer.
            traceback.print_exc()
            raise ConnectionAbortedError("the answer cannot be finished") from error
        await response.write_eof()
        return response

    async def _deltas(self, asked: Asked, choices: list[Choice]) -> AsyncGenerator[Delta, None]:
        """What is said, up to the end of every choice."""
        count = len(asked.samplings)
        for number, request in enumerate(asked.requests):
            own = choices[number::count]
            async with contextlib.aclosing(self._events(request)) as events:
                async for event in events:
                    if event["event"] not in ("text", "end"):
                        continue
                    choice = own[event["row"]]
                    if event.get("broken") and not choice.ended:
                        raise not_numbers(asked.adapter)
                    delta = choice.hear(event)
                    if delta is not None:
                        yield delta
                    if all(each.ended for each in own):
                        break

    async def _events(self, request: Request) -> AsyncGenerator[dict[str, Any], None]:
        """The events of one request; whoever closes this early frees its rows.

        Raises:
            StoreError: What the engine says went wrong, or the line is full.
        """
        reply = HttpReply()
        job = self._reception.submit(request, reply)
        try:
            while (event := await reply.events.get())["event"] != "done":
                if event["event"] == "error":
                    raise error_of(event)
                yield event
        finally:
            job.cancelled.set()
            # What follows from the last event is still to be written.
            asyncio.get_running_loop().call_later(_PASS_SECONDS, job.told.set)


async def _with_first(first: Delta, deltas: AsyncIterator[Delta]) -> AsyncIterator[Delta]:
    yield first
    async for delta in deltas:
        yield delta


async def _send(request: web.Request, response: web.StreamResponse, document: dict[str, Any]) -> None:
    await _write(request, response, b"data: " + json.dumps(document).encode() + b"\n\n")


async def _write(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write, and give up a client that does not read."""
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(data)
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client does not read") from error


def _error(status: int, message: str, kind: str) -> web.Response:
    return web.json_response(error_document(message, kind), status=status)
