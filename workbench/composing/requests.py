"""Rows, models and templates of a store brought together: a preview, the next problem, a survey."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from store import Store
from store.datasets import Dataset
from store.errors import BadInput, NotFound
from store.models import Model
from store.templates import Template, parse_template
from workbench.composing import checks, masking
from workbench.composing import survey as surveying
from workbench.composing.masking import Codec
from workbench.composing.preview import preview
from workbench.composing.shown import Preview, PreviewRequest, SurveyRequest
from workbench.composing.template import Composer, check, composer

DEFAULT_MAX_LENGTH = 1024
"""Tokens of a row where nobody says otherwise and the model states no lower limit."""
REPORT_SECONDS = 0.2
_SCANNED_AT_ONCE = 64


def row_length(model: Model, wanted: int | None) -> int:
    """The most tokens of a row: what is wanted, or the default, within what the model takes."""
    wanted = wanted or DEFAULT_MAX_LENGTH
    return min(wanted, model.max_length or wanted)


def check_fit(store: Store, template: Template, dataset: Dataset) -> None:
    """See that a template reads only columns that a dataset has.

    Raises:
        BadInput: It does not; the datasets that it would fit are named.
    """
    try:
        check(template, dataset.columns)
    except BadInput as error:
        fitting = [each.name for each in store.datasets.list() if _fits(template, each)]
        named = f"; it fits {', '.join(fitting[:5])}" if fitting else ""
        raise BadInput(error.what, error.remedy + named) from error


def _fits(template: Template, dataset: Dataset) -> bool:
    try:
        check(template, dataset.columns)
    except BadInput:
        return False
    return True


def make_preview(store: Store, request: PreviewRequest) -> Preview:
    """Show one row.

    Raises:
        NotFound: There is no such dataset, split, row or model.
        BadInput: The template is not valid, or the row cannot be rendered.
    """
    return make_previews(store, request, [request.row])[0]


def make_previews(store: Store, request: PreviewRequest, numbers: Iterable[int]) -> list[Preview]:
    """Show some rows of one template; `request.row` is not used.

    Raises:
        StoreError: As `make_preview`.
    """
    dataset = store.datasets.get(request.dataset)
    at_work = _composer(store, dataset, request.text, request.seed)
    codec, length = None, 0
    if request.model is not None:
        model = store.models.get(request.model)
        codec, length = codec_of(model), row_length(model, request.max_length)
    return [
        preview(
            at_work,
            _batch(store, dataset, request, number),
            number,
            codec,
            length,
            variant=request.variant,
        )
        for number in numbers
    ]


def next_problem(
    store: Store, request: PreviewRequest, after: int, step: int = 1, seconds: float = 30.0
) -> int | None:
    """Find the next row with a problem.

    Args:
        store: The store.
        request: What is shown; its row is not used.
        after: The number of a row; the search begins beside it.
        step: 1 looks forward, -1 back.
        seconds: The search gives up after this time.

    Returns:
        The row's number; None when there is none that way.

    Raises:
        BadInput: As `make_preview`; and when the time is up.
    """
    dataset = store.datasets.get(request.dataset)
    at_work = _composer(store, dataset, request.text, request.seed)
    model = store.models.get(request.model or "")
    codec, length = codec_of(model), row_length(model, request.max_length)
    deadline = time.monotonic() + seconds
    for index, row in _rows_from(store, dataset, request.split, after, step):
        try:
            example = at_work.example(index, row, request.variant)
            if checks.problems(masking.mask(example, codec, length), codec, example):
                return index
        except BadInput:
            return index
        if time.monotonic() > deadline:
            raise BadInput(f"no problem up to row {index:,}", "press the key again on that row to look on")
    return None


def make_survey(store: Store, request: SurveyRequest) -> Iterator[dict[str, Any]]:
    """Look through a split; a few times a second the figures so far, and at the end all of them.

    Raises:
        StoreError: There is no such thing, or the template is not valid.
    """
    dataset, model = store.datasets.get(request.dataset), store.models.get(request.model)
    at_work = _composer(store, dataset, request.text, request.seed)
    total = dataset.splits.get(request.split, 0)
    others = {
        name: store.datasets.rows(dataset.name, name) for name in dataset.splits if name != request.split
    }
    length = row_length(model, request.max_length)
    growing = surveying.Survey(length, overlap=dict.fromkeys(others, 0))
    told = time.monotonic()
    yield growing.report(total, request.batch_size)
    rows = store.datasets.rows(dataset.name, request.split)
    for growing in surveying.survey(rows, at_work, codec_of(model), length, dataset.columns, others=others):
        if time.monotonic() - told > REPORT_SECONDS:
            yield growing.report(total, request.batch_size)
            told = time.monotonic()
    yield growing.report(total, request.batch_size, finished=True)


@functools.lru_cache(maxsize=4)
def codec_of(model: Model) -> Codec:
    """A model's codec, which knows how much the model takes; the last few stay in memory."""
    return replace(masking.load_codec(model.path, model.family), room=model.max_length)


def _batch(store: Store, dataset: Dataset, request: PreviewRequest, number: int) -> list[dict[str, Any]]:
    """A row and those after it that share its batch."""
    rows = list(store.datasets.rows(dataset.name, request.split, number, max(1, request.batch)))
    if not rows or number < 0:
        raise NotFound(f"{dataset.name} has no row {number} in {request.split!r}", "choose another number")
    return rows


def _composer(store: Store, dataset: Dataset, text: str, seed: int) -> Composer:
    template = parse_template(text, "the template")
    check_fit(store, template, dataset)
    return composer(store, dataset, template, seed)


def _rows_from(
    store: Store, dataset: Dataset, split: str, after: int, step: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their numbers, away from one of them."""
    if step > 0:
        yield from enumerate(store.datasets.rows(dataset.name, split, after + 1), start=after + 1)
        return
    end = after
    while end > 0:
        start = max(0, end - _SCANNED_AT_ONCE)
        page = list(islice(store.datasets.rows(dataset.name, split, start), end - start))
        yield from reversed(list(enumerate(page, start=start)))
        end = start
