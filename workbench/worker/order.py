"""The order of a run's rows: in each epoch a pure function of seed and epoch, whatever happened before.

A run that goes on in the middle of an epoch asks for the same order and skips what it has had; no row is
loaded for that. A mixture has an order of its own (`data.Draws`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

Order = Callable[[int], Sequence[int]]
"""From an epoch to the rows' indexes in their order: each once, or those that are to be seen."""


def shuffled(rows: int, seed: int) -> Order:
    """The order that draws without replacement: every row once in each epoch.

    Args:
        rows: So many there are.
        seed: The run's.
    """

    def order(epoch: int) -> Sequence[int]:
        return np.random.default_rng([seed, epoch]).permutation(rows).tolist()

    return order


class EpochOrder(Sampler[int]):
    """A sampler that walks through an order, a new one in each epoch.

    Args:
        order: From an epoch to indexes; every epoch must have as many.
        count: So many they are.
    """

    def __init__(self, order: Order, count: int) -> None:
        self._order = order
        self._count = count
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch that the next walk is through; the trainer does so before each."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(self._order(self._epoch))
