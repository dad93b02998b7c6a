"""Rows of a run that is only planned, as tokens: enough of them to know how long they are.

Small splits are read whole, as the trainer will; of large ones pieces from all over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import Store
from store.errors import BadInput
from store.models import Model
from workbench.composing import bulk, masking, mixing, tasks
from workbench.composing.mixing import Order
from workbench.composing.requests import codec_of
from workbench.composing.tasks import Source
from workbench.composing.template import Composer, composer
from workbench.runs import plan
from workbench.runs.options import RunOptions
from workbench.runs.splits import validation_split
from workbench.worker.batches import TokenRows
from workbench.worker.data import Data, Draws
from workbench.worker.packing import Packs

LOOKED_AT = 2048
"""Rows of each task."""


@dataclass(frozen=True)
class Sample:
    """Rows of a planned run."""

    train: tuple[TokenRows, ...]
    """Of each task."""
    train_order: Order | None
    """Of a mixture: how its tasks take turns."""
    validation: tuple[TokenRows, ...]
    validation_order: Order | None
    pad: int
    seen: int
    """Rows of the training splits that were looked at."""
    rows: int
    """Rows of the training splits."""

    @property
    def mean_tokens(self) -> float:
        """Tokens of a mean row that can be trained on, prompt and completion."""
        count = sum(map(len, self.train))
        return sum(int(rows.sizes()[:, 0].sum()) for rows in self.train) / count

    def data(self, options: RunOptions, model: Model) -> Data:
        """The rows as what a trainer reads: packed, if the run packs them."""
        train = _gathered(self.train, self.train_order, options, model)
        validation = None
        if self.validation:
            validation = _gathered(self.validation, self.validation_order, options, model)
        return Data(self.train, train, validation, self.pad, pass_steps=1, order=self.train_order)


def sample(store: Store, model: Model, options: RunOptions) -> Sample:
    """Render, encode and mask rows of all that a run would read.

    Args:
        store: An open store.
        model: The base's record.
        options: The run.

    Raises:
        NotFound: Something named is not in the store.
        BadInput: No row of a task can be trained on.
    """
    sources = plan.sources_of(store, options)
    codec, length = codec_of(model), plan.row_length(options, model)

    def read(source: Source, pieces: Iterable[tuple[int, Iterable[dict[str, Any]]]]) -> TokenRows:
        at_work = composer(store, source.dataset, source.template, options.settings.seed)
        return _tokens(source, pieces, at_work, codec, length)

    limit = min(options.settings.max_eval_samples, LOOKED_AT)
    validated = [
        (source, split)
        for source in sources
        if limit and (split := validation_split(source.dataset, source.task.split)) is not None
    ]
    train = tuple(read(source, tasks.sample(store, source, LOOKED_AT)) for source in sources)
    validation = tuple(
        read(source, [(0, store.datasets.rows(source.dataset.name, split, limit=limit))])
        for source, split in validated
    )
    return Sample(
        train=train,
        train_order=_order(store, options, sources, sources, train),
        validation=validation,
        validation_order=_order(store, options, sources, [source for source, _ in validated], validation),
        pad=codec.pad,
        seen=sum(min(LOOKED_AT, source.rows) for source in sources),
        rows=sum(source.rows for source in sources),
    )


def _order(
    store: Store, options: RunOptions, sources: list[Source], read: list[Source], rows: tuple[TokenRows, ...]
) -> Order | None:
    """How the tasks that were read take turns, by the shares that they have among all of a mixture."""
    if not options.mixture or not rows:
        return None
    mixture = store.mixtures.get(options.mixture)
    of_all = mixing.shares(mixture, [source.rows for source in sources])
    parts = [share for source, share in zip(sources, of_all, strict=True) if source in read]
    return Order([len(each) for each in rows], parts, mixture.seed)


def _gathered(
    parts: tuple[TokenRows, ...], order: Order | None, options: RunOptions, model: Model
) -> TokenRows | Draws | Packs:
    count = sum(map(len, parts))
    rows = parts[0] if order is None else Draws(parts, order, count)
    if not options.settings.packing:
        return rows
    packs = Packs(
        rows,
        lambda _turn: range(count),
        capacity=plan.row_length(options, model),
        sides=1 if model.family == "causal" else 2,
        seed=options.settings.seed,
    )
    packs.extend(passes=1)
    return packs


def _tokens(
    source: Source,
    pieces: Iterable[tuple[int, Iterable[dict[str, Any]]]],
    at_work: Composer,
    codec: masking.Codec,
    length: int,
) -> TokenRows:
    made = TokenRows(Path(tempfile.gettempdir()))
    for start, rows in pieces:
        for _, _, tokens in bulk.trainable(rows, at_work, codec, length, made.skip, start):
            made.add(tokens.input_ids, tokens.labels)
    made.close()
    if not len(made):
        raise BadInput(
            f"no row of {source.dataset.name!r} can be trained on ({'; '.join(made.reasons[:1])})",
            "look at them with `workbench template render`",
        )
    return made
