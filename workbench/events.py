"""What a client hears while it is answered, and what it has in the end; nothing is asked here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workbench.link import TokenDetail


@dataclass(frozen=True)
class Token:
    """A piece of text as it is spoken: whole characters, of one token or now and then of several.

    Its `details` are there when `Sampling.alternatives` asks for them: of tokens since the last piece.
    """

    row: int
    adapter: str | None
    text: str
    details: tuple[TokenDetail, ...] = ()


@dataclass(frozen=True)
class Note:
    """What the server tells beside the answers, such as which adapter had to leave its memory."""

    text: str


@dataclass(frozen=True)
class Restart:
    """The server ended in the middle and is being started again: every answer begins anew.

    Attributes:
        count: The how-manieth time this is within one question.
        why: The last line of its log, which may hold anything.
    """

    count: int
    why: str


Event = Token | Note | Restart


class Line(Protocol):
    """A conversation under way, with a server of ours or with several streams of an engine elsewhere."""

    def hang_up(self) -> None:
        """End it from another thread: who listens is told that the server is lost."""


@dataclass(frozen=True)
class Output:
    """What one adapter, or the base (None), answered; `seconds` of decoding up to its last token."""

    adapter: str | None
    text: str
    tokens: int
    seconds: float
