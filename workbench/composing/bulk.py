"""Many rows on their way to tokens: rendered one by one, encoded many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from store.errors import BadInput
from workbench.composing import masking
from workbench.composing.masking import Codec, Tokens
from workbench.composing.template import Composer, Example

ENCODED_AT_ONCE = 256

Refuse = Callable[[int, BadInput], None]


def masked(
    rows: Iterable[Mapping[str, Any]],
    composer: Composer,
    codec: Codec,
    max_length: int,
    refuse: Refuse,
    start: int = 0,
) -> Iterator[tuple[int, Example, Tokens]]:
    """Render, encode and mask rows.

    Args:
        rows: Rows of one split, in order.
        composer: The template at work.
        codec: The model's tokenizer.
        max_length: The most tokens of a row.
        refuse: Told of every row that cannot be rendered or masked, by its number; such rows are left out.
        start: The number of the first of the rows in its split.

    Yields:
        A row's number, its example and its tokens.
    """
    numbered = enumerate(rows, start)
    while chunk := list(islice(numbered, ENCODED_AT_ONCE)):
        examples: list[tuple[int, Example]] = []
        for index, row in chunk:
            try:
                examples.append((index, composer.example(index, row)))
            except BadInput as error:
                refuse(index, error)
        yield from _encoded(examples, codec, max_length, refuse)


def _encoded(
    examples: Sequence[tuple[int, Example]], codec: Codec, max_length: int, refuse: Refuse
) -> Iterator[tuple[int, Example, Tokens]]:
    try:
        many = masking.mask_many([example for _, example in examples], codec, max_length)
    except BadInput:
        # One of them is refused: which one is seen when they come alone.
        for index, example in examples:
            try:
                yield index, example, masking.mask(example, codec, max_length)
            except BadInput as error:
                refuse(index, error)
        return
    for (index, example), tokens in zip(examples, many, strict=True):
        yield index, example, tokens
