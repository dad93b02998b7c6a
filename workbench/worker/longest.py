"""The batches that take most memory: the longest rows of what a run reads, gathered as its trainer would.

A batch is padded to its longest row, so what a run needs is decided by these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

LOOKED_AT = 4096
"""Rows, from all over, of a dataset that cannot tell its rows' lengths."""

Row = dict[str, torch.Tensor]
Batch = dict[str, torch.Tensor]
Lengths = np.ndarray[Any, np.dtype[np.int64]]  # [rows, 2]


@dataclass(frozen=True)
class Shape:
    """What a batch's size is known by."""

    rows: int
    source: int
    """Tokens of each row of `input_ids`, padding included."""
    target: int
    """Tokens of each row of `labels`."""
    padded: bool
    """Whether any row is shorter than the others."""

    @classmethod
    def of(cls, batch: Batch) -> Shape:
        """The shape of a batch."""
        source, target = batch["input_ids"].shape, batch["labels"].shape
        return cls(source[0], source[1], target[1], not bool(batch["attention_mask"].all()))

    def with_rows(self, rows: int) -> Shape:
        """A batch of fewer rows, which may as well be the longest ones; a single row has no padding."""
        return Shape(rows, self.source, self.target, self.padded and rows > 1)


def longest_rows(lengths: Lengths, count: int) -> list[int]:
    """The numbers of the rows that together make the largest batch.

    The longest source and the longest target decide the padding, whichever rows they are in; a shortest row
    beside rows of one length makes it a batch with padding, which needs a mask.

    Args:
        lengths: Tokens of each row's source and target.
        count: Rows of the batch; there may be fewer.
    """
    largest = np.argsort(-lengths.sum(axis=1), kind="stable")[:count].tolist()
    widest = lengths.argmax(axis=0).tolist() if count > 1 else []
    chosen = list(dict.fromkeys([*widest, *largest]))[:count]
    if 1 < len(chosen) < len(lengths) and len({int(lengths[row][0]) for row in chosen}) == 1:
        chosen[-1] = int(lengths[:, 0].argmin())
    return chosen


def longest_batch(dataset: Any, rows: int, collate: Callable[[Sequence[Row]], Batch]) -> Batch:
    """The largest batch of a dataset, as its trainer would gather it.

    Args:
        dataset: Rows of `input_ids` and `labels` by number; one with `lengths()` is not read through, and of
            one with `tasks` all rows of these count, however often they are drawn.
        rows: Rows of a batch.
        collate: The trainer's own.
    """
    parts = list(getattr(dataset, "tasks", [dataset]))
    numbered = [(part, number) for part in parts for number in _numbers(part)]
    lengths = np.concatenate([_lengths(part) for part in parts])
    chosen = [numbered[each] for each in longest_rows(lengths, rows)]
    return collate([part[number] for part, number in chosen])


def _numbers(part: Any) -> range:
    return range(0, len(part), 1 if hasattr(part, "lengths") else -(-len(part) // LOOKED_AT))


def _lengths(part: Any) -> Lengths:
    if hasattr(part, "lengths"):
        return np.asarray(part.lengths())
    rows = [part[number] for number in _numbers(part)]
    return np.array([(len(row["input_ids"]), len(row["labels"])) for row in rows])
