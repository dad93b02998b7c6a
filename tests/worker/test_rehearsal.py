"""The rehearsal at launch: nothing of the training is changed by it, and what it took is written down."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from store import Store
from store.runs import Run
from workbench.runs import launch, probing
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import rehearsal
from workbench.worker.failures import is_out_of_memory
from workbench.worker.longest import Shape
from workbench.worker.pulse import Pulse
from workbench.worker.remedy import with_ways_out
from workbench.worker.train import train


def options(model: str, method: str = "lora", **settings: Any) -> RunOptions:
    """A short run with dropout."""
    defaults = {"max_steps": 4, "batch_size": 4, "max_eval_samples": 4, "lora_dropout": 0.3}
    return RunOptions(model, "d", "t", method, settings=TrainingSettings(**(defaults | settings)))


def trained(store: Store, run_options: RunOptions) -> Run:
    """A run after its training."""
    run = store.runs.claim(launch.submit(store, run_options).id, "here")
    assert run is not None
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


@pytest.mark.parametrize(
    ("family", "method", "settings"),
    [
        ("causal", "lora", {}),
        ("causal", "qlora", {"gradient_accumulation_steps": 2}),
        ("seq2seq", "prompt-tuning", {"optim": "adafactor"}),
        pytest.param(
            "seq2seq", "dora", {"optim": "adamw_bnb_8bit", "dtype": "bfloat16"}, marks=pytest.mark.slow
        ),
        pytest.param("causal", "partial", {"dtype": "bfloat16"}, marks=pytest.mark.slow),
        ("causal", "lora", {"packing": True, "batch_size": 2}),
    ],
)
def test_a_rehearsal_changes_nothing_of_the_training(
    stock: Store, monkeypatch: pytest.MonkeyPatch, family: str, method: str, settings: dict[str, Any]
) -> None:
    """With and without it the same losses and the same adapter, to the bit."""
    run_options = options(family, method, **settings)
    with_it = trained(stock, run_options)
    monkeypatch.setattr(rehearsal.Rehearsal, "on_train_begin", lambda *_, **__: None)
    without = trained(stock, run_options)
    assert "measured_peak_bytes" in with_it.plan and without.plan == {}
    series = [stock.metrics.series(run.id, "loss") for run in (with_it, without)]
    assert series[0] == series[1] and len(series[0]) == 4
    assert len({stock.adapters.get(str(run.adapter)).fingerprint for run in (with_it, without)}) == 1


def test_what_the_largest_step_took_is_in_the_runs_plan(stock: Store) -> None:
    """The longest rows of training and validation, and the peaks of both."""
    plan = trained(stock, options("causal")).plan
    shape = plan["shapes"]["training"]
    assert shape["rows"] == 4 and shape["padded"] and not shape["packed"]
    assert shape["source"] == shape["target"] > shape["most_learned"] > shape["learned"] / 4 > 0
    assert plan["shapes"]["evaluation"]["rows"] == 4
    assert (
        plan["measured_peak_bytes"] >= plan["measured_training_bytes"] > plan["measured_evaluation_bytes"] > 0
    )
    assert plan["measured_process_bytes"] > plan["measured_peak_bytes"]


def test_later_predictions_are_corrected_by_what_was_measured(stock: Store) -> None:
    """Of the same model, method and precision alone."""
    run = trained(stock, options("causal"))
    assert probing.experience(stock, options("causal")) == (1.0, probing.FIRST_MARGIN, 0)
    stock.runs.planned(run.id, predicted_peak_bytes=run.plan["measured_peak_bytes"] / 1.25)
    ratio, margin, count = probing.experience(stock, options("causal"))
    assert (ratio, margin, count) == (pytest.approx(1.25), probing.LEAST_MARGIN, 1)
    assert probing.experience(stock, options("causal", "dora"))[2] == 0
    assert probing.experience(stock, options("seq2seq"))[2] == 0


def test_a_run_that_ran_out_of_memory_is_told_what_would_fit(stock: Store) -> None:
    """As it is typed, with its size; without a known batch the general advice stands."""
    run = launch.submit(stock, options("causal", batch_size=32_768))
    assert with_ways_out(stock, run.id, "lower batch_size") == "lower batch_size"
    shape = dataclasses.asdict(Shape(32_768, 250, 250, True, learned=32_768 * 50, most_learned=50))
    stock.runs.planned(run.id, device="cpu", shapes={"training": shape, "evaluation": None})
    hint = with_ways_out(stock, run.id, "lower batch_size")
    assert hint.startswith("it would fit with --set batch_size=")
    assert "--set gradient_accumulation_steps=" in hint and "B)" in hint


def test_running_out_of_memory_is_known_by_its_errors() -> None:
    """A real failed allocation is one; another error is not."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(ValueError("out of range"))
