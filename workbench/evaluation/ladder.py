"""Words with a label per order: what the runs of 1, 2, 3 and 4 words through each of them got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workbench.evaluation import orders
from workbench.evaluation.orders import Label
from workbench.evaluation.paths import Path
from workbench.evaluation.words import Words


class WordLabel(NamedTuple):
    """One word of the raw text, `text` from `start` to `end` in characters.

    `labels` tell, for runs of 1, 2, 3 and 4 words, the best that a run through the word got; `longest` is the
    longest run that matched. Of the prediction alone: `path`, whether the word is on all longest common
    subsequences, on some or on none; and in BLEU `loss`, in nats, what the word costs, and `without`, by how
    much BLEU would change were it not there. A score of 0 has no losses.
    """

    text: str
    start: int
    end: int
    labels: tuple[Label, ...]
    longest: int
    path: Path | None = None
    loss: float | None = None
    without: float | None = None


def labelled(
    words: Words,
    ranks: Sequence[Sequence[int]],
    names: Sequence[Label],
    *columns: Sequence[Path | float | None] | None,
) -> tuple[WordLabel, ...]:
    """Label the words of one side.

    Args:
        words: Its words.
        ranks: Per order from 1 on the ranks of its runs.
        names: The label of each rank.
        columns: `path`, `loss` and `without` of each word, as far as there are any.
    """
    length = len(words.keys)
    by_word = list(
        zip(*[orders.per_word(each, order, length) for order, each in enumerate(ranks, 1)], strict=True)
    )
    nothing = [None] * length
    return tuple(
        map(
            WordLabel,
            words.texts,
            words.starts,
            words.ends,
            [tuple([names[rank] for rank in each]) for each in by_word],
            [_longest(each) for each in by_word],
            *[column or nothing for column in columns],
        )
    )


def _longest(ranks: Sequence[int]) -> int:
    """The highest order whose run through a word matched; 0 where none did."""
    return max((order for order, rank in enumerate(ranks, 1) if rank == 0), default=0)
