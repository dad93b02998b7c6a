"""Many rows on their way to tokens: rendered one by one, encoded many at once while the next are rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from store.errors import BadInput
from workbench.composing import checks, masking
from workbench.composing.masking import Codec, Tokens
from workbench.composing.template import Composer, Example

ENCODED_AT_ONCE = 256

Refuse = Callable[[int, BadInput], None]
Skip = Callable[[int, str], object]
Rendered = tuple[int, Example | BadInput]
Made = tuple[int, Example, Tokens]


def masked(
    rows: Iterable[Mapping[str, Any]],
    composer: Composer,
    codec: Codec,
    max_length: int,
    refuse: Refuse,
    start: int = 0,
) -> Iterator[Made]:
    """Render, encode and mask rows.

    Args:
        rows: Rows of one split, in order.
        composer: The template at work.
        codec: The model's tokenizer.
        max_length: The most tokens of a row.
        refuse: Told of every row that cannot be rendered or masked, by its number; such rows are left out.
        start: The number of the first of the rows in its split.

    Yields:
        A row's number, its example and its tokens, in the order of the rows.
    """
    numbered = enumerate(rows, start)
    # The tokenizer lets other threads run while it encodes: what it takes, rendering need not wait for.
    with ThreadPoolExecutor(1, "encode") as thread:
        encoding: Future[list[Made | Rendered]] | None = None
        while chunk := list(islice(numbered, ENCODED_AT_ONCE)):
            rendered = [_rendered(composer, index, row) for index, row in chunk]
            before, encoding = encoding, thread.submit(_encoded, rendered, codec, max_length)
            if before is not None:
                yield from _good(before.result(), refuse)
        if encoding is not None:
            yield from _good(encoding.result(), refuse)


def trainable(
    rows: Iterable[Mapping[str, Any]],
    composer: Composer,
    codec: Codec,
    max_length: int,
    skip: Skip,
    start: int = 0,
) -> Iterator[Made]:
    """As `masked`, without the rows from which nothing can be learned.

    Args:
        rows: Rows of one split, in order.
        composer: The template at work.
        codec: The model's tokenizer.
        max_length: The most tokens of a row.
        skip: Told of every row that is left out, by its number, and why.
        start: The number of the first of the rows in its split.
    """

    def refuse(index: int, error: BadInput) -> None:
        skip(index, str(error))

    for index, example, tokens in masked(rows, composer, codec, max_length, refuse, start):
        fatal = [each.message for each in checks.problems(tokens, codec, example) if each.fatal]
        if fatal:
            skip(index, fatal[0])
        else:
            yield index, example, tokens


def _rendered(composer: Composer, index: int, row: Mapping[str, Any]) -> Rendered:
    try:
        return index, composer.example(index, row)
    except BadInput as error:
        return index, error


def _encoded(rows: Sequence[Rendered], codec: Codec, max_length: int) -> list[Made | Rendered]:
    examples = [each for _, each in rows if isinstance(each, Example)]
    try:
        many = iter(masking.mask_many(examples, codec, max_length))
    except BadInput:
        # One of them is refused: which one is seen when they come alone.
        return [_alone(index, each, codec, max_length) for index, each in rows]
    return [(index, each, next(many)) if isinstance(each, Example) else (index, each) for index, each in rows]


def _alone(index: int, each: Example | BadInput, codec: Codec, max_length: int) -> Made | Rendered:
    if isinstance(each, BadInput):
        return index, each
    try:
        return index, each, masking.mask(each, codec, max_length)
    except BadInput as error:
        return index, error


def _good(rows: Iterable[Made | Rendered], refuse: Refuse) -> Iterator[Made]:
    for row in rows:
        if len(row) == 3:
            yield row
        elif isinstance(row[1], BadInput):
            refuse(row[0], row[1])
