"""A row as a template and a model make it: rendered, masked and cut into tokens by the trainer's own code."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from store.errors import StoreError
from workbench.composing import checks, masking
from workbench.composing import template as composing
from workbench.composing.masking import Codec
from workbench.tui.present import compose as present
from workbench.tui.present.compose import Subject
from workbench.tui.widgets.token_view import ViewToken

if TYPE_CHECKING:
    from textual.content import Content

    from store import Store
    from store.models import Model
    from store.templates import Template
    from workbench.composing.template import Example

MAX_LENGTH = 1024
"""Tokens of a row where the model states no limit: the default of a run."""


@dataclass(frozen=True)
class Preview:
    """What is on show: the template, and as much of its example as could be made."""

    subject: Subject
    template: Template
    example: Example | None = None
    tokens: list[ViewToken] = field(default_factory=list)
    summary: Content | None = None
    trouble: StoreError | None = None


def read_preview(store: Store, wanted: Subject) -> Preview:
    """Render the subject's row, and mask it where there is a model; what is wrong is part of the answer.

    Args:
        store: The store.
        wanted: What to show; a dataset and a model that are not chosen are the first that fit.
    """
    template = store.templates.get(wanted.template)
    subject = _complete(store, wanted, template)
    preview = Preview(subject, template)
    if not subject.dataset:
        return preview
    try:
        row = store.datasets.row(subject.dataset, subject.split, subject.row)
        preview = replace(preview, example=composing.render(template.variants[subject.variant], row))
        if preview.example is not None and subject.model:
            tokens, summary = _tokens(store.models.get(subject.model), preview.example)
            preview = replace(preview, tokens=tokens, summary=summary)
    except StoreError as error:
        return replace(preview, trouble=error)
    return preview


def sources(store: Store) -> list[Subject]:
    """Every split that rows can be taken from."""
    return [
        Subject(dataset=dataset.name, split=split, rows=rows)
        for dataset in store.datasets.list()
        for split, rows in dataset.splits.items()
        if rows
    ]


def _complete(store: Store, wanted: Subject, template: Template) -> Subject:
    """Fill in what is not chosen, and keep the variant and the row within what there is now."""
    found = wanted
    if not found.dataset:
        columns = {each.name: each.columns for each in store.datasets.list()}
        fitting = [each for each in sources(store) if fits(template, columns[each.dataset])]
        if fitting:
            source = fitting[0]
            found = replace(found, dataset=source.dataset, split=source.split, rows=source.rows)
    if not found.model:
        found = replace(found, model=next((model.name for model in store.models.list()), ""))
    variant, row = found.variant % len(template.variants), max(0, min(found.row, found.rows - 1))
    return replace(found, variant=variant, row=row)


def fits(template: Template, columns: Collection[str]) -> bool:
    """Whether a template reads only columns that there are."""
    try:
        composing.check(template, columns)
    except StoreError:
        return False
    return True


def _tokens(model: Model, example: Example) -> tuple[list[ViewToken], Content]:
    codec, tokenizer = _tokenizer(model)
    masked = masking.mask(example, codec, min(MAX_LENGTH, model.max_length or MAX_LENGTH))
    drawn = present.tokens(masked, pieces(tokenizer, masked.ids))
    return drawn, present.summary(masked, checks.problems(masked, codec))


@functools.lru_cache(maxsize=2)
def _tokenizer(model: Model) -> tuple[Codec, Tokenizer]:
    return masking.load_codec(model.path, model.family), Tokenizer.from_file(
        str(model.path / "tokenizer.json")
    )


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """What each id adds to the text; a decoder shows a token's leading space only after another token."""
    found = []
    for at, token in enumerate(ids):
        before = [ids[at - 1]] if at else []
        lead = tokenizer.decode(before, skip_special_tokens=False) if before else ""
        text = tokenizer.decode([*before, token], skip_special_tokens=False)
        found.append(text.removeprefix(lead))
    return found
