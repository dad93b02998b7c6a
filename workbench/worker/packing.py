"""Several rows in one sequence, each reading only itself: the sequences, their tensors, and the proof of it.

A causal model is given positions that begin anew with each row and no attention mask: transformers then keeps
the rows apart. An encoder-decoder gets block masks, made in `forward`. `batch_size` counts sequences.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset
from transformers import PreTrainedModel

from store.errors import BadInput
from workbench.composing.masking import IGNORED
from workbench.runs.packing import Length, pack_epoch
from workbench.worker.batches import collator, filled
from workbench.worker.forward import POSITIONS, SEGMENTS, TOKENS, TrainingForward, label_positions

Row = dict[str, torch.Tensor]
Batch = dict[str, Any]

_PROBE_LENGTHS: tuple[Length, ...] = ((5, 4), (9, 6), (7, 3))
_PROBE_BATCH = 2


class Rows(Protocol):
    """Rows by number, and how long each is."""

    def __getitem__(self, index: int) -> Row: ...

    def length_of(self, index: int) -> Length:
        """Tokens of a row's input and of its labels."""


class Packs(Dataset[list[Row]]):
    """Sequences of rows, all passes in one line; item k is sequence k, whoever asks first.

    Args:
        rows: What is packed.
        a_pass: The numbers of the rows of pass n, in order.
        capacity: Tokens of a sequence.
        sides: 2 where an encoder reads the input and a decoder writes the labels, else 1.
        seed: Another seed is another order.
    """

    def __init__(
        self, rows: Rows, a_pass: Callable[[int], Sequence[int]], *, capacity: int, sides: int, seed: int
    ) -> None:
        self.rows = rows
        self._pass = a_pass
        self._capacity = capacity
        self._sides = sides
        self._seed = seed
        self._starts = [0]
        self._newest: dict[int, list[list[int]]] = {}
        self._count = 0

    def extend(self, *, passes: float = 0.0, sequences: int = 0) -> None:
        """Say how long the line is: so many passes, the last perhaps in part, or so many sequences."""
        whole = math.floor(passes)
        while len(self._starts) <= whole:
            self._starts.append(self._starts[-1] + len(self._packed(len(self._starts) - 1)))
        part = passes - whole
        self._count = sequences or self._starts[whole] + (
            math.ceil(part * len(self._packed(whole))) if part else 0
        )

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> list[Row]:
        return [self.rows[row] for row in self.numbers(index)]

    def numbers(self, index: int) -> list[int]:
        """The numbers of the rows of a sequence."""
        while self._starts[-1] <= index:
            self._starts.append(self._starts[-1] + len(self._packed(len(self._starts) - 1)))
        turn = bisect.bisect_right(self._starts, index) - 1
        return self._packed(turn)[index - self._starts[turn]]

    def drawn(self, sequences: int) -> Iterator[int]:
        """The numbers of all rows in the first so many sequences."""
        for index in range(min(sequences, self._count)):
            yield from self.numbers(index)

    def per_pass(self) -> int:
        """Sequences of the first pass."""
        return len(self._packed(0))

    def filled(self) -> float:
        """The share of the first pass's input positions that hold tokens."""
        tokens = sum(self.rows.length_of(row)[0] for pack in self._packed(0) for row in pack)
        return tokens / (self.per_pass() * self._capacity)

    def _packed(self, turn: int) -> list[list[int]]:
        if turn not in self._newest:
            numbers = self._pass(turn)
            lengths = [self._length(number) for number in numbers]
            if len(self._newest) > 1:  # a resumed run asks in order; more would be memory for nothing
                del self._newest[next(iter(self._newest))]
            self._newest[turn] = pack_epoch(numbers, lengths, self._capacity, f"{self._seed}/pack/{turn}")
        return self._newest[turn]

    def _length(self, number: int) -> Length:
        source, target = self.rows.length_of(number)
        return (source, target) if self._sides > 1 else (source, 0)


def causal_collator(
    pad: int, *, multiple_of: int = 1, flat: bool = False
) -> Callable[[Sequence[Sequence[Row]]], Batch]:
    """Make the function that lays packed sequences under each other, for a causal model.

    Args:
        pad: The padding id. What a sequence is filled up with counts as a row of its own, which none reads.
        multiple_of: Lengths are rounded up to this.
        flat: One long sequence instead, which is what flash attention tells rows apart in.
    """

    def collate(packs: Sequence[Sequence[Row]]) -> Batch:
        lines = [[row for pack in packs for row in pack]] if flat else packs
        ids = _filled([[row["input_ids"] for row in line] for line in lines], pad, multiple_of)
        places = [[torch.arange(len(row["input_ids"])) for row in line] for line in lines]
        labels = [[_after_first(row["labels"]) for row in line] for line in lines]
        learned = _filled(labels, IGNORED, multiple_of)
        return {
            "input_ids": ids,  # [batch, tokens]
            "position_ids": _counted(places, ids.shape[1]),  # [batch, tokens]
            "labels": learned,  # [batch, tokens]
            POSITIONS: label_positions(learned, shifts=True),  # [2, learned]
            TOKENS: sum(len(row["input_ids"]) for line in lines for row in line),
        }

    return collate


def seq2seq_collator(
    pad: int, start: int, *, multiple_of: int = 1
) -> Callable[[Sequence[Sequence[Row]]], Batch]:
    """Make the function that lays packed sequences under each other, for an encoder-decoder.

    Args:
        pad: The padding id.
        start: The id that a decoder starts each row with.
        multiple_of: Lengths are rounded up to this.
    """
    begin = torch.tensor([start])

    def collate(packs: Sequence[Sequence[Row]]) -> Batch:
        sources = [[row["input_ids"] for row in pack] for pack in packs]
        targets = [[row["labels"] for row in pack] for pack in packs]
        given = [[torch.cat((begin, row[:-1])).clamp_min(0) for row in pack] for pack in targets]
        labels = _filled(targets, IGNORED, multiple_of)
        return {
            "input_ids": _filled(sources, pad, multiple_of),  # [batch, source]
            SEGMENTS[0]: _filled(_numbered(sources), 0, multiple_of),  # [batch, source]
            "decoder_input_ids": _filled(given, pad, multiple_of),  # [batch, target]
            SEGMENTS[1]: _filled(_numbered(targets), 0, multiple_of),  # [batch, target]
            "labels": labels,  # [batch, target]
            POSITIONS: label_positions(labels, shifts=False),  # [2, learned]
            TOKENS: sum(len(row) for pack in (*sources, *targets) for row in pack),
        }

    return collate


def padded_collator(pad: int, *, multiple_of: int = 1, shifts: bool) -> Callable[[Sequence[Row]], Batch]:
    """Make the function that pads a batch, and tells where its labels are and how many tokens it holds.

    Args:
        pad: The padding id.
        multiple_of: Lengths are rounded up to this.
        shifts: Whether a label is predicted at the position before it.
    """
    padded = collator(pad, multiple_of=multiple_of)

    def collate(rows: Sequence[Row]) -> Batch:
        batch: Batch = dict(padded(rows))
        tokens = sum(len(row["input_ids"]) + (0 if shifts else len(row["labels"])) for row in rows)
        return {**batch, POSITIONS: label_positions(batch["labels"], shifts=shifts), TOKENS: tokens}

    return collate


def placed(batch: Batch, device: torch.device) -> Batch:
    """A batch on a device."""
    return {
        name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in batch.items()
    }


def prove(
    model: torch.nn.Module,
    base: PreTrainedModel,
    forward: TrainingForward,
    collate: Callable[[Sequence[Sequence[Row]]], Batch],
) -> None:
    """See that a packed row is read as if it were alone, before anything is trained on it.

    Not every architecture keeps rows apart: some have no positions to tell them by, or a state that runs on.

    Args:
        model: The model with its adapter.
        base: The model below it.
        forward: The pass that stands in it.
        collate: What makes the run's batches.

    Raises:
        BadInput: It is not.
    """
    shifts = not base.config.is_encoder_decoder
    packs = [_probe_rows(base, shifts=shifts, seed=seed) for seed in range(_PROBE_BATCH)]
    alone = padded_collator(0, shifts=shifts)
    try:
        together = _rows_of(forward.logits(model, placed(collate(packs), base.device)), packs, shifts)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _refusal(base, f"it does not take packed rows ({str(error).splitlines()[0][:200]})") from error
    exact = base.dtype == torch.float32 and not torch.is_autocast_enabled(base.device.type)
    within = 1e-3 if exact else 5e-2
    for row, packed in zip((row for pack in packs for row in pack), together, strict=True):
        single = forward.logits(model, placed(alone([row]), base.device))[0].float()
        away = float((packed.float() - single).abs().max() / single.abs().max())
        if not away <= within:
            raise _refusal(base, f"it reads across rows: a packed row's logits differ by {away:.0%}")


def _refusal(base: PreTrainedModel, reason: str) -> BadInput:
    return BadInput(
        f"packing does not suit {type(base).__name__}: {reason}",
        "set packing=false; group_by_length=true saves most of the padding with any model",
    )


def _probe_rows(base: PreTrainedModel, *, shifts: bool, seed: int) -> list[Row]:
    chance = torch.Generator().manual_seed(seed)
    most = base.config.get_text_config().vocab_size
    rows = []
    for source, target in _PROBE_LENGTHS:
        ids = torch.randint(most, (source,), generator=chance)
        labels = ids.clone() if shifts else torch.randint(most, (target,), generator=chance)
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def _rows_of(logits: torch.Tensor, packs: list[list[Row]], shifts: bool) -> list[torch.Tensor]:
    """Each row's part of a packed batch's logits, whether the sequences stand in one line or in several."""
    found = []
    line, at = 0, 0
    for pack in packs:
        for row in pack:
            length = len(row["input_ids" if shifts else "labels"])
            found.append(logits[line, at : at + length])
            at += length
        if len(logits) > 1:
            line, at = line + 1, 0
    return found


def _after_first(labels: torch.Tensor) -> torch.Tensor:
    """A row's labels without its first: nothing of the row stands before it that could predict it."""
    labels = labels.clone()
    labels[:1] = IGNORED
    return labels


def _numbered(lines: Sequence[Sequence[torch.Tensor]]) -> list[list[torch.Tensor]]:
    return [[torch.full_like(row, number) for number, row in enumerate(line, start=1)] for line in lines]


def _filled(lines: Sequence[Sequence[torch.Tensor]], value: int, multiple_of: int) -> torch.Tensor:
    return filled([torch.cat(list(line)) for line in lines], value, multiple_of)


def _counted(places: Sequence[Sequence[torch.Tensor]], width: int) -> torch.Tensor:
    """Positions that begin anew with each row, and with what fills a sequence up."""
    lines = [torch.cat(list(line)) for line in places]
    return torch.stack([torch.cat((line, torch.arange(width - len(line)))) for line in lines])
