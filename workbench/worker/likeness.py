"""Whether two models answer alike: their scores for the same texts, position by position."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from store import Store
from store.adapters import LINEAGE, Adapter
from store.configs import read_json
from store.errors import StoreError
from store.models import Model
from workbench.composing.masking import Tokens, load_codec, mask
from workbench.composing.template import Example, composer

ROWS = 8
TOKENS = 128
KEPT_POSITIONS = 32
"""Scores of the last positions of a row are compared: a vocabulary is large."""

_TEXTS = (
    ("Anna: Do you bring bread?\nBen: Yes, and apples.\nWhat does Ben bring?", "Bread and apples."),
    ("Translate to German: The weather is cold outside.", "Draußen ist es kalt."),
    ("Question: How many days has a week?\nAnswer:", "Seven."),
    ("def add(a, b):", "    return a + b"),
)


@dataclass(frozen=True)
class Likeness:
    """How far two models' scores lie apart.

    Attributes:
        difference: The largest between two scores of one token, over the deviation of all scores.
        agreement: The share of positions whose likeliest token is the same.
        positions: So many were compared.
    """

    difference: float
    agreement: float
    positions: int


def rows_for(store: Store, adapter: Adapter, model: Model) -> tuple[list[Tokens], str]:
    """Rows of the data that an adapter was trained on, else texts of ours, as tokens.

    Returns:
        The rows, and in words where they come from.
    """
    codec = load_codec(model.path, model.family)
    found = list(itertools.islice(_trained_on(store, adapter), ROWS))
    told = "rows that it was trained on" if found else "texts of the workbench's own"
    examples = found or [Example(prompt, answer, "") for prompt, answer in _TEXTS]
    return [mask(example, codec, TOKENS) for example in examples], told


def scores(model: nn.Module, rows: Sequence[Tokens]) -> list[torch.Tensor]:
    """The scores of a model, for each row `[positions, vocabulary]` in float32 on the processor."""
    device = next(model.parameters()).device
    found = []
    for row in rows:
        inputs: dict[str, Any] = {"input_ids": torch.tensor([row.input_ids], device=device)}
        if row.family == "seq2seq":
            inputs["labels"] = torch.tensor([row.labels], device=device)
        with torch.inference_mode():
            logits = model(**inputs).logits  # [1, positions, vocabulary]
        found.append(logits[0, -KEPT_POSITIONS:].float().cpu())
    return found


def compare(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> Likeness:
    """Compare the scores of two models for the same rows."""
    left, right = torch.cat(list(one)), torch.cat(list(other))  # [positions, vocabulary]
    difference = float((left - right).abs().max() / left.std())
    agreement = float((left.argmax(-1) == right.argmax(-1)).float().mean())
    # A score that is not a number compares as nothing: it must not pass for equal.
    return Likeness(difference if math.isfinite(difference) else math.inf, agreement, len(left))


def _trained_on(store: Store, adapter: Adapter) -> Iterator[Example]:
    """Examples of the data that its lineage names, as far as the store still has it."""
    file = adapter.path / LINEAGE
    lineage = read_json(file) if file.is_file() else {}
    for task in lineage.get("tasks") or [lineage]:
        try:
            named = task["dataset"], task["template"]["name"]
            dataset, template = store.datasets.get(named[0]["name"]), store.templates.get(named[1])
            at_work = composer(store, dataset, template, 0)
            for index, row in enumerate(store.datasets.rows(dataset.name, named[0]["split"], limit=ROWS)):
                yield at_work.example(index, row)
        except (StoreError, LookupError, TypeError):
            continue
