"""Records to present, made by hand: nothing here needs a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store.evaluations import Evaluation
from store.runs import Run

NOW = 1_000_000.0


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """A running run at step 30 of 120, started two minutes ago; any field can be given."""

    def make(**fields: Any) -> Run:
        known: dict[str, Any] = {
            "id": "r1",
            "name": "first",
            "status": "running",
            "model": "tiny",
            "dataset": "dialogues",
            "template": "summarise",
            "method": "lora",
            "settings": {},
            "identity": None,
            "step": 30,
            "total_steps": 120,
            "adapter": None,
            "error": None,
            "hint": None,
            "created": NOW - 125,
            "started": NOW - 120,
            "ended": None,
            "heartbeat": NOW,
            "request": None,
            "lineage": {},
        }
        return Run(**{**known, **fields})

    return make


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    """A completed evaluation of the base; any field can be given."""

    def make(**fields: Any) -> Evaluation:
        known: dict[str, Any] = {
            "id": "e1",
            "group": "g1",
            "model": "tiny",
            "adapter": None,
            "dataset": "dialogues",
            "split": "test",
            "template": "summarise",
            "status": "completed",
            "rows": 4,
            "total": 4,
            "scores": {"rouge1": 0.25, "rouge2": 0.1, "rougeL": 0.2, "bleu": 12.345},
            "settings": {},
            "error": None,
            "created": NOW - 3600,
        }
        return Evaluation(**{**known, **fields})

    return make
