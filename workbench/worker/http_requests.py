"""OpenAI's requests, checked: from a body to what the engine is asked; nothing is answered here.

What would change the answer and is not done here is refused, so that nobody takes one thing for another.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from store.adapters import MARK
from store.errors import BadInput, NotFound, near
from store.files import NAME
from store.models import Model
from workbench.composing.conversation import read_messages
from workbench.composing.masking import Codec, conversation_ids, text_ids
from workbench.link import ALTERNATIVES, ROWS, Sampling
from workbench.worker.reception import Request

COMPLETION_TOKENS = 16  # OpenAI's own default
CHAT_TOKENS = 1024  # OpenAI has no limit here; a base that never ends its turn needs one
STOPS = 16

_COMMON = {"model", "n", "stop", "temperature", "top_p", "seed", "stream", "stream_options", "logprobs"}
_COMPLETION = _COMMON | {"prompt", "max_tokens"}
_CHAT = _COMMON | {"messages", "max_tokens", "max_completion_tokens", "top_logprobs"}
_WITHOUT_EFFECT = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
# What is not done here, and the values that ask for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "logit_bias": (None, {}),
    "best_of": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "parallel_tool_calls": (None, True, False),
    "response_format": (None, {"type": "text"}),
    "modalities": (None, ["text"]),
}


@dataclass(frozen=True)
class Asked:
    """A request that was understood.

    Attributes:
        model: The name that was asked for.
        adapter: The adapter of that name; None is the base.
        prompts: Token ids.
        samplings: One per answer to each prompt.
        stops: Texts at which an answer ends.
        alternatives: How many tokens to tell beside each spoken one; None tells no token at all.
        stream: Whether the answer is sent as it is spoken, and whether figures follow it then.
    """

    chat: bool
    model: str
    adapter: str | None
    prompts: tuple[tuple[int, ...], ...]
    samplings: tuple[Sampling, ...]
    stops: tuple[str, ...]
    alternatives: int | None
    stream: bool
    streams_usage: bool

    @property
    def requests(self) -> list[Request]:
        """What the engine is asked: all prompts, once for each answer to them."""
        return [Request(self.prompts, (self.adapter,), sampling) for sampling in self.samplings]


def read_asked(raw: bytes, record: Model, codec: Codec, *, chat: bool) -> Asked:
    """Read the body of a request.

    Args:
        raw: As it came.
        record: The base that is served.
        codec: Its tokenizer.
        chat: Whether it came to `/v1/chat/completions`, and not to `/v1/completions`.

    Raises:
        BadInput: It is no such request, asks for what is not done here, or for too much.
        NotFound: It asks for what cannot be a model's name.
    """
    body = _object(raw)
    _refuse_unknown(body, _CHAT if chat else _COMPLETION)
    model = _served(_one(body, "model", str, record.name))
    prompts = _conversation(body, codec) if chat else _prompts(body.get("prompt"), record, codec)
    count = _one(body, "n", int, 1)
    if not 1 <= count * len(prompts) <= ROWS:
        raise BadInput(f"{count * len(prompts)} answers are asked for", f"ask for 1 to {ROWS}")
    alternatives = _alternatives(body, chat=chat)
    stops = _stops(body.get("stop"))
    # Stopped answers are counted token by token, and only details tell the tokens.
    told = max(alternatives or 0, int(alternatives is not None or bool(stops)))
    sampling = _sampling(body, told, chat=chat)
    options = _one(body, "stream_options", dict, {})
    return Asked(
        chat=chat,
        model=model,
        adapter=None if model == record.name else model,
        prompts=prompts,
        samplings=tuple(replace(sampling, seed=(sampling.seed + number) % 2**63) for number in range(count)),
        stops=stops,
        alternatives=alternatives,
        stream=_one(body, "stream", bool, False),
        streams_usage=_one(options, "include_usage", bool, False),
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadInput("the body is no JSON object", "send one, as OpenAI's API describes it") from error
    if not isinstance(body, dict):
        raise BadInput("the body is no JSON object", "send one, as OpenAI's API describes it")
    return body


def _refuse_unknown(body: dict[str, Any], known: set[str]) -> None:
    for name, value in body.items():
        if name in known or name in _WITHOUT_EFFECT:
            continue
        if name not in _NEUTRAL:
            meant = near(name, known)
            remedy = (
                f"did you mean {meant!r}?" if meant else f"leave it out; known are {', '.join(sorted(known))}"
            )
            raise BadInput(f"unknown parameter {name[:60]!r}", remedy)
        if not any(
            value == neutral and isinstance(value, bool) == isinstance(neutral, bool)
            for neutral in _NEUTRAL[name]
        ):
            raise BadInput(f"{name} is not supported here", "leave it out")


def _one(body: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """A value of one kind; null is as good as absent."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}
        raise BadInput(f"{name} is not {words[kind]}", "send it as OpenAI's API describes it")
    return value


def _served(name: str) -> str:
    """A name that a base, an adapter or a run's checkpoint may have: others are not looked up."""
    if not all(NAME.fullmatch(part) for part in name.split(MARK, 1)):
        raise NotFound(f"the model {name[:60]!r} does not exist", "GET /v1/models lists them")
    return name


def _conversation(body: dict[str, Any], codec: Codec) -> tuple[tuple[int, ...], ...]:
    turns = read_messages(body.get("messages"), "messages")
    if not turns:
        raise BadInput("messages is empty", "send at least the user's turn")
    return (tuple(conversation_ids(turns, codec)),)


def _prompts(prompt: Any, record: Model, codec: Codec) -> tuple[tuple[int, ...], ...]:
    """A text, several texts, token ids, or several lists of them."""
    several = prompt if _is_list(prompt, (str, list)) else [prompt]
    if len(several) > ROWS:
        raise BadInput(f"{len(several)} prompts are sent", f"send at most {ROWS}")
    found = []
    for each in several:
        if isinstance(each, str):
            found.append(tuple(text_ids(each, codec)))
        elif _is_list(each, int) and all(0 <= token < record.vocabulary for token in each):
            found.append(tuple(int(token) for token in each))
        else:
            raise BadInput(
                "prompt is neither a text nor a list of the model's token ids",
                f"send a text, or ids from 0 to {record.vocabulary - 1}",
            )
    return tuple(found)


def _sampling(body: dict[str, Any], alternatives: int, *, chat: bool) -> Sampling:
    tokens = body.get("max_completion_tokens") if chat else None
    if tokens is None:
        tokens = body.get("max_tokens")
    default = CHAT_TOKENS if chat else COMPLETION_TOKENS
    temperature, top_p = body.get("temperature"), body.get("top_p")
    seed = _one(body, "seed", int, None)
    return Sampling(
        max_new_tokens=default if tokens is None else tokens,
        temperature=1.0 if temperature is None else temperature,
        seed=secrets.randbits(62) if seed is None else seed % 2**63,
        top_p=1.0 if top_p is None else top_p,
        alternatives=alternatives,
    )


def _alternatives(body: dict[str, Any], *, chat: bool) -> int | None:
    if chat:
        wanted = _one(body, "logprobs", bool, False)
        top: int = _one(body, "top_logprobs", int, 0)
        if top and not wanted:
            raise BadInput("top_logprobs is set and logprobs is not", "set logprobs to true")
        found = top if wanted else None
    else:
        found = _one(body, "logprobs", int, None)
    if found is not None and not 0 <= found <= ALTERNATIVES:
        raise BadInput(f"{found} likeliest tokens are asked for", f"ask for 0 to {ALTERNATIVES}")
    return found


def _stops(stop: Any) -> tuple[str, ...]:
    stops = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if stops and not (_is_list(stops, str) and all(stops) and len(stops) <= STOPS):
        raise BadInput("stop is neither a text nor a list of texts", f"send up to {STOPS} texts")
    return tuple(stops)


def _is_list(value: Any, kind: type | tuple[type, ...]) -> bool:
    """Whether this is a list of one or more values of a kind; true and false are no numbers."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, kind) and not isinstance(each, bool) for each in value)
    )
