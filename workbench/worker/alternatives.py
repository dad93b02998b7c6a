"""What to change about a run that does not fit, each way tried on fake tensors before it is offered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from store.errors import BadInput
from workbench.runs.options import RunOptions
from workbench.runs.probing import Alternative

CHECKPOINTED = {"gradient_checkpointing": True}
QUANTISABLE = ("lora", "rslora", "dora")

Peak = Callable[[RunOptions], int]


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
        try:
            other = changed(options, settings, method)
        except BadInput:
            continue  # they do not go together: no way out
        size = needed(other)
        if size <= free:
            return Alternative(settings, method, size)
    return None


def changed(options: RunOptions, settings: dict[str, Any], method: str | None) -> RunOptions:
    """A run with other settings and perhaps another method.

    Raises:
        BadInput: They do not go together.
    """
    return dataclasses.replace(
        options,
        method=method or options.method,
        settings=dataclasses.replace(options.settings, **settings),
    )


def _single_ways(options: RunOptions) -> Iterator[Iterator[Way]]:
    yield ((batch, None) for batch in smaller_batches(options))
    if not options.settings.gradient_checkpointing:
        yield iter([(CHECKPOINTED, None)])
    if options.method in QUANTISABLE:
        yield iter([({}, "qlora")])


def _combined_ways(options: RunOptions) -> Iterator[Way]:
    batches = smaller_batches(options) or [{}]
    if not options.settings.gradient_checkpointing:
        yield from (({**batch, **CHECKPOINTED}, None) for batch in batches)
    if options.method in QUANTISABLE:
        yield {**batches[-1]}, "qlora"
        if not options.settings.gradient_checkpointing:
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
