"""From rows of a dataset to padded tensors; what a row's tokens and labels are is decided in `composing`."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch.utils.data import Dataset

from store.errors import BadInput
from store.templates import Template
from workbench.composing import checks, masking
from workbench.composing import template as composing

_REASONS_KEPT = 20
_FLUSH_NUMBERS = 1 << 20


class TokenRows(Dataset[dict[str, torch.Tensor]]):
    """Rows of token ids and labels, once tokenised and then read from a file that the kernel caches.

    The file is unlinked from the start: it takes disk, not memory, and nothing stays behind whatever happens.
    """

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the rows)
        self._pending = array("i")
        self._ends = array("q", [0])
        self._numbers: np.ndarray[Any, np.dtype[np.int32]] = np.empty(0, np.int32)
        self.skipped = 0
        self.reasons: list[str] = []
        """Why rows were skipped: the first few."""

    def add(self, input_ids: Sequence[int], labels: Sequence[int]) -> None:
        """Append a row."""
        start = self._ends[-1]
        self._pending.extend(input_ids)
        self._pending.extend(labels)
        self._ends.extend((start + len(input_ids), start + len(input_ids) + len(labels)))
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
        if self._ends[-1]:
            self._numbers = np.memmap(self._file, dtype=np.int32, mode="r")

    def __len__(self) -> int:
        return len(self._ends) // 2

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        start, middle, end = self._ends[2 * index : 2 * index + 3]
        return {
            "input_ids": torch.from_numpy(self._numbers[start:middle].astype(np.int64)),  # [source]
            "labels": torch.from_numpy(self._numbers[middle:end].astype(np.int64)),  # [target]
        }

    def _flush(self) -> None:
        self._pending.tofile(self._file)
        self._pending = array("i")


def tokenise(
    rows: Iterable[dict[str, Any]],
    template: Template,
    codec: masking.Codec,
    *,
    max_length: int,
    seed: int,
    folder: Path,
    check: Callable[[], None],
) -> TokenRows:
    """Render, encode and mask every row; those that cannot be trained on are skipped, counted and told.

    Args:
        rows: Rows of one split, in order.
        template: The template; each row takes one of its variants, chosen by index and seed.
        codec: How the model's tokenizer encodes.
        max_length: Most tokens of a row.
        seed: Seed of the choice of variants.
        folder: Where the token file lies, unseen.
        check: Called for every row; may raise to end.

    Raises:
        BadInput: No row can be trained on.
    """
    made = TokenRows(folder)
    reason = "the split is empty"
    for index, row in enumerate(rows):
        check()
        try:
            example = composing.render(composing.choose(template, index, seed), row)
            tokens = masking.mask(example, codec, max_length)
        except BadInput as error:
            reason = str(error)
            made.skip(index, reason)
            continue
        fatal = [problem.message for problem in checks.problems(tokens, codec) if problem.fatal]
        if fatal:
            reason = fatal[0]
            made.skip(index, reason)
        else:
            made.add(tokens.input_ids, tokens.labels)
    made.close()
    if not len(made):
        raise BadInput(
            f"no row can be trained on ({reason})", "look at them with `workbench template render`"
        )
    return made


def collator(
    pad: int, *, multiple_of: int = 1
) -> Callable[[Sequence[dict[str, torch.Tensor]]], dict[str, torch.Tensor]]:
    """Make the function that pads a batch to its longest row.

    Args:
        pad: The tokenizer's padding id; labels are padded with the id that the loss ignores.
        multiple_of: Lengths are rounded up to this, which a GPU's matrix units like.
    """

    def collate(rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        sources = [row["input_ids"] for row in rows]
        # By length, not by id: padding and end of sequence may be the same token.
        masks = [torch.ones_like(source) for source in sources]
        return {
            "input_ids": _padded(sources, pad, multiple_of),  # [batch, source]
            "attention_mask": _padded(masks, 0, multiple_of),  # [batch, source]
            "labels": _padded(
                [row["labels"] for row in rows], masking.IGNORED, multiple_of
            ),  # [batch, target]
        }

    return collate


def _padded(rows: Sequence[torch.Tensor], value: int, multiple_of: int) -> torch.Tensor:
    longest = max(len(row) for row in rows)
    width = -(-longest // multiple_of) * multiple_of
    out = torch.full((len(rows), width), value, dtype=torch.long)  # [batch, width]
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = row
    return out
