"""One row as the trainer will have it: rendered, masked, collated, token by token, with what is wrong in it.

It goes through the same functions as training does, so that it cannot show anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.composing import bulk, checks, masking
from workbench.composing.masking import IGNORED, Codec, Cut, Tokens
from workbench.composing.shown import Preview, PreviewToken
from workbench.composing.template import Composer


def preview(
    composer: Composer,
    rows: Sequence[Mapping[str, Any]],
    index: int,
    codec: Codec | None = None,
    max_length: int = 0,
    *,
    variant: int | None = None,
) -> Preview:
    """Show a row.

    Args:
        composer: The template at work.
        rows: The row, and after it those that share its batch, which decide its padding.
        index: The row's number in its split.
        codec: The model's tokenizer.
        max_length: The most tokens of a row.
        variant: The number of a variant, in the place of the one that is the row's turn.

    Raises:
        BadInput: The row cannot be rendered, or the model cannot take it.
    """
    example = composer.example(index, rows[0], variant)
    shown = Preview(index, example.variant, example.prompt, example.completion, example.system)
    if codec is None:
        return shown
    tokens = masking.mask(example, codec, max_length)
    # A neighbour that cannot be rendered is left out of the batch, as training leaves it out.
    others = bulk.masked(rows[1:], composer, codec, max_length, lambda *_: None, index + 1)
    lines = [tokens, *(other for _, _, other in others)]
    batch = masking.collate([(line.input_ids, line.labels) for line in lines], codec.pad)
    return Preview(
        shown.row,
        shown.variant,
        shown.prompt,
        shown.completion,
        shown.system,
        tokens=tuple(_tokens(tokens, batch, codec)),
        length=len(tokens.ids),
        truncated=bool(tokens.cuts),
        problems=(*checks.batch_problems(lines, batch), *checks.problems(tokens, codec, example)),
        batch=tuple(_drawn(batch, tokens.family)) if len(rows) > 1 else (),
    )


def _drawn(batch: masking.Batch, family: masking.Family) -> Iterator[str]:
    """Each line of a batch, a letter per place."""
    for read, labels in zip(batch.attention_mask, batch.labels, strict=True):
        learned = [label != IGNORED for label in labels]
        if family == "causal":
            yield "".join("t" if t else "c" if r else "p" for r, t in zip(read, learned, strict=True))
        else:
            shown = "".join("c" if place else "p" for place in read)
            yield shown + "|" + "".join("t" if place else "p" for place in learned)


def _tokens(tokens: Tokens, batch: masking.Batch, codec: Codec) -> Iterator[PreviewToken]:
    """The first line of a batch in reading order, with what was cut off in its place."""
    # All at once: what a token adds to a text depends on the one before it.
    known = list(zip(tokens.ids, codec.pieces(tokens.ids), tokens.kinds, strict=True))
    cuts = {cut.at: cut for cut in tokens.cuts}
    source, target = batch.input_ids[0], batch.labels[0]
    if tokens.family == "causal":
        parts = [(known, source, target)]
    else:
        inner = len(tokens.input_ids)
        parts = [(known[:inner], source, [IGNORED] * len(source)), (known[inner:], target, target)]
    at = 0
    for part, line, labels in parts:
        for (token, text, kind), label in zip(part, labels, strict=False):
            yield from _cut(cuts.pop(at, None), codec)
            yield PreviewToken(token, text, kind, trained=label != IGNORED)
            at += 1
        yield from _cut(cuts.pop(at, None), codec)
        for token, label in zip(line[len(part) :], labels[len(part) :], strict=True):
            yield PreviewToken(
                codec.pad if token == IGNORED else token, "", "padding", trained=label != IGNORED
            )


def _cut(cut: Cut | None, codec: Codec) -> Iterator[PreviewToken]:
    if cut is not None:
        for token, text in zip(cut.ids, codec.pieces(cut.ids), strict=True):
            yield PreviewToken(token, text, cut.kind, trained=False, cut=True)
