"""Rows to compare answers to are those that were not trained on, phrased as they are elsewhere."""

from __future__ import annotations

import pytest

from store import Store
from workbench.tui.screens import prompts


@pytest.mark.parametrize(("validation", "seed"), [(None, 0), ("test", 7)])
def test_a_row_is_phrased_as_by_an_evaluation_or_as_in_the_runs_own_samples(
    stocked: Store, validation: str | None, seed: int
) -> None:
    """Else the row on Compare would be asked otherwise than that of the same number on Inspect."""
    run = stocked.runs.create(
        name="seeded",
        model="tiny",
        dataset="dialogues",
        template="summarise",
        method="lora",
        settings={"seed": 7},
        lineage={"dataset": {"name": "dialogues", "split": "train", "validation_split": validation}},
    )
    source = prompts.source_of(stocked, run)
    assert (source.split, source.seed) == ("test", seed)
