"""How many sequences packed rows fill: counted where all rows are looked at, else reckoned from some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle, islice

from store import Store
from workbench.composing import bulk, tasks, template
from workbench.composing.tasks import Ruler, Source
from workbench.runs.packing import WINDOW, Length, pack

SAMPLE_ROWS = 512
"""Rows whose lengths stand for those of a larger split."""


def of_split(store: Store, source: Source, ruler: Ruler) -> tuple[int, bool]:
    """The sequences that one pass over a split fills.

    Args:
        store: An open store.
        source: The split.
        ruler: Makes the rows as long as the trainer does.

    Returns:
        Their number, and whether it is exact, for every pass.
    """
    lengths = _lengths(store, source, ruler)
    sequences = len(pack(lengths, ruler.max_length))
    # Each pass of a single window packs the same lengths, and so fills as many sequences.
    if source.rows <= min(SAMPLE_ROWS, WINDOW):
        return sequences, True
    return math.ceil(source.rows * sequences / max(1, len(lengths))), False


def of_mixture(
    store: Store, sources: Sequence[Source], shares: Sequence[float], rows: int, ruler: Ruler
) -> tuple[int, bool]:
    """The sequences that one pass of a mixture fills, reckoned from rows of each task.

    Args:
        store: An open store.
        sources: The tasks.
        shares: Of each in the draws.
        rows: Draws of one pass.
        ruler: Makes the rows as long as the trainer does.

    Returns:
        Their number, and that it is not exact.
    """
    drawn: list[Length] = []
    for source, share in zip(sources, shares, strict=True):
        drawn += islice(cycle(_lengths(store, source, ruler)), round(share * SAMPLE_ROWS))
    return math.ceil(rows * len(pack(drawn, ruler.max_length)) / max(1, len(drawn))), False


def _lengths(store: Store, source: Source, ruler: Ruler) -> list[Length]:
    """The lengths of rows that can be trained on."""
    at_work = template.composer(store, source.dataset, source.template, ruler.seed)
    causal = ruler.codec.family == "causal"

    def pass_over(_index: int, _reason: str) -> None:
        """The trainer leaves such rows out, or the run is refused before."""

    lengths: list[Length] = []
    for start, rows in tasks.sample(store, source, SAMPLE_ROWS):
        for _, _, made in bulk.trainable(rows, at_work, ruler.codec, ruler.max_length, pass_over, start):
            lengths.append((len(made.input_ids), 0 if causal else len(made.labels)))
    return lengths
