"""Runs with what makes them fast: the losses of runs without it, their plan's steps, and plain refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stocking
import torch

from store import Store
from store.errors import BadInput
from store.runs import Run
from workbench.runs import launch, plan
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import kernels
from workbench.worker.pulse import Pulse
from workbench.worker.train import train

MIXTURE = """
name = "m"
mixing = "fixed"
[[tasks]]
dataset = "d"
template = "t"
weight = 3
[[tasks]]
dataset = "e"
template = "t"
weight = 1
"""
FAMILIES = pytest.mark.parametrize("family", ["causal", "seq2seq"])


@pytest.fixture
def shop(stock: Store, dialogue_rows: list[dict[str, str]]) -> Store:
    """A store with all that a run needs, and a mixture."""
    stocking.add_rows(stock, "e", dialogue_rows[::-1])
    stocking.add_text(stock.mixtures, MIXTURE)
    return stock


def options_of(family: str, *, mixture: bool = False, method: str = "lora", **settings: Any) -> RunOptions:
    """A short run without dropout, so that losses can be compared."""
    defaults = {"max_steps": 4, "batch_size": 4, "max_eval_samples": 0, "lora_dropout": 0.0}
    made = TrainingSettings(**(defaults | settings))
    if mixture:
        return RunOptions(family, mixture="m", method=method, settings=made)
    return RunOptions(family, "d", "t", method, settings=made)


def trained(store: Store, options: RunOptions) -> Run:
    """A run after its training."""
    run = store.runs.claim(launch.submit(store, options).id, "here")
    assert run is not None
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


def losses(store: Store, run: Run, name: str = "loss") -> list[float]:
    """A run's series."""
    return [value for _, value in store.metrics.series(run.id, name)]


def lineage(store: Store, run: Run) -> dict[str, Any]:
    """What its adapter tells of it."""
    path = store.adapters.get(str(run.adapter)).path / "lineage.json"
    told: dict[str, Any] = json.loads(path.read_text())
    return told


@FAMILIES
def test_a_packed_step_is_the_step_of_its_rows(shop: Store, family: str) -> None:
    """All rows in one step, packed and apart: the same losses, before the first step and after it."""
    apart = trained(shop, options_of(family, batch_size=20, max_steps=2))
    rows = {"packing": True, "batch_size": 64, "max_steps": -1, "num_train_epochs": 1.0}
    packed = trained(shop, options_of(family, **rows))
    assert packed.total_steps == 1
    assert losses(shop, packed) == pytest.approx(losses(shop, apart)[:1], rel=1e-5)
    assert lineage(shop, packed)["packed"]["filled"] > 0.5


@FAMILIES
def test_packed_validation_is_that_of_rows_apart(shop: Store, family: str) -> None:
    """The mean over learned tokens does not know in which batch they were."""
    still = {"learning_rate": 0.0, "max_steps": 1, "eval_steps": 1, "max_eval_samples": 4}
    apart = trained(shop, options_of(family, **still))
    packed = trained(shop, options_of(family, packing=True, **still))
    assert losses(shop, packed, "eval_loss") == pytest.approx(losses(shop, apart, "eval_loss"), rel=1e-5)


@FAMILIES
@pytest.mark.parametrize(("epochs", "batch_size", "accumulation"), [(1.0, 1, 1), (2.5, 1, 1), (3.0, 2, 2)])
def test_plan_and_trainer_count_the_same_packed_steps(
    shop: Store, family: str, epochs: float, batch_size: int, accumulation: int
) -> None:
    """Where all rows were looked at; validation comes after every pass and never after the end."""
    options = options_of(
        family,
        packing=True,
        max_length=128,
        max_steps=-1,
        num_train_epochs=epochs,
        batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        max_eval_samples=4,
    )
    planned, run = plan.plan(shop, options), trained(shop, options)
    assert planned.steps_exact and planned.epochs == epochs
    assert run.total_steps == run.step == planned.steps == len(losses(shop, run))
    assert len(losses(shop, run, "eval_loss")) >= int(epochs)


def test_a_large_splits_packed_steps_are_told_to_be_reckoned(
    shop: Store, tmp_path: Path, dialogue_rows: list[dict[str, str]]
) -> None:
    """Within a few per cent of what the trainer then counts."""
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in dialogue_rows * 40))
    shop.datasets.add(str(path), name="many")
    settings = TrainingSettings(packing=True, batch_size=1, num_train_epochs=1.0, max_seconds=1)
    options = RunOptions("causal", "many", "t", settings=settings)
    planned, run = plan.plan(shop, options), trained(shop, options)
    assert not planned.steps_exact
    assert planned.steps == pytest.approx(run.total_steps, rel=0.05)


@pytest.mark.parametrize(
    "how", [{"packing": True}, {"group_by_length": True}], ids=lambda how: next(iter(how))
)
def test_a_mixture_is_packed_and_grouped_by_its_shares(shop: Store, how: dict[str, bool]) -> None:
    """What was drawn of each task is told, and is what its share asks for."""
    options = options_of("causal", mixture=True, max_steps=8, max_length=128, **how)
    run = trained(shop, options)
    draws = [task["draws"] for task in lineage(shop, run)["tasks"]]
    assert draws[0] == pytest.approx(3 * draws[1], abs=12 if "packing" in how else 4)
    assert sum(draws) == 32 if "group_by_length" in how else sum(draws) > 32
    assert len(losses(shop, run)) == 8
    assert plan.plan(shop, options).steps == 8


@FAMILIES
def test_grouped_rows_are_all_trained_on(shop: Store, family: str) -> None:
    """The steps of an epoch are the plan's; the mean loss of a pass is that of the random order."""
    still = {"learning_rate": 0.0, "max_steps": -1, "num_train_epochs": 2.0}
    random, grouped = (
        trained(shop, options_of(family, group_by_length=each, **still)) for each in (False, True)
    )
    assert grouped.total_steps == random.total_steps == 10
    series = losses(shop, grouped)
    assert series[:5] != series[5:] != losses(shop, random)[5:]
    assert sum(series) / 10 == pytest.approx(sum(losses(shop, random)) / 10, rel=0.01)


def test_a_second_run_reads_kept_tokens(shop: Store) -> None:
    """One file for what was tokenised; a longer row limit makes another; the losses are the same."""
    folder = shop.root / "cache" / "tokens"
    first, again = (trained(shop, options_of("causal")) for _ in range(2))
    assert losses(shop, first) == losses(shop, again) and len(list(folder.iterdir())) == 1
    trained(shop, options_of("causal", max_length=64))
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"attn_implementation": "flash_attention_2"}, "flash_attention_2 needs a GPU; choose sdpa or auto"),
        ({"use_liger_kernel": True}, "use_liger_kernel needs a GPU.*; set use_liger_kernel=false"),
    ],
)
def test_kernels_that_a_processor_has_not_are_refused(settings: dict[str, Any], told: str) -> None:
    """Before the base is loaded, with what to choose instead."""
    with pytest.raises(BadInput, match=told):
        kernels.check(TrainingSettings(**settings), torch.device("cpu"))


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor torch writes C++."""
    monkeypatch.setenv("PATH", "/nowhere")
    settings = TrainingSettings(torch_compile=True)
    with pytest.raises(BadInput, match=r"torch_compile needs a C\+\+ compiler.*install g\+\+"):
        kernels.check(settings, torch.device("cpu"))


@pytest.mark.slow
@FAMILIES
@pytest.mark.parametrize("packing", [False, True])
def test_a_compiled_model_has_the_losses_of_one_that_is_not(shop: Store, family: str, packing: bool) -> None:
    """Compiling takes a minute; the numbers stay."""
    plain, compiled = (
        trained(shop, options_of(family, packing=packing, torch_compile=each)) for each in (False, True)
    )
    assert losses(shop, compiled) == pytest.approx(losses(shop, plain), rel=1e-4)


def test_eager_attention_has_the_losses_of_sdpa(shop: Store) -> None:
    """And is really used."""
    series = [
        losses(shop, trained(shop, options_of("causal", attn_implementation=n))) for n in ("sdpa", "eager")
    ]
    assert series[0] == pytest.approx(series[1], rel=1e-4)
    assert series[0] != series[1]


@pytest.mark.parametrize("family", ["causal", pytest.param("seq2seq", marks=pytest.mark.slow)])
def test_checkpointed_activations_have_the_same_losses(shop: Store, family: str) -> None:
    """Packed too."""
    for packing in (False, True):
        series = [
            losses(shop, trained(shop, options_of(family, packing=packing, gradient_checkpointing=each)))
            for each in (False, True)
        ]
        assert series[0] == pytest.approx(series[1], rel=1e-5)
