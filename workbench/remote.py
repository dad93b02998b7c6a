"""Asking an OpenAI-compatible server elsewhere, such as vLLM: its adapters, and several answers at once.

It asks only what such servers have in common, and vLLM's two routes that load and unload LoRA adapters. What
comes back is another program's word: bounded, checked, and never trusted with more than text.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from store.adapters import Adapter
from store.engines import RemoteEngine
from store.errors import BadInput, NotFound, StoreError, Unavailable
from store.models import Model
from workbench.composing.masking import load_codec, prompt_ids
from workbench.engine_link import LINE_BYTES, answering, exchange, lost, message, nonsense
from workbench.events import Event, Line, Output, Token
from workbench.link import Sampling, TokenDetail

_HASH_DIGITS = 12
_TOKEN_LETTERS = 256  # no token of any model has more
_FAULTS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Question:
    """What is asked of an engine.

    Attributes:
        engine: Where.
        record: The base as the store has it; its tokenizer writes the prompt, as it does in training.
        adapters: Who answers, each in a stream of its own; None is the bare base.
        prompt: The text, as a person types it.
        sampling: How tokens are chosen.
    """

    engine: RemoteEngine
    record: Model
    adapters: Sequence[Adapter | None]
    prompt: str
    sampling: Sampling


def ask(
    question: Question, tell: Callable[[Event], None], on_line: Callable[[Line], None] | None = None
) -> list[Output]:
    """Have a prompt answered by several adapters at once.

    Args:
        question: What is asked.
        tell: Called with each piece of text; raising in it ends all streams.
        on_line: Called with the streams, on which another thread may hang up.

    Raises:
        BadInput: The engine refuses the request, or cannot serve such an adapter.
        NotFound: It does not serve the model.
        Unavailable: It does not answer, refuses the token, or breaks off.
    """
    engine, record = question.engine, question.record
    ids = prompt_ids(question.prompt, load_codec(record.path, record.family))
    served = served_models(engine)
    there = [_name_there(engine, served, adapter) for adapter in question.adapters]
    asked = [_request(name, ids, question.sampling) for name in there]
    names = [adapter.name if adapter else None for adapter in question.adapters]
    streams = _Streams(engine, asked)
    ended: dict[int, tuple[int, float]] = {}
    texts = [""] * len(names)
    try:
        if on_line is not None:
            on_line(streams)
        for row, kind, value in streams.events():
            if kind == "end":
                ended[row] = value
                continue
            text, details = value
            texts[row] += text
            tell(Token(row, names[row], text, details))
    finally:
        streams.hang_up()
    return [Output(name, texts[row], *ended[row]) for row, name in enumerate(names)]


def served_models(engine: RemoteEngine) -> dict[str, dict[str, Any]]:
    """What the engine serves now, by name.

    Raises:
        Unavailable: It does not answer as such servers do.
    """
    document = exchange(engine, "GET", "/v1/models")
    try:
        return {str(each["id"]): dict(each) for each in document["data"]}
    except _FAULTS as error:
        raise nonsense(engine) from error


def _name_there(engine: RemoteEngine, served: dict[str, dict[str, Any]], adapter: Adapter | None) -> str:
    """The engine's name of the base or an adapter, which is loaded there if need be.

    A name holds the adapter's content: engines keep what they worked out under a name, and answer with the
    old adapter where a new one is loaded under the same.
    """
    if adapter is None:
        return _base_there(engine, served)
    # Another server of ours has the store's own names.
    if served.get(adapter.name, {}).get("fingerprint") == adapter.fingerprint:
        return adapter.name
    name = f"{adapter.name}-{adapter.fingerprint[:_HASH_DIGITS]}"
    if name in served:
        return name
    if adapter.peft_type != "LORA":
        raise BadInput(
            f"adapter {adapter.name!r} is no LoRA adapter, and engines elsewhere load no other",
            f"answer here: workbench model engine {adapter.model} --remove",
        )
    try:
        exchange(engine, "POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(adapter.path)})
    except NotFound as error:
        raise Unavailable(
            f"the engine at {engine.url} loads no adapters while it runs",
            "start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",
        ) from error
    except BadInput as error:
        if "already" not in error.what:  # another client was faster
            raise
    old = re.compile(re.escape(adapter.name) + f"-[0-9a-f]{{{_HASH_DIGITS}}}")
    for other in filter(old.fullmatch, served):
        with contextlib.suppress(StoreError):  # it is in use, or gone by now: both are well
            exchange(engine, "POST", "/v1/unload_lora_adapter", {"lora_name": other})
    return name


def _base_there(engine: RemoteEngine, served: dict[str, dict[str, Any]]) -> str:
    bases = [name for name, each in served.items() if not each.get("parent")]
    if engine.served_name is None and len(bases) == 1:
        return bases[0]
    if engine.served_name in served:
        return engine.served_name
    there = f"it serves {', '.join(bases)[:200] or 'nothing'}"
    if engine.served_name is None:
        raise BadInput(
            f"the engine at {engine.url} leaves the choice: {there}", "name one with --served-name"
        )
    raise NotFound(f"the engine at {engine.url} does not serve {engine.served_name!r}", there)


def _request(name: str, ids: list[int], sampling: Sampling) -> dict[str, Any]:
    asked = {
        "model": name,
        "prompt": ids,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return asked | ({"logprobs": sampling.alternatives} if sampling.alternatives else {})


class _Streams:
    """Several answers at once, and what is heard of them."""

    def __init__(self, engine: RemoteEngine, asked: Sequence[dict[str, Any]]) -> None:
        self._heard: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
        self._streams = [_Stream(engine, each, row, self._heard) for row, each in enumerate(asked)]

    def events(self) -> Iterator[tuple[int, str, Any]]:
        """What comes, up to the end of every answer: a row, `text` or `end`, and what that is.

        Raises:
            StoreError: One of them failed.
        """
        for stream in self._streams:
            stream.start()
        left = len(self._streams)
        while left:
            row, kind, value = self._heard.get()
            if kind == "error":
                raise value
            left -= kind == "end"
            yield row, kind, value

    def hang_up(self) -> None:
        """End them all; the engine sees that nobody listens."""
        for stream in self._streams:
            stream.hang_up()


class _Stream:
    """One answer that is read on a thread of its own."""

    def __init__(
        self,
        engine: RemoteEngine,
        asked: dict[str, Any],
        row: int,
        heard: queue.SimpleQueue[tuple[int, str, Any]],
    ) -> None:
        self._engine = engine
        self._asked = asked
        self._row = row
        self._heard = heard
        self._socket: socket.socket | None = None
        self._over = False

    def start(self) -> None:
        """Ask, and listen from now on."""
        threading.Thread(target=self._listen, daemon=True).start()

    def hang_up(self) -> None:
        """End the stream, also one that is only being opened."""
        self._over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self, connection: socket.socket) -> None:
        self._socket = connection
        if self._over:
            self.hang_up()

    def _listen(self) -> None:
        try:
            self._heard.put((self._row, "end", self._read()))
        except StoreError as error:
            self._heard.put((self._row, "error", error))
        except (OSError, http.client.HTTPException) as error:
            self._heard.put((self._row, "error", lost(self._engine, error)))
        except Exception:  # noqa: BLE001 (whatever it sends, somebody waits for this thread's last word)
            self._heard.put((self._row, "error", nonsense(self._engine)))

    def _read(self) -> tuple[int, float]:
        """Pass the text on as it comes; how many tokens it was, and the seconds to the last of them."""
        began = last = time.monotonic()
        pieces, letters, counted = 0, 0, None
        with answering(self._engine, "POST", "/v1/completions", self._asked, self._connected) as response:
            for document in _documents(response):
                if document.get("error"):
                    raise Unavailable(
                        message(document), f"look at the log of the engine at {self._engine.url}"
                    )
                usage = document.get("usage")
                counted = int(usage["completion_tokens"]) if usage else counted
                for choice in document["choices"]:
                    text, details = str(choice.get("text") or ""), _details(choice.get("logprobs"))
                    if text or details:
                        pieces, letters, last = pieces + 1, letters + len(text), time.monotonic()
                        self._heard.put((self._row, "text", (text, details)))
                    if letters > _TOKEN_LETTERS * (self._asked["max_tokens"] + 1):
                        raise ValueError("more is said than was asked for")
        return pieces if counted is None else counted, last - began


def _documents(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The documents of a stream of server-sent events, up to its last.

    Raises:
        ConnectionError: It ends before.
        ValueError: It holds something else.
    """
    while line := response.readline(LINE_BYTES):
        if not line.startswith(b"data:"):
            continue  # an empty line between two, a comment, another field
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        document = json.loads(data)
        if not isinstance(document, dict):
            raise ValueError("a document is no object")
        yield document
    raise ConnectionError("the stream has no end")


def _details(told: dict[str, Any] | None) -> tuple[TokenDetail, ...]:
    if not told or not told.get("tokens"):
        return ()
    tops = told.get("top_logprobs") or [{}] * len(told["tokens"])
    return tuple(
        TokenDetail(-1, str(text), math.exp(min(float(chance), 0.0)), _top(top or {}))
        for text, chance, top in zip(told["tokens"], told["token_logprobs"], tops, strict=True)
    )


def _top(told: dict[str, Any]) -> tuple[tuple[int, str, float], ...]:
    found = [(-1, str(text), math.exp(min(float(chance), 0.0))) for text, chance in told.items()]
    return tuple(sorted(found, key=lambda each: -each[2]))
