"""Token ids of an example, and which of them are learned: training, generation and preview all get them here.

Text becomes ids through a function that is handed in (`Codec.encode`); no tokenizer is known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from store.errors import BadInput
from workbench.composing.codec import Codec, Family, load_codec
from workbench.composing.template import Example

__all__ = [
    "IGNORED",
    "SHORTEST",
    "Codec",
    "Family",
    "Span",
    "Tokens",
    "load_codec",
    "mask",
    "prompt_ids",
]

Kind = Literal["prompt", "completion", "special"]

IGNORED = -100
"""The label of a token that is not learned; PyTorch's cross-entropy passes over it."""

SHORTEST = 2
"""Tokens: what opens a text, and one of the completion."""


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens from `start` to `end`, counted over `Tokens.ids`."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """One example as a model gets it.

    Causal: `labels` stand under `input_ids`, one each. Seq2seq: `input_ids` are the encoder's, `labels` the
    decoder's. `truncated_prompt` and `truncated_completion` count the tokens that were cut off.
    """

    input_ids: list[int]
    labels: list[int]
    spans: tuple[Span, ...]
    truncated_prompt: int
    truncated_completion: int
    family: Family

    @property
    def ids(self) -> list[int]:
        """All ids in reading order: the encoder's, if there is one, and then the decoder's."""
        return self.input_ids if self.family == "causal" else self.input_ids + self.labels

    @property
    def trained(self) -> list[bool]:
        """For each of `ids`: is it learned?"""
        learned = [label != IGNORED for label in self.labels]
        return learned if self.family == "causal" else [False] * len(self.input_ids) + learned


def mask(example: Example, codec: Codec, max_length: int) -> Tokens:
    """Turn an example into ids, of which the completion's and the EOS after it are learned.

    Causal: [bos] prompt completion eos, at most `max_length` in all. Seq2seq: prompt [eos] for the encoder,
    completion eos for the decoder, at most `max_length` each. What is too long loses prompt first: its left
    for causal, since what stands next to the completion matters most; its right for seq2seq. Then the
    completion loses its EOS and its right, since a text cut off is not to be learned as one that ends.

    Args:
        example: A rendered row.
        codec: The model's tokenizer.
        max_length: The most tokens, at least `SHORTEST`.

    Raises:
        BadInput: `max_length` leaves no room.
    """
    if max_length < SHORTEST:
        raise BadInput(f"max_length {max_length} has no room for a completion", f"set at least {SHORTEST}")
    prompt, completion = codec.encode(example.prompt), codec.encode(example.completion)
    if codec.family == "causal":
        return _causal(prompt, completion, codec, max_length)
    return _seq2seq(prompt, completion, codec, max_length)


def prompt_ids(prompt: str, codec: Codec, max_length: int | None = None) -> list[int]:
    """The ids that generation starts from: exactly what `mask` puts before a completion.

    Args:
        prompt: A rendered prompt.
        codec: The model's tokenizer.
        max_length: Cut the prompt, at the same side as `mask` does, to this many tokens in all.
    """
    ids = codec.encode(prompt)
    opening, closing = _around_prompt(codec)
    room = len(ids) if max_length is None else max(max_length - len(opening) - len(closing), 0)
    return opening + _cut_prompt(ids, room, codec) + closing


def _causal(prompt: list[int], completion: list[int], codec: Codec, max_length: int) -> Tokens:
    opening, _ = _around_prompt(codec)
    kept, ending = _cut_completion(completion, max_length - len(opening), codec)
    room = max_length - len(opening) - len(kept) - len(ending)
    shown = _cut_prompt(prompt, room, codec)
    context = opening + shown
    return Tokens(
        input_ids=context + kept + ending,
        labels=[IGNORED] * len(context) + kept + ending,
        spans=_spans(("special", opening), ("prompt", shown), ("completion", kept), ("special", ending)),
        truncated_prompt=len(prompt) - len(shown),
        truncated_completion=len(completion) - len(kept),
        family="causal",
    )


def _seq2seq(prompt: list[int], completion: list[int], codec: Codec, max_length: int) -> Tokens:
    opening, closing = _around_prompt(codec)
    shown = _cut_prompt(prompt, max_length - len(opening) - len(closing), codec)
    kept, ending = _cut_completion(completion, max_length, codec)
    return Tokens(
        input_ids=opening + shown + closing,
        labels=kept + ending,
        spans=_spans(
            ("special", opening),
            ("prompt", shown),
            ("special", closing),
            ("completion", kept),
            ("special", ending),
        ),
        truncated_prompt=len(prompt) - len(shown),
        truncated_completion=len(completion) - len(kept),
        family="seq2seq",
    )


def _around_prompt(codec: Codec) -> tuple[list[int], list[int]]:
    opening = [] if codec.bos is None else [codec.bos]
    return opening, [codec.eos] if codec.family == "seq2seq" and codec.ends_prompt else []


def _cut_prompt(ids: list[int], room: int, codec: Codec) -> list[int]:
    return ids[max(len(ids) - room, 0) :] if codec.family == "causal" else ids[:room]


def _cut_completion(ids: list[int], room: int, codec: Codec) -> tuple[list[int], list[int]]:
    return (ids, [codec.eos]) if len(ids) < room else (ids[:room], [])


def _spans(*parts: tuple[Kind, list[int]]) -> tuple[Span, ...]:
    return tuple(_place(parts))


def _place(parts: tuple[tuple[Kind, list[int]], ...]) -> Iterator[Span]:
    start = 0
    for kind, ids in parts:
        if ids:
            yield Span(kind, start, start + len(ids))
        start += len(ids)
