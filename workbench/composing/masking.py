"""Token ids of an example, and which of them are learned: training, generation and preview all get them here.

Text becomes ids through a function that is handed in (`Codec.encode`); no tokenizer is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from store.errors import BadInput
from workbench.composing.chat import Piece
from workbench.composing.codec import Codec, Family, load_codec
from workbench.composing.conversation import Turn, cue
from workbench.composing.template import Example

__all__ = [
    "IGNORED",
    "SHORTEST",
    "Batch",
    "Codec",
    "Cut",
    "Family",
    "Span",
    "Tokens",
    "collate",
    "conversation_ids",
    "load_codec",
    "mask",
    "mask_many",
    "prompt_ids",
    "text_ids",
]

Kind = Literal["prompt", "completion", "special"]

IGNORED = -100
"""The label of a token that is not learned; PyTorch's cross-entropy passes over it."""

SHORTEST = 2
"""Tokens: what opens a text, and one of the completion."""


class Span(NamedTuple):
    """Tokens from `start` to `end`, counted over `Tokens.ids`."""

    kind: Kind
    start: int
    end: int


class Cut(NamedTuple):
    """Tokens that had no room, and the place in `Tokens.ids` where they would stand."""

    kind: Kind
    at: int
    ids: list[int]


class Tokens(NamedTuple):
    """One example as a model gets it.

    Causal: `labels` stand under `input_ids`, one each. Seq2seq: `input_ids` are the encoder's, `labels` the
    decoder's. `truncated_prompt` and `truncated_completion` count the tokens that were cut off, which `cuts`
    holds. `stray` is the first special token that the row's own text holds.
    """

    input_ids: list[int]
    labels: list[int]
    spans: tuple[Span, ...]
    truncated_prompt: int
    truncated_completion: int
    family: Family
    cuts: tuple[Cut, ...] = ()
    stray: str = ""

    @property
    def ids(self) -> list[int]:
        """All ids in reading order: the encoder's, if there is one, and then the decoder's."""
        return self.input_ids if self.family == "causal" else self.input_ids + self.labels

    @property
    def trained(self) -> list[bool]:
        """For each of `ids`: is it learned?"""
        learned = [label != IGNORED for label in self.labels]
        return learned if self.family == "causal" else [False] * len(self.input_ids) + learned

    @property
    def kinds(self) -> list[Kind]:
        """For each of `ids`: what it is."""
        return [span.kind for span in self.spans for _ in range(span.start, span.end)]


def mask(example: Example, codec: Codec, max_length: int) -> Tokens:
    """Turn an example into ids, of which the completion's and the EOS after it are learned.

    Causal: [bos] prompt completion eos, at most `max_length` in all; a chat model's own template writes what
    stands around and between the turns. Seq2seq: prompt [eos] for the encoder, completion eos for the
    decoder, at most `max_length` each. What is too long loses prompt first: its left for causal, since what
    stands next to the completion matters most; its right for seq2seq. Then the completion loses its EOS and
    its right, since a text cut off is not to be learned as one that ends.

    Args:
        example: A rendered row.
        codec: The model's tokenizer.
        max_length: The most tokens, at least `SHORTEST`.

    Raises:
        BadInput: `max_length` leaves no room, or the model's chat template refuses the conversation.
    """
    return mask_many([example], codec, max_length)[0]


def mask_many(examples: Sequence[Example], codec: Codec, max_length: int) -> list[Tokens]:
    """`mask` for many examples, whose texts are encoded all at once.

    Raises:
        BadInput: As `mask`, for any of them.
    """
    if max_length < SHORTEST:
        raise BadInput(f"max_length {max_length} has no room for a completion", f"set at least {SHORTEST}")
    texts = [_pieces(example, codec) for example in examples]
    encoded = iter(_encode([piece.text for pieces in texts for piece in pieces], codec))
    build = _causal if codec.family == "causal" else _seq2seq
    made = []
    for example, pieces in zip(examples, texts, strict=True):
        ids = _joined_ids(pieces, [next(encoded) for _ in pieces], example, codec)
        made.append(build(pieces, ids, codec, max_length, _stray(example, codec)))
    return made


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows filled up to one length: lists of `[batch, source]`, `[batch, source]` and `[batch, target]`."""

    input_ids: list[list[int]]
    attention_mask: list[list[int]]
    labels: list[list[int]]


def collate(rows: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int, *, multiple_of: int = 1) -> Batch:
    """Fill rows up at their right to the longest of them.

    Args:
        rows: The `input_ids` and `labels` of each.
        pad: The tokenizer's padding id; labels are filled up with the id that the loss passes over.
        multiple_of: Lengths are rounded up to this, which a GPU's matrix units like.
    """
    sources = [list(source) for source, _ in rows]
    return Batch(
        _filled(sources, pad, multiple_of),
        # By length, not by id: padding and end of sequence may be the same token.
        _filled([[1] * len(source) for source in sources], 0, multiple_of),
        _filled([list(labels) for _, labels in rows], IGNORED, multiple_of),
    )


def _filled(rows: list[list[int]], value: int, multiple_of: int) -> list[list[int]]:
    width = -(-max(map(len, rows)) // multiple_of) * multiple_of
    return [row + [value] * (width - len(row)) for row in rows]


def prompt_ids(prompt: str | Example, codec: Codec, max_length: int | None = None) -> list[int]:
    """The ids that generation starts from: exactly what `mask` puts before a completion.

    Args:
        prompt: An example, or a text as a person types it: for a chat model that is what the user says.
        codec: The model's tokenizer.
        max_length: Cut the prompt, at the same side as `mask` does, to this many tokens in all.
    """
    example = prompt if isinstance(prompt, Example) else Example(prompt, "", "")
    if example.turns and codec.family == "causal":
        pieces = _pieces(example, codec)[:-1]
        parts = _joined_ids(pieces, _encode([piece.text for piece in pieces], codec), example, codec)
        ids = [token for part in parts for token in part]
    else:
        ids = codec.encode(_shown(example, codec))
    opening, closing = _opening(ids, codec), _closing(codec)
    room = len(ids) if max_length is None else max(max_length - len(opening) - len(closing), 0)
    return opening + _split_prompt(ids, room, codec)[0] + closing


def text_ids(text: str, codec: Codec) -> list[int]:
    """The ids that generation starts from when a text is to be gone on with as it stands."""
    ids = codec.encode(text)
    return _opening(ids, codec) + ids + _closing(codec)


def conversation_ids(turns: Sequence[Turn], codec: Codec) -> list[int]:
    """The ids from which a chat model gives the next answer of a conversation, written as in training.

    Raises:
        BadInput: The model has no chat template, or it refuses the conversation.
    """
    if codec.chat is None or not _is_chat(codec):
        raise BadInput(
            "the model has no chat template", "send a prompt to /v1/completions, or serve a chat model"
        )
    return text_ids(codec.chat.render(turns, asks=True), codec)


def _is_chat(codec: Codec) -> bool:
    return codec.chat is not None and codec.family == "causal"


def _pieces(example: Example, codec: Codec) -> list[Piece]:
    """An example's text: pieces that are shown or learned, the last of which is the completion."""
    if codec.family == "seq2seq":
        return [Piece(_shown(example, codec), False), Piece(example.completion, True)]
    if codec.chat is not None:
        return codec.chat.pieces(_turns(example), example.loss, codec.special_text)
    if not example.turns:
        return [Piece(_shown(example, codec), False), Piece(example.completion, True)]
    return _plain_conversation(example)


def _plain_conversation(example: Example) -> list[Piece]:
    """A conversation for a model without a chat template: every turn after its speaker's name."""
    pieces: list[Piece] = []
    waiting: list[Turn] = []
    for number, turn in enumerate(example.turns, start=1):
        last = number == len(example.turns)
        if turn.role == "assistant" and (last or example.loss != "last"):
            before = "\n\n" if pieces else ""
            pieces.append(Piece(before + cue(waiting), example.loss == "all"))
            pieces.append(Piece(f" {turn.content}", True, closed=not last))
            waiting = []
        else:
            waiting.append(turn)
    return pieces


def _shown(example: Example, codec: Codec) -> str:
    """All that stands before the completion."""
    if codec.chat is not None and codec.family == "causal":
        return codec.chat.render(_turns(example)[:-1], asks=True)
    return example.asked(causal=codec.family == "causal", chat=False)


def _turns(example: Example) -> tuple[Turn, ...]:
    if example.turns:
        return example.turns
    system = (Turn("system", example.system),) if example.system else ()
    return (*system, Turn("user", example.prompt), Turn("assistant", example.completion))


def _encode(texts: list[str], codec: Codec) -> list[list[int]]:
    return [codec.encode(text) for text in texts] if codec.encode_many is None else codec.encode_many(texts)


def _joined_ids(
    pieces: Sequence[Piece], ids: list[list[int]], example: Example, codec: Codec
) -> list[list[int]]:
    """The ids of pieces of one text: some tokenizers write a first word otherwise than a later one."""
    if codec.family == "causal" and (codec.chat is not None or example.turns):
        ids = ids[:1] + [
            _going_on(piece, part, codec) for piece, part in zip(pieces[1:], ids[1:], strict=True)
        ]
    return [[*part, codec.eos] if piece.closed else part for piece, part in zip(pieces, ids, strict=True)]


def _going_on(piece: Piece, ids: list[int], codec: Codec) -> list[int]:
    if codec.glue is None:
        return ids
    text, token = codec.glue
    glued = codec.encode(text + piece.text)
    return glued[1:] if glued[:1] == [token] else ids


def _stray(example: Example, codec: Codec) -> str:
    texts = [turn.content for turn in example.turns] or [example.system, example.prompt, example.completion]
    found = next(filter(None, map(codec.special_text.search, texts)), None)
    return found[0] if found else ""


def _causal(pieces: list[Piece], ids: list[list[int]], codec: Codec, max_length: int, stray: str) -> Tokens:
    opening = _opening(ids[0], codec)
    completion, ending = _split_ending(ids[-1], codec)
    kept, lost, ending = _split_completion(completion, ending, max_length - len(opening))
    shown = ids[0] if len(ids) == 2 else [token for part in ids[:-1] for token in part]
    gone = max(len(shown) - (max_length - len(opening) - len(kept) - len(ending)), 0)
    context = opening + shown[gone:]
    tokens = context + kept + ending
    labels = _context_labels(pieces, ids, len(opening), gone) + kept + ending
    if len(ids) == 2 and codec.chat is None:
        spans = _spans(
            ("special", len(opening)),
            ("prompt", len(shown) - gone),
            ("completion", len(kept)),
            ("special", len(ending)),
        )
    else:
        spans = _found_spans(tokens, labels, codec)
    return Tokens(
        input_ids=tokens,
        labels=labels,
        spans=spans,
        truncated_prompt=gone,
        truncated_completion=len(lost),
        family="causal",
        cuts=_cuts(
            Cut("prompt", len(opening), shown[:gone]), Cut("completion", len(context) + len(kept), lost)
        ),
        stray=stray,
    )


def _context_labels(pieces: list[Piece], ids: list[list[int]], opening: int, gone: int) -> list[int]:
    """The labels of what stands before the last answer: nothing is learned there but earlier answers."""
    labels = [IGNORED] * opening
    if not any(piece.learned for piece in pieces[:-1]):
        return labels + [IGNORED] * (sum(map(len, ids[:-1])) - gone)
    taught = ((piece.learned, token) for piece, part in zip(pieces, ids[:-1], strict=False) for token in part)
    return labels + [token if learned else IGNORED for learned, token in taught][gone:]


def _seq2seq(_: list[Piece], ids: list[list[int]], codec: Codec, max_length: int, stray: str) -> Tokens:
    prompt, completion = ids
    opening, closing = _opening(prompt, codec), _closing(codec)
    shown, unseen = _split_prompt(prompt, max_length - len(opening) - len(closing), codec)
    kept, lost, ending = _split_completion(completion, [codec.eos], max_length)
    source = opening + shown + closing
    return Tokens(
        input_ids=source,
        labels=kept + ending,
        spans=_spans(
            ("special", len(opening)),
            ("prompt", len(shown)),
            ("special", len(closing)),
            ("completion", len(kept)),
            ("special", len(ending)),
        ),
        truncated_prompt=len(unseen),
        truncated_completion=len(lost),
        family="seq2seq",
        cuts=_cuts(
            Cut("prompt", len(opening) + len(shown), unseen),
            Cut("completion", len(source) + len(kept), lost),
        ),
        stray=stray,
    )


def _cuts(*cuts: Cut) -> tuple[Cut, ...]:
    return tuple([cut for cut in cuts if cut.ids])


def _opening(ids: list[int], codec: Codec) -> list[int]:
    """What opens the text, unless a chat template has written it."""
    written = codec.chat is not None and ids[:1] == [codec.bos]
    return [] if codec.bos is None or written else [codec.bos]


def _closing(codec: Codec) -> list[int]:
    return [codec.eos] if codec.family == "seq2seq" and codec.ends_prompt else []


def _split_prompt(ids: list[int], room: int, codec: Codec) -> tuple[list[int], list[int]]:
    """What is kept of a prompt, and what is cut off."""
    if codec.family == "causal":
        gone = max(len(ids) - room, 0)
        return ids[gone:], ids[:gone]
    return ids[: max(room, 0)], ids[max(room, 0) :]


def _split_ending(ids: list[int], codec: Codec) -> tuple[list[int], list[int]]:
    """A completion and what ends it: the token its chat template wrote, else EOS."""
    written = codec.chat is not None and ids and ids[-1] in codec.special
    return (ids[:-1], ids[-1:]) if written else (ids, [codec.eos])


def _split_completion(ids: list[int], ending: list[int], room: int) -> tuple[list[int], list[int], list[int]]:
    """What is kept of a completion, what is cut off, and its ending if there is room for all."""
    return (ids, [], ending) if len(ids) < room else (ids[:room], ids[room:], [])


def _found_spans(ids: list[int], labels: list[int], codec: Codec) -> tuple[Span, ...]:
    """Spans of a text in which special tokens and answers stand anywhere."""
    kinds: Iterator[Kind] = (
        "special" if token in codec.special else "prompt" if label == IGNORED else "completion"
        for token, label in zip(ids, labels, strict=True)
    )
    return _spans(*((kind, len(list(run))) for kind, run in groupby(kinds)))


def _spans(*parts: tuple[Kind, int]) -> tuple[Span, ...]:
    found = []
    start = 0
    for kind, count in parts:
        if count:
            found.append(Span(kind, start, start + count))
            start += count
    return tuple(found)
