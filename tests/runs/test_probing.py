"""A plan's memory, asked of a real probe process: answered, kept, told anew where it matters."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import stocking

from store import Store
from store.errors import BadInput, Unavailable
from workbench.runs import estimate, launch, plan, probing
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings, fields

OPTIONS = RunOptions("tiny", "dialogues", "summarise", settings=TrainingSettings(batch_size=4))


@pytest.fixture
def filled(store: Store, tiny_causal: Path, dialogue_file: Path) -> Iterator[Store]:
    """A store with a model, a dataset with a validation split and a template; its queue is held."""
    store.models.add(str(tiny_causal), name="tiny")
    for split in ("train", "validation"):
        store.datasets.add(str(dialogue_file), name="dialogues", split=split)
    stocking.add_template(store, "summarise")
    with stocking.held_queue(store):
        yield store


def changed(**settings: object) -> RunOptions:
    """The run with other settings."""
    return dataclasses.replace(OPTIONS, settings=dataclasses.replace(OPTIONS.settings, **settings))


def test_a_probe_answers_what_a_run_takes_and_a_start_keeps_it(filled: Store) -> None:
    """One process answers several questions, a wrong one too; what it said is in the run's record."""
    prober = probing.Prober(filled.root)
    try:
        assert probing.cached(filled, OPTIONS) is None
        assert launch.submit(filled, OPTIONS).plan == {}
        found = probing.memory(filled, OPTIONS, prober)
        assert (found.trained, found.total) == (17_408, 62_624)
        assert (found.weights, found.by_dtype) == (250_528, {"float32": 250_528})
        assert found.weights + found.gradients + found.optimizer + found.activations == found.peak
        assert found.needed == found.peak + found.overhead and found.fits and found.alternatives == ()
        assert found.shapes[0]["rows"] == found.shapes[1]["rows"] == 4
        assert probing.cached(filled, changed(learning_rate=1.0, num_train_epochs=9.0)) is not None
        assert probing.cached(filled, changed(batch_size=2)) is None
        assert probing.cached(filled, changed(max_length=256)) is not None  # all that the model takes
        assert probing.cached(filled, changed(max_length=255)) is None
        assert launch.submit(filled, OPTIONS).plan == found.planned()

        with pytest.raises(BadInput, match="target_modules names nowhere"):
            probing.memory(filled, changed(target_modules=("nowhere",)), prober)

        verified = probing.memory(filled, OPTIONS, prober, verify=True)
        assert verified.measured is not None
        assert verified.measured["measured_peak_bytes"] == pytest.approx(verified.peak, rel=0.1)
        whole = plan.plan(filled, OPTIONS)
        reckoned = estimate.estimate(filled, OPTIONS, whole, verified)
        assert reckoned.seconds == whole.steps * verified.measured["step_seconds"] > 0
        assert reckoned.tokens_per_epoch == round(24 * found.mean_tokens) and not reckoned.tokens_sampled
        adapter, states = 17_408 * 4, 2 * 17_408 * 4
        assert reckoned.disk_bytes == pytest.approx(4 * (adapter + states) + adapter, rel=0.01)

        huge = probing.memory(filled, changed(batch_size=65_536, max_eval_samples=0), prober)
        assert huge.fits  # no more rows than there are
    finally:
        prober.close()


def test_a_probe_that_ends_is_told(filled: Store) -> None:
    """And not waited for."""
    prober = probing.Prober(filled.root)
    prober.kill()
    with pytest.raises(Unavailable, match="the memory probe ended"):
        probing.memory(filled, OPTIONS, prober)
    prober.close()


def test_a_damaged_answer_is_asked_anew(filled: Store) -> None:
    """The folder of answers is nobody's truth."""
    place = probing._place(filled, OPTIONS)
    place.parent.mkdir()
    for text in ("", "[]", "{}", json.dumps({"training": 1})):
        place.write_text(text)
        assert probing.cached(filled, OPTIONS) is None


def test_settings_without_effect_are_settings() -> None:
    """So that one that is renamed is not left behind."""
    assert {info.name for info in fields()} >= probing.WITHOUT_EFFECT


def test_a_change_is_told_as_it_is_typed() -> None:
    """With the method before it."""
    way = probing.Alternative({"batch_size": 2, "gradient_checkpointing": True}, "qlora", 1)
    assert way.text == "--method qlora --set batch_size=2 --set gradient_checkpointing=true"
