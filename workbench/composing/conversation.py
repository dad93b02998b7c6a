"""Conversations as datasets hold them, in OpenAI's or ShareGPT's form, as turns with a role and a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from store.errors import BadInput

Role = Literal["system", "user", "assistant"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
}
_NAMES: dict[Role, str] = {"system": "System", "user": "User", "assistant": "Assistant"}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says."""

    role: Role
    content: str


def read_turns(value: Any, where: str) -> tuple[Turn, ...]:
    """Read a conversation up to its last answer; what comes after that has nothing to learn from.

    Args:
        value: A list of `{"role", "content"}` or `{"from", "value"}`.
        where: What to call it in errors.

    Raises:
        BadInput: It is no conversation, a role is unknown, or the assistant says nothing.
    """
    turns = list(read_messages(value, where))
    while turns and turns[-1].role != "assistant":
        turns.pop()
    if not turns or not turns[-1].content.strip():
        raise BadInput(
            f"{where}: the assistant has no last answer, so nothing could be learned",
            "leave such rows out of the dataset",
        )
    return tuple(turns)


def read_messages(value: Any, where: str) -> tuple[Turn, ...]:
    """Read a conversation whoever speaks last.

    Args:
        value: A list of `{"role", "content"}` or `{"from", "value"}`.
        where: What to call it in errors.

    Raises:
        BadInput: It is no conversation, or a role is unknown.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise BadInput(
            f"{where} holds no list of turns",
            'give [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]',
        )
    return tuple(_turn(entry, f"{where}, turn {number}") for number, entry in enumerate(value, start=1))


def told(turns: Sequence[Turn]) -> str:
    """A conversation as plain text, for models that know no chat template and for people."""
    return "\n\n".join(f"{_NAMES[turn.role]}: {turn.content}" for turn in turns)


def cue(turns: Sequence[Turn]) -> str:
    """The plain text that an answer follows: all that was said, and the assistant's name."""
    return "\n\n".join([*([told(turns)] if turns else []), f"{_NAMES['assistant']}:"])


def _turn(entry: Any, where: str) -> Turn:
    if not isinstance(entry, Mapping):
        raise BadInput(f"{where} is no object", "give each turn a role and a content")
    role = entry.get("role", entry.get("from"))
    known = _ROLES.get(role.lower()) if isinstance(role, str) else None
    if known is None:
        raise BadInput(
            f"{where} has the role {role!r}", f"the roles are {', '.join(_ROLES)}; tool calls are not trained"
        )
    return Turn(known, _content(entry.get("content", entry.get("value")), where))


def _content(value: Any, where: str) -> str:
    """A turn's text: as it is, or put together from OpenAI's list of parts."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(_is_text(part) for part in value):
        return "".join(cast(str, part["text"]) for part in value)
    raise BadInput(f"{where} is not text", "leave out images and other attachments")


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
