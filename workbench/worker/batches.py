"""From rows of a dataset to padded tensors; what a row's tokens and labels are is decided in `composing`."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch.utils.data import Dataset

from store.errors import BadInput
from workbench.composing import bulk, masking
from workbench.composing.template import Composer

_REASONS_KEPT = 20
_FLUSH_NUMBERS = 1 << 20
_ROWS_AT_ONCE = 1024


class TokenRows(Dataset[dict[str, torch.Tensor]]):
    """Rows of token ids and labels, once tokenised and then read from a file that the kernel caches.

    The file is unlinked from the start: it takes disk, not memory, and nothing stays behind whatever happens.
    """

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the rows)
        self._pending = array("i")
        self.ends = array("q", [0])
        """Where the ids and the labels of each row end, among the numbers."""
        self.numbers: np.ndarray[Any, np.dtype[np.int32]] = np.empty(0, np.int32)
        """The ids and labels of all rows, one row after the other."""
        self.skipped = 0
        self.reasons: list[str] = []
        """Why rows were skipped: the first few."""

    @classmethod
    def of(
        cls,
        file: BinaryIO,
        ends: array[int],
        numbers: np.ndarray[Any, np.dtype[np.int32]],
        skipped: int,
        reasons: list[str],
    ) -> TokenRows:
        """Rows that were tokenised before.

        Args:
            file: Stays open as long as the rows live.
            ends: As the rows had them.
            numbers: As the rows had them.
            skipped: Of the rows that could not be trained on, how many.
            reasons: And why, the first few.
        """
        rows = cls.__new__(cls)
        rows._file, rows._pending, rows.ends, rows.numbers = file, array("i"), ends, numbers
        rows.skipped, rows.reasons = skipped, reasons
        return rows

    def add(self, input_ids: Sequence[int], labels: Sequence[int]) -> None:
        """Append a row."""
        start = self.ends[-1]
        self._pending.extend(input_ids)
        self._pending.extend(labels)
        self.ends.extend((start + len(input_ids), start + len(input_ids) + len(labels)))
        if len(self._pending) > _FLUSH_NUMBERS:
            self._flush()

    def skip(self, index: int, reason: str) -> None:
        """Leave a row out, and remember why."""
        self.skipped += 1
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(f"row {index}: {reason}")

    def close(self) -> None:
        """End adding; the rows can be read from now on."""
        self._flush()
        self._file.flush()
        if self.ends[-1]:
            self.numbers = np.memmap(self._file, dtype=np.int32, mode="r")

    def __len__(self) -> int:
        return len(self.ends) // 2

    def length_of(self, index: int) -> tuple[int, int]:
        """How many ids and how many labels a row has."""
        start, middle, end = self.ends[2 * index : 2 * index + 3]
        return middle - start, end - middle

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        start, middle, end = self.ends[2 * index : 2 * index + 3]
        return {
            "input_ids": torch.from_numpy(self.numbers[start:middle].astype(np.int64)),  # [source]
            "labels": torch.from_numpy(self.numbers[middle:end].astype(np.int64)),  # [target]
        }

    def sizes(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Tokens of each row's source, of its target, and those of the target that are learned: [rows, 3]."""
        ends = np.array(self.ends, np.int64)
        lengths = np.diff(ends).reshape(-1, 2)
        learned = np.zeros(len(self), np.int64)
        for first in range(0, len(self), _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, len(self))
            start = ends[2 * first]
            # One more than there are numbers: how many labels were learned before each.
            before = np.zeros(ends[2 * last] - start + 1, np.int64)
            np.cumsum(self.numbers[start : ends[2 * last]] != masking.IGNORED, out=before[1:])
            middles, row_ends = ends[2 * first + 1 : 2 * last : 2], ends[2 * first + 2 : 2 * last + 1 : 2]
            learned[first:last] = before[row_ends - start] - before[middles - start]
        return np.column_stack((lengths, learned))

    def _flush(self) -> None:
        self._pending.tofile(self._file)
        self._pending = array("i")


def tokenise(
    rows: Iterable[dict[str, Any]],
    composer: Composer,
    codec: masking.Codec,
    *,
    max_length: int,
    folder: Path,
    check: Callable[[], None],
) -> TokenRows:
    """Render, encode and mask every row; those that cannot be trained on are skipped, counted and told.

    Args:
        rows: Rows of one split, in order.
        composer: The template at work.
        codec: How the model's tokenizer encodes.
        max_length: Most tokens of a row.
        folder: Where the token file lies, unseen.
        check: Called for every row; may raise to end.

    Raises:
        BadInput: No row can be trained on.
    """
    made = TokenRows(folder)

    def watched() -> Iterator[dict[str, Any]]:
        for row in rows:
            check()
            yield row

    for _, _, tokens in bulk.trainable(watched(), composer, codec, max_length, made.skip):
        made.add(tokens.input_ids, tokens.labels)
    made.close()
    if not len(made):
        reason = made.reasons[-1].partition(": ")[2] if made.reasons else "the split is empty"
        raise BadInput(
            f"no row can be trained on ({reason})", "look at them with `workbench template render`"
        )
    return made


def collator(
    pad: int, *, multiple_of: int = 1
) -> Callable[[Sequence[dict[str, torch.Tensor]]], dict[str, torch.Tensor]]:
    """Make the function that pads a batch to its longest row, as `masking.collate` does.

    Args:
        pad: The tokenizer's padding id; labels are padded with the id that the loss ignores.
        multiple_of: Lengths are rounded up to this, which a GPU's matrix units like.
    """

    def collate(rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        sources = [row["input_ids"] for row in rows]
        lengths = torch.tensor([len(source) for source in sources])
        input_ids = filled(sources, pad, multiple_of)
        # By length, not by id: padding and end of sequence may be the same token.
        mask = (torch.arange(input_ids.shape[1]) < lengths[:, None]).long()
        return {
            "input_ids": input_ids,  # [batch, source]
            "attention_mask": mask,  # [batch, source]
            "labels": filled(
                [row["labels"] for row in rows], masking.IGNORED, multiple_of
            ),  # [batch, target]
        }

    return collate


def filled(lines: Sequence[torch.Tensor], value: int, multiple_of: int) -> torch.Tensor:
    """Lines of unlike length under each other, filled up at their right, `[lines, longest]`.

    Args:
        lines: Each `[length]`.
        value: What fills them up.
        multiple_of: The length of the whole is rounded up to this.
    """
    width = -(-max(map(len, lines)) // multiple_of) * multiple_of
    made = torch.full((len(lines), width), value)
    for at, line in enumerate(lines):
        made[at, : len(line)] = line
    return made
