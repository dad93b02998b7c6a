"""The demo: its own store, and one document or table at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import Store, default_path
from workbench.cli.demo import RUN_NAME, _going, demo_root

LIFT = 0.25


def test_it_has_a_store_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Beside the usual one, never in it."""
    monkeypatch.setenv("WORKBENCH_STORE", str(tmp_path / "mine"))
    assert demo_root() == tmp_path / "mine-demo"
    monkeypatch.delenv("WORKBENCH_STORE")
    assert demo_root().parent == default_path().parent
    assert demo_root() != default_path()


def test_a_demo_run_that_was_set_aside_is_not_under_way(store: Store) -> None:
    """The screens would open on a run that stands still."""
    made = {"model": "m", "dataset": "d", "template": "t", "method": "lora", "settings": {}, "lineage": {}}
    run = store.runs.create(name=RUN_NAME, **made)
    assert _going(store) == run
    store.runs.request(run.id, "pause")
    assert _going(store) is None


@pytest.mark.slow
def test_it_trains_compares_and_shows_the_lift(workbench) -> None:
    """`--headless --json` is the main job in one document: the adapter is far better than its base."""
    answer = workbench("demo", "--headless", "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert {"run", "base", "adapter", "seconds", "trainable", "total"} <= document.keys()
    for side in ("base", "adapter"):
        assert document[side].keys() == {"rouge1", "rouge2", "rougeL", "bleu"}
    assert document["adapter"]["rouge1"] - document["base"]["rouge1"] >= LIFT
    assert 0 < document["trainable"] < document["total"]
    shown = workbench("run", "show", document["run"], "--json").document
    assert shown["status"] == "completed"
    assert document["seconds"] == pytest.approx(shown["ended"] - shown["started"])
