"""The training loop, run inside the test: what is recorded is what happened; watching changes nothing."""

from __future__ import annotations

import math
import random
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import set_seed

from store import Store
from store.errors import BadInput
from store.runs import Run
from workbench.runs import launch, plan
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings, fields
from workbench.worker.pulse import Cancelled, Pulse
from workbench.worker.randomness import untouched_randomness
from workbench.worker.train import train

METHOD_OF = {"bottleneck_style": "bottleneck"}
"""Settings that another method than LoRA reads."""


def submitted(store: Store, model: str = "causal", method: str = "lora", **settings: Any) -> Run:
    """A run that this process may train."""
    defaults = {"max_steps": 8, "batch_size": 4, "max_eval_samples": 0}
    options = RunOptions(model, "d", "t", method, settings=TrainingSettings(**(defaults | settings)))
    run = store.runs.claim(launch.submit(store, options).id, "here")
    assert run is not None
    return run


def trained(store: Store, **settings: Any) -> Run:
    """A run after its training."""
    run = submitted(store, **settings)
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


def losses(store: Store, run: Run) -> list[tuple[int, float]]:
    """Its series of losses."""
    return store.metrics.series(run.id, "loss")


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_validation_changes_nothing_of_the_training(stock: Store, family: str) -> None:
    """With and without it, with dropout on: the same losses and the same adapter, to the bit."""
    without = trained(stock, model=family, lora_dropout=0.3)
    with_it = trained(stock, model=family, lora_dropout=0.3, max_eval_samples=4, eval_steps=2)
    assert [step for step, _ in stock.metrics.series(with_it.id, "eval_loss")] == [2, 4, 6, 8]
    assert losses(stock, with_it) == losses(stock, without)
    fingerprints = {stock.adapters.get(str(run.adapter)).fingerprint for run in (without, with_it)}
    assert len(fingerprints) == 1


def test_another_seed_is_another_run(stock: Store) -> None:
    """So that equality above means something."""
    assert losses(stock, trained(stock, seed=1)) != losses(stock, trained(stock, seed=2))


def test_a_logged_loss_is_that_steps_own(stock: Store) -> None:
    """Every third step is logged, and the last: the values are those of logging every step, not means."""
    every = dict(losses(stock, trained(stock)))
    third = dict(losses(stock, trained(stock, logging_steps=3)))
    assert list(every) == list(range(1, 9))
    assert third == {step: every[step] for step in (3, 6, 8)}


def test_no_step_that_is_no_number_hides_between_two_logged_ones(stock: Store) -> None:
    """Each of them is in the series, whatever logging_steps says."""
    run = submitted(stock, learning_rate=1e30, max_steps=40, logging_steps=4)
    with pytest.raises(BadInput, match=r"the loss is nan since step \d+, \d+ steps in a row"):
        train(stock, run, Pulse())
    series = losses(stock, run)
    first = next(step for step, value in series if math.isnan(value))
    assert [step for step, value in series if math.isnan(value)] == list(range(first, series[-1][0] + 1))
    assert stock.adapters.list() == []


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_accumulated_passes_are_one_step_of_the_same_loss(stock: Store, family: str) -> None:
    """Two passes of two rows are one of four: per token, not per pass; and the plan counts the steps."""
    whole = trained(stock, model=family, lora_dropout=0.0, batch_size=4)
    halves = trained(stock, model=family, lora_dropout=0.0, batch_size=2, gradient_accumulation_steps=2)
    assert [value for _, value in losses(stock, halves)] == pytest.approx(
        [value for _, value in losses(stock, whole)], abs=1e-4
    )


@pytest.mark.parametrize("batch_size, accumulation, epochs", [(8, 1, 1.0), (3, 2, 1.0), (8, 2, 1.5)])
def test_the_plan_and_the_trainer_count_the_same_steps(
    stock: Store, batch_size: int, accumulation: int, epochs: float
) -> None:
    """Rows that do not divide evenly, accumulation that does not, and a part of an epoch."""
    settings = {
        "max_steps": -1,
        "batch_size": batch_size,
        "gradient_accumulation_steps": accumulation,
        "num_train_epochs": epochs,
    }
    run = trained(stock, **settings)
    expected = plan.steps(TrainingSettings(**settings), 20)
    assert (run.total_steps, run.step, len(losses(stock, run))) == (expected, expected, expected)


def test_validation_after_each_epoch_is_the_default(stock: Store) -> None:
    """At the last step of each, once."""
    run = trained(stock, max_steps=-1, num_train_epochs=2, batch_size=4, max_eval_samples=4)
    assert [step for step, _ in stock.metrics.series(run.id, "eval_loss")] == [5, 10]


def test_a_run_that_was_asked_to_end_ends_before_the_base_is_loaded(stock: Store) -> None:
    """And leaves nothing."""
    run, pulse = submitted(stock), Pulse()
    pulse.stop()
    with pytest.raises(Cancelled):
        train(stock, run, pulse)
    assert stock.adapters.list() == [] and losses(stock, run) == []


def test_a_run_whose_time_is_up_publishes_what_it_has(stock: Store) -> None:
    """A hundred thousand steps do not fit into a second."""
    run = trained(stock, max_steps=100_000, max_seconds=1)
    assert 0 < run.step < 100_000
    assert losses(stock, run)[-1][0] == run.step


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        (info.name, choice)
        for info in fields()
        for choice in info.choices or ()
        if choice not in (info.default, "float16", "fsdp")  # sharding takes several processes
    ],
)
def test_every_choice_offered_trains(stock: Store, name: str, choice: str) -> None:
    """Each optimizer, schedule, precision and beginning: a few steps, all numbers finite, weights moved."""
    method = METHOD_OF.get(name, "lora")
    needed = {"report_to": choice, "attn_implementation": "flash_attn"}.get(name)
    if needed and choice not in ("sdpa", "eager") and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    run = trained(stock, max_steps=3, method=method, **{name: choice})
    assert all(math.isfinite(value) for _, value in losses(stock, run))
    weights = load_file(stock.adapters.get(str(run.adapter)).path / "adapter_model.safetensors")
    second = ".up." if method == "bottleneck" else "lora_B"
    assert any(bool(tensor.any()) for key, tensor in weights.items() if second in key)  # they start at zero


def test_half_precision_without_a_gpu_is_refused(stock: Store) -> None:
    """With what to choose instead."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(BadInput, match="float16 needs a GPU; choose bfloat16"):
        train(stock, submitted(stock, dtype="float16"), Pulse())


@pytest.mark.slow
@pytest.mark.parametrize("family", ["causal", "seq2seq"])
@pytest.mark.parametrize("method", [each for each in METHODS if each not in ("lora", "qlora")])
def test_every_method_trains_validates_and_publishes_in_half_precision(
    stock: Store, method: str, family: str
) -> None:
    """The whole way of a run, with bfloat16 computing: all numbers finite, the adapter in the store."""
    settings = {"max_steps": 2, "dtype": "bfloat16", "max_eval_samples": 4, "eval_steps": 1}
    run = trained(stock, model=family, method=method, **settings)
    told = losses(stock, run) + stock.metrics.series(run.id, "eval_loss")
    assert [step for step, _ in told] == [1, 2, 1, 2]
    assert all(math.isfinite(value) for _, value in told)
    assert stock.adapters.get(str(run.adapter)).method == method


def test_a_run_of_eva_reads_its_own_training_data(stock: Store) -> None:
    """Its matrices begin with directions, not with what LoRA draws."""
    run = trained(stock, init_lora_weights="eva", r=4, max_steps=1, learning_rate=0.0)
    weights = load_file(stock.adapters.get(str(run.adapter)).path / "adapter_model.safetensors")
    first = [tensor for key, tensor in weights.items() if "lora_A" in key]
    for each in first:  # unit rows at right angles
        torch.testing.assert_close(each @ each.T, torch.eye(4), atol=1e-4, rtol=0)


def test_an_evaluation_leaves_every_random_state_as_it_was() -> None:
    """Python's, numpy's and torch's."""
    set_seed(1)
    expected = random.random(), float(np.random.rand()), float(torch.rand(()))
    set_seed(1)
    with untouched_randomness():
        random.random(), np.random.rand(), torch.rand(3)
    assert (random.random(), float(np.random.rand()), float(torch.rand(()))) == expected
