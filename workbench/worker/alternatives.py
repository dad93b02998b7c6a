"""What to change about a run that does not fit, each way tried on fake tensors before it is offered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.runs.options import RunOptions

CHECKPOINTED = {"gradient_checkpointing": True}
QUANTISABLE = ("lora", "rslora", "dora")
NOT_CHECKPOINTED = ("prefix-tuning",)

Peak = Callable[[RunOptions], int]


@dataclass(frozen=True)
class Alternative:
    """A change that makes a run fit."""

    settings: dict[str, Any]
    method: str | None
    """Another method, where that is part of it."""
    bytes: int
    """What it needs of the device."""


def find(options: RunOptions, free: int, needed: Peak) -> list[Alternative]:
    """Look for changes that need no more than what is free, the mildest first.

    Args:
        options: The run, which needs more.
        free: Bytes of the device.
        needed: What a run needs of the device.

    Returns:
        Up to one of each kind: a smaller micro-batch of the same effective batch, recomputed activations,
        4-bit weights; where none of them suffices alone, the first combination that does.
    """
    found = [each for ways in _single_ways(options) if (each := _first(options, ways, free, needed))]
    if found:
        return found
    combined = _first(options, _combined_ways(options), free, needed)
    return [combined] if combined else []


Way = tuple[dict[str, Any], str | None]


def _first(options: RunOptions, ways: Iterator[Way], free: int, needed: Peak) -> Alternative | None:
    for settings, method in ways:
        size = needed(changed(options, settings, method))
        if size <= free:
            return Alternative(settings, method, size)
    return None


def changed(options: RunOptions, settings: dict[str, Any], method: str | None) -> RunOptions:
    """A run with other settings and perhaps another method."""
    return dataclasses.replace(
        options,
        method=method or options.method,
        settings=dataclasses.replace(options.settings, **settings),
    )


def _single_ways(options: RunOptions) -> Iterator[Iterator[Way]]:
    yield ((batch, None) for batch in smaller_batches(options))
    if _can_checkpoint(options):
        yield iter([(CHECKPOINTED, None)])
    if options.method in QUANTISABLE:
        yield iter([({}, "qlora")])


def _combined_ways(options: RunOptions) -> Iterator[Way]:
    batches = smaller_batches(options) or [{}]
    if _can_checkpoint(options):
        yield from (({**batch, **CHECKPOINTED}, None) for batch in batches)
    if options.method in QUANTISABLE:
        yield {**batches[-1]}, "qlora"
        if _can_checkpoint(options):
            yield {**batches[-1], **CHECKPOINTED}, "qlora"


def smaller_batches(options: RunOptions) -> list[dict[str, Any]]:
    """Micro-batches of a half, a quarter … of the rows, down to one, with the same rows behind each step."""
    rows, passes = options.settings.batch_size, options.settings.gradient_accumulation_steps
    ways, each = [], rows
    while each > 1:
        # A size that does not divide the rows would change the effective batch.
        each = next(size for size in range(each // 2, 0, -1) if rows % size == 0)
        ways.append({"batch_size": each, "gradient_accumulation_steps": passes * rows // each})
    return ways


def _can_checkpoint(options: RunOptions) -> bool:
    return not options.settings.gradient_checkpointing and options.method not in NOT_CHECKPOINTED
