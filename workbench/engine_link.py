"""HTTP to an engine elsewhere: one exchange at a time, its token, and what its refusals mean.

What comes back is another program's word: bounded, and never trusted with more than text.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from store.engines import RemoteEngine
from store.errors import BadInput, NotFound, StoreError, Unavailable

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
LINE_BYTES = 1_000_000
_DOCUMENT_BYTES = 10_000_000


def exchange(
    engine: RemoteEngine, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One question and its whole answer; an answer that is no JSON object counts as an empty one."""
    try:
        with answering(engine, method, path, body, lambda _: None) as response:
            raw = response.read(_DOCUMENT_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise lost(engine, error) from error
    return _document(raw)


@contextlib.contextmanager
def answering(
    engine: RemoteEngine,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    connected: Callable[[socket.socket], None],
) -> Iterator[http.client.HTTPResponse]:
    """Ask, and give the answer if it is a good one; `connected` is told its socket.

    Raises:
        StoreError: The engine refuses.
        OSError, HTTPException: It is not there, or does not speak HTTP.
    """
    parts = urlsplit(engine.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
    with contextlib.closing(connection):
        connection.connect()
        connection.sock.settimeout(SILENCE_SECONDS)
        connected(connection.sock)
        raw = None if body is None else json.dumps(body).encode()
        connection.request(method, parts.path + path, raw, _headers(engine))
        response = connection.getresponse()
        with contextlib.closing(response):
            if response.status != 200:
                raise _refused(engine, response)
            yield response


def message(document: dict[str, Any]) -> str:
    """What an error says, in OpenAI's form or vLLM's older one."""
    told = document.get("error") or document
    return str(told.get("message") or "") if isinstance(told, dict) else str(told)


def lost(engine: RemoteEngine, error: Exception) -> Unavailable:
    """The error of an engine that is not there, or not any more."""
    if isinstance(error, TimeoutError):
        return Unavailable(f"the engine at {engine.url} is silent", "see whether it is well")
    told = f"{type(error).__name__}: {error}"[:200]
    return Unavailable(
        f"the engine at {engine.url} cannot be reached or has broken off ({told})",
        f"see that it runs, or answer here: workbench model engine {engine.model} --remove",
    )


def nonsense(engine: RemoteEngine) -> Unavailable:
    """The error of a server that speaks something else."""
    return Unavailable(
        f"the server at {engine.url} does not answer as OpenAI's API says", "see that the address is right"
    )


def _headers(engine: RemoteEngine) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if engine.token_variable is None:
        return headers
    token = os.environ.get(engine.token_variable, "")
    if not token or not all("!" <= letter <= "~" for letter in token):
        raise BadInput(
            f"the token of the engine at {engine.url} is not in {engine.token_variable}",
            f"set it: export {engine.token_variable}=...",
        )
    return headers | {"Authorization": f"Bearer {token}"}


def _refused(engine: RemoteEngine, response: http.client.HTTPResponse) -> StoreError:
    told = message(_document(response.read(LINE_BYTES))) or f"{response.status} {response.reason}"
    what = f"the engine at {engine.url} refuses: {told[:300]}"
    if response.status in (401, 403):
        named = engine.token_variable or "none is shown: --token-env names the variable that holds it"
        return Unavailable(what, f"see to its token ({named})")
    kinds: dict[int, type[StoreError]] = {400: BadInput, 404: NotFound, 409: BadInput, 422: BadInput}
    return kinds.get(response.status, Unavailable)(what, "look at its log")


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
