"""What the form of an evaluation begins with, whatever became of the run that made the newest adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import Store
from store.adapters import Adapter
from workbench.tui.screens import evaluating


@pytest.fixture
def trained(stocked: Store, enter_run: Callable[..., str], finish: Any) -> Store:
    """A store whose one run is completed, its adapter published."""
    finish.publish(stocked, enter_run(stocked, "first-try", outcome="running"))
    return stocked


def test_an_adapter_of_a_row_that_is_no_run_offers_the_rest(trained: Store) -> None:
    whole = evaluating.read_offer(trained)
    assert whole.adapters and whole.datasets and whole.templates
    with trained.db.conn:
        trained.db.execute("update runs set created = 'yesterday'")
    offer = evaluating.read_offer(trained)
    assert offer.adapters == whole.adapters
    assert {*offer.datasets} == {*whole.datasets} and {*offer.templates} == {*whole.templates}


def test_a_run_that_goes_between_two_looks_offers_the_rest(
    trained: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.runs.remove("r1")
    monkeypatch.setattr(Adapter, "known_run", property(lambda adapter: adapter.run))
    assert evaluating.read_offer(trained).adapters == ("first-try",)
