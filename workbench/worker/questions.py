"""Rows of a split as questions to several systems, gathered into batches; nothing is answered here."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store import Store
from store.errors import BadInput
from store.evaluations import Evaluation
from workbench.composing.template import Composer, Example, composer

if TYPE_CHECKING:
    from workbench.worker.bank import Resident

BATCH_ROWS = 64
BATCH_TOKENS = 16_384
"""Of all rows of a batch, with padding and answers: keys and values of so many tokens are kept."""


@dataclass(frozen=True, eq=False)
class System:
    """One evaluation at its work: who answers, how it is asked, and which rows it has answered already."""

    evaluation: Evaluation
    resident: Resident | None
    composer: Composer
    variant: int | None
    answered: set[int]


@dataclass(frozen=True)
class Question:
    """One row as one system is asked it.

    The `source` is the text that it is given to work on, which an answer may copy (`Composer.source`); the
    seed is of what is drawn in answering.
    """

    system: System
    index: int
    example: Example
    source: str
    ids: list[int]
    seed: int


def system(store: Store, evaluation: Evaluation, resident: Resident | None) -> System:
    """Read how an evaluation asks, and what it was answered.

    Raises:
        NotFound: Its dataset or template is gone.
    """
    template = store.templates.get(evaluation.template)
    names = [each.name for each in template.variants]
    wanted = evaluation.settings["variant"]
    return System(
        evaluation,
        resident,
        composer(store, store.datasets.get(evaluation.dataset), template, evaluation.settings["seed"]),
        None if wanted is None else names.index(wanted),
        store.evaluations.answered(evaluation.id),
    )


def questions(
    systems: Sequence[System],
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    encode: Callable[[Example], list[int]],
) -> Iterator[Question]:
    """What systems have yet to be asked of some rows; rows that cannot be asked are told and left out.

    Args:
        systems: All of one dataset's split.
        rows: With their numbers in it.
        encode: From an example to the ids that the model is shown.
    """
    for index, row in rows:
        # Adapters are asked alike: a row is rendered once for each way of asking.
        rendered: dict[tuple[int, int | None], tuple[Example, str, list[int]] | None] = {}
        for each in systems:
            if index in each.answered:
                continue
            way = (each.composer.seed, each.variant)
            if way not in rendered:
                rendered[way] = _rendered(each, index, row, encode)
            found = rendered[way]
            if found is not None:
                yield Question(each, index, *found, _row_seed(each.composer.seed, index))


def batches(asked: Iterable[Question], new_tokens: int, most_tokens: int) -> Iterator[list[Question]]:
    """Gather questions of like length, the longest first: what has no room is known at the start.

    Args:
        asked: The questions.
        new_tokens: The most tokens of an answer.
        most_tokens: Of a batch, padding and answers included; one question may have more.
    """
    batch: list[Question] = []
    for question in sorted(asked, key=lambda each: -len(each.ids)):
        longest = len((batch or [question])[0].ids) + new_tokens
        if batch and (len(batch) == BATCH_ROWS or longest * (len(batch) + 1) > most_tokens):
            yield batch
            batch = []
        batch.append(question)
    if batch:
        yield batch


def _rendered(
    asking: System, index: int, row: Mapping[str, Any], encode: Callable[[Example], list[int]]
) -> tuple[Example, str, list[int]] | None:
    try:
        example = asking.composer.example(index, row, asking.variant)
        return example, asking.composer.source(index, row, asking.variant), encode(example)
    except BadInput as error:
        sys.stderr.write(f"row {index} is left out: {error}\n")
        return None


def _row_seed(seed: int, index: int) -> int:
    """A seed of the row's own: with one for all, rows would share their luck, and seeds differ by more."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{index}".encode(), digest_size=7).digest())
