"""Rows of like length in one batch: an order that seed and epoch alone decide, so that a run resumes."""

from __future__ import annotations

import random
from collections.abc import Sequence

BATCHES_SORTED = 50
"""So many batches of shuffled rows are sorted among themselves: like lengths, and still by chance."""


def epoch_order(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int, *, shuffled: bool = True
) -> list[int]:
    """The order of one pass: batches of like length, the batches themselves in random order.

    A batch that is not full comes last, so that batches are what is cut from the order one after the other.

    Args:
        lengths: Tokens of each row.
        batch_size: Rows of a batch.
        seed: Another seed is another order.
        epoch: Another pass is another order.
        shuffled: Deal the rows out anew first; a mixture's draws are in their order already.
    """
    # S311: an order is to be repeatable, not secret.
    chance = random.Random(f"{seed}/length/{epoch}")  # noqa: S311
    rows = list(range(len(lengths)))
    if shuffled:
        chance.shuffle(rows)
    order: list[int] = []
    size = batch_size * BATCHES_SORTED
    for start in range(0, len(rows), size):
        alike = sorted(rows[start : start + size], key=lambda row: lengths[row], reverse=True)
        batches = [alike[at : at + batch_size] for at in range(0, len(alike), batch_size)]
        rest = batches.pop() if len(batches[-1]) < batch_size else []
        chance.shuffle(batches)
        order += [row for batch in batches for row in batch] + rest
    return order
