"""OpenAI's answers: from the engine's events to the documents that its clients know. Nothing is sent here."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.adapters import Adapter
from store.errors import BadInput, Conflict, NotFound, StoreError
from store.models import Model
from workbench.link import TokenDetail, detail
from workbench.worker.http_requests import Asked

OWNER = "workbench"
_LEAST = -9999.0  # JSON has no infinity; OpenAI writes this for a chance of nothing


@dataclass(frozen=True)
class Delta:
    """What one choice gained: text, the tokens it is made of, and at its end why it ended."""

    index: int
    text: str
    details: tuple[TokenDetail, ...] = ()
    finish: str | None = None


class Choice:
    """One answer as it grows; it ends at a stop text, of which nothing is shown.

    Args:
        index: Its number in the reply.
        asked: The request.
    """

    def __init__(self, index: int, asked: Asked) -> None:
        self.index = index
        self.ended = False
        self.tokens = 0
        self._stops = asked.stops
        self._tells = asked.alternatives is not None
        self._held = ""  # the text's end, as long as a stop text may begin in it

    def hear(self, event: dict[str, Any]) -> Delta | None:
        """Take an event of this answer.

        Returns:
            What can be shown because of it, if anything.
        """
        if self.ended:
            return None
        if event["event"] == "end":
            self.ended, self.tokens = True, event["tokens"]
            return Delta(self.index, self._held, (), "length" if event["cut"] else "stop")
        details = tuple(detail(each) for each in event.get("tokens", ()))
        self.tokens += len(details)
        shown = self._shown(event["text"])
        if not shown and not details and not self.ended:
            return None
        return Delta(self.index, shown, details if self._tells else (), "stop" if self.ended else None)

    def _shown(self, text: str) -> str:
        whole = self._held + text
        places = [place for place in (whole.find(stop) for stop in self._stops) if place >= 0]
        if places:
            self.ended = True
            return whole[: min(places)]
        held = max((_overlap(whole, stop) for stop in self._stops), default=0)
        self._held = whole[len(whole) - held :]
        return whole[: len(whole) - held]


class Writer:
    """Writes the documents of one reply.

    Args:
        asked: The request.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._kind = "chat.completion" if asked.chat else "text_completion"
        prefix = "chatcmpl-" if asked.chat else "cmpl-"
        self._head = {"id": prefix + secrets.token_hex(12), "created": int(time.time()), "model": asked.model}
        self._offsets: dict[int, int] = {}

    def whole(self, deltas: Sequence[Delta], tokens: int) -> dict[str, Any]:
        """The one document of an answer that is not streamed.

        Args:
            deltas: Everything that was said.
            tokens: How many tokens that was.
        """
        choices = []
        for index in sorted({each.index for each in deltas}):
            own = [each for each in deltas if each.index == index]
            joined = Delta(
                index,
                "".join(each.text for each in own),
                tuple(each for part in own for each in part.details),
                next((each.finish for each in own if each.finish), None),
            )
            message = {"role": "assistant", "content": joined.text, "refusal": None}
            text = {"message": message} if self._asked.chat else {"text": joined.text}
            choices.append(self._choice(joined) | text)
        return self._head | {"object": self._kind, "choices": choices, "usage": self._usage(tokens)}

    def opening(self, index: int) -> dict[str, Any]:
        """The first document of a streamed chat answer: who speaks."""
        return self._chunk([self._choice(Delta(index, "")) | {"delta": {"role": "assistant", "content": ""}}])

    def chunk(self, delta: Delta) -> dict[str, Any]:
        """A document of a streamed answer."""
        said = {"content": delta.text} if delta.text else {}
        text = {"delta": said} if self._asked.chat else {"text": delta.text}
        return self._chunk([self._choice(delta) | text])

    def closing(self, tokens: int) -> dict[str, Any]:
        """The last document of a streamed answer whose figures were asked for."""
        return self._chunk([]) | {"usage": self._usage(tokens)}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = f"{self._kind}.chunk" if self._asked.chat else self._kind
        return self._head | {"object": kind, "choices": choices}

    def _choice(self, delta: Delta) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": delta.index, "finish_reason": delta.finish, "logprobs": None}
        if self._asked.alternatives is not None and delta.details:
            choice["logprobs"] = self._logprobs(delta)
        return choice

    def _logprobs(self, delta: Delta) -> dict[str, Any]:
        count = self._asked.alternatives or 0
        if self._asked.chat:
            return {"content": [_chat_logprob(each, count) for each in delta.details], "refusal": None}
        offset = self._offsets.get(delta.index, 0)
        offsets = []
        for each in delta.details:
            offsets.append(offset)
            offset += len(each.text)
        self._offsets[delta.index] = offset
        return {
            "tokens": [each.text for each in delta.details],
            "token_logprobs": [_log(each.chance) for each in delta.details],
            # Several tokens may have one text, such as parts of a character: the likeliest stands for them.
            "top_logprobs": [
                {text: _log(chance) for _, text, chance in reversed(each.top[:count])}
                for each in delta.details
            ],
            "text_offset": offsets,
        }

    def _usage(self, tokens: int) -> dict[str, int]:
        shown = sum(map(len, self._asked.prompts))
        return {"prompt_tokens": shown, "completion_tokens": tokens, "total_tokens": shown + tokens}


def model_entry(served: Model | Adapter, base: Model) -> dict[str, Any]:
    """One entry of `/v1/models`; an adapter names its base as its parent."""
    return {
        "id": served.name,
        "object": "model",
        "created": int(served.created),
        "owned_by": OWNER,
        "root": base.name,
        "parent": base.name if isinstance(served, Adapter) else None,
        "fingerprint": served.fingerprint,
    }


def refusal(error: StoreError) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the document of an error."""
    kinds: dict[type[StoreError], tuple[int, str]] = {
        BadInput: (400, "invalid_request_error"),
        NotFound: (404, "invalid_request_error"),
        Conflict: (409, "invalid_request_error"),
    }
    status, kind = kinds.get(type(error), (503, "server_error"))
    code = "model_not_found" if status == 404 else None
    return status, error_document(str(error), kind, code)


def error_document(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _overlap(text: str, stop: str) -> int:
    """How much of a stop text's beginning stands at a text's end."""
    return next((size for size in range(min(len(stop), len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _chat_logprob(spoken: TokenDetail, count: int) -> dict[str, Any]:
    top = [_chat_token(text, chance) for _, text, chance in spoken.top[:count]]
    return _chat_token(spoken.text, spoken.chance) | {"top_logprobs": top}


def _chat_token(text: str, chance: float) -> dict[str, Any]:
    return {"token": text, "logprob": _log(chance), "bytes": list(text.encode("utf-8", "replace"))}


def _log(chance: float) -> float:
    return max(math.log(chance), _LEAST) if chance > 0 else _LEAST
