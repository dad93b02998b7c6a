"""The batches that take most memory: the longest rows of what a run reads, gathered as its trainer would.

A batch is padded to its longest row and makes logits of what is learned: these two decide what a run needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workbench.worker.batches import TokenRows
from workbench.worker.data import Draws
from workbench.worker.forward import POSITIONS
from workbench.worker.packing import Packs
from workbench.worker.swift import Collate

Batch = dict[str, Any]
Sizes = np.ndarray[Any, np.dtype[np.int64]]  # [rows, 3]: tokens of source, of target, and learned ones


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
    learned: int
    """Labels that count, of all rows together."""
    most_learned: int
    """Of one row."""
    packed: bool = False
    """Whether a row is a sequence of several."""

    @classmethod
    def of(cls, batch: Batch) -> Shape:
        """The shape of a batch."""
        (rows, source), target = batch["input_ids"].shape, batch["labels"].shape[1]
        learned: torch.Tensor = batch[POSITIONS]  # [2, learned]
        packed = "attention_mask" not in batch
        return cls(
            rows,
            source,
            target,
            padded=not packed and not bool(batch["attention_mask"].all()),
            learned=learned.shape[1],
            most_learned=int(learned[0].bincount().max()) if learned.numel() else 0,
            packed=packed,
        )

    def with_rows(self, rows: int) -> Shape:
        """A batch of fewer rows, which may as well be the longest ones; a single row has no padding."""
        return Shape(
            rows,
            self.source,
            self.target,
            self.padded and rows > 1,
            min(self.learned, rows * self.most_learned),
            self.most_learned,
            self.packed,
        )


def longest_rows(sizes: Sizes, count: int) -> list[int]:
    """The numbers of the rows that together make the largest batch.

    The longest source and the longest target decide the padding, whichever rows they are in, and all others
    are those that learn most; a shortest row beside rows of one length makes it a batch with padding, which
    needs a mask.

    Args:
        sizes: Tokens of each row's source, of its target, and learned ones.
        count: Rows of the batch; there may be fewer.
    """
    source, target, learned = sizes.T
    if count == 1:
        return [_most(source + target, learned)]
    most = np.lexsort((-source - target, -learned))[:count].tolist()
    chosen = list(dict.fromkeys([_most(source, learned), _most(target, learned), *most]))[:count]
    if 1 < len(chosen) < len(sizes) and len({int(source[row]) for row in chosen}) == 1:
        chosen[-1] = int(source.argmin())
    return chosen


def longest_batch(dataset: TokenRows | Draws | Packs, rows: int, collate: Collate) -> Batch:
    """The largest batch of a dataset, as its trainer would gather it.

    Args:
        dataset: Of a mixture all rows of the tasks count, however often they are drawn; of packed sequences
            those of the first pass.
        rows: Rows of a batch.
        collate: The trainer's own.
    """
    if isinstance(dataset, Draws):
        places = [(task, row) for task in dataset.tasks for row in range(len(task))]
        chosen = longest_rows(np.concatenate([task.sizes() for task in dataset.tasks]), rows)
        return collate([places[each][0][places[each][1]] for each in chosen])
    sizes = _packed_sizes(dataset) if isinstance(dataset, Packs) else dataset.sizes()
    return collate([dataset[number] for number in longest_rows(sizes, rows)])


def _most(of: Sizes, then: Sizes) -> int:
    """The number of the largest value, by another value among equals."""
    return int(np.lexsort((-then, -of))[0])


def _packed_sizes(packs: Packs) -> Sizes:
    sequences = [packs.numbers(index) for index in range(packs.per_pass())]
    drawn = _row_sizes(packs.rows, [row for sequence in sequences for row in sequence])
    starts = np.cumsum([0, *map(len, sequences[:-1])])
    return np.add.reduceat(drawn, starts, axis=0)


def _row_sizes(rows: Any, numbers: Sequence[int]) -> Sizes:
    if isinstance(rows, TokenRows):
        return rows.sizes()[numbers]
    tables = [task.sizes() for task in rows.tasks]
    return np.array([tables[task][row] for task, row in (rows.order[number] for number in numbers)])
