"""Every method on both kinds of model: only the adapter is trained, and plain PEFT reproduces its logits."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel
from transformers import set_seed

from store import Store
from store.errors import BadInput
from store.models import Model
from store.runs import Run
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.batches import collator
from workbench.worker.loading import compute_dtype, load_model
from workbench.worker.methods import CONFIGS, add_adapter, linear_modules
from workbench.worker.publish import publish_adapter
from workbench.worker.randomness import untouched_randomness

FAMILIES = ("causal", "seq2seq")
PROMPT, TARGET = [5, 9, 30, 41, 77, 12], [50, 61, 8, 2]


@pytest.fixture
def models(store: Store, tiny_causal: Path, tiny_seq2seq: Path) -> dict[str, Model]:
    """Both kinds of model in a store."""
    return {
        "causal": store.models.add(str(tiny_causal), name="causal"),
        "seq2seq": store.models.add(str(tiny_seq2seq), name="seq2seq"),
    }


def batch(family: str) -> dict[str, torch.Tensor]:
    """Two rows of unequal length."""
    rows = []
    for cut in (0, 2):
        prompt = PROMPT[cut:]
        ids = prompt + TARGET if family == "causal" else prompt
        labels = [-100] * len(prompt) + TARGET if family == "causal" else TARGET
        rows.append({"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)})
    return collator(0)(rows)


def options(method: str, **settings: Any) -> RunOptions:
    """A run of this method."""
    return RunOptions("m", "d", "t", method, settings=TrainingSettings(lora_dropout=0.0, **settings))


def steps(model: torch.nn.Module, family: str, count: int = 4) -> list[float]:
    """The losses of a few steps of training."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(count):
        loss = model(**batch(family)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def make_run(store: Store, method: str) -> Run:
    """A run for the adapter to point to."""
    dataset = {"name": "d", "split": "train", "fingerprint": "f"}
    lineage = {"dataset": dataset, "template": {"name": "t", "hash": "h"}, "versions": {}}
    return store.runs.create(
        name="adapter", model="m", dataset="d", template="t", method=method, settings={}, lineage=lineage
    )


def test_every_method_offered_can_be_built() -> None:
    """The light list that people see and the heavy one that builds are the same."""
    assert list(CONFIGS) == list(METHODS)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_its_adapter_alone_and_plain_peft_reproduces_it(
    store: Store, models: dict[str, Model], method: str, family: str
) -> None:
    """The loss falls, the base's weights stay to the bit, and the published folder gives the same logits."""
    model = models[family]
    four_bit = method == "qlora"
    set_seed(0)
    base = load_model(model, four_bit=four_bit)
    adapted = add_adapter(base, options(method))
    frozen = {name: p.detach().clone() for name, p in adapted.named_parameters() if not p.requires_grad}
    losses = steps(adapted, family)
    assert losses[-1] < losses[0]
    for name, parameter in adapted.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name

    inputs = batch(family)
    with torch.no_grad():
        expected = adapted.eval()(**inputs).logits
    results = {"rows": 2, "skipped": 0, "steps": 4, "device": "cpu", "final": {}}
    adapter = publish_adapter(store, make_run(store, method), model, adapted, results)
    assert adapter.trainable == adapted.get_nb_trainable_parameters()[0]
    again = PeftModel.from_pretrained(load_model(model, four_bit=four_bit), adapter.path).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(**inputs).logits, expected, atol=1e-5, rtol=1e-5)


def test_four_bit_training_keeps_its_gradients_after_an_evaluation(models: dict[str, Model]) -> None:
    """An evaluation changes no gradient after it, though bitsandbytes would repack weights on some CPUs."""

    def gradients(*, evaluate: bool) -> list[torch.Tensor]:
        set_seed(0)
        adapted = add_adapter(load_model(models["causal"], four_bit=True), options("qlora"))
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name:
                    parameter.fill_(0.01)
            if evaluate:
                adapted.eval()(**batch("causal"))
        adapted.train()(**batch("causal")).loss.backward()
        return [p.grad for p in adapted.parameters() if p.grad is not None]

    base = load_model(models["causal"], four_bit=True)
    assert {m.support_avx512bf16_for_cpu for m in base.modules() if isinstance(m, Linear4bit)} == {False}
    for with_one, without in zip(gradients(evaluate=True), gradients(evaluate=False), strict=True):
        assert torch.equal(with_one, without)


@pytest.mark.parametrize("family", FAMILIES)
def test_recomputed_activations_give_the_same_gradients(models: dict[str, Model], family: str) -> None:
    """gradient_checkpointing changes memory, not what is learned."""

    def losses(*, recompute: bool) -> list[float]:
        set_seed(0)
        adapted = add_adapter(load_model(models[family]), options("lora", gradient_checkpointing=recompute))
        return steps(adapted, family)

    plain = losses(recompute=False)
    assert losses(recompute=True) == pytest.approx(plain, abs=1e-6)
    assert plain[-1] < plain[0]


def test_every_linear_layer_but_the_head_is_a_target(models: dict[str, Model]) -> None:
    """By the names that the architecture gives them."""
    assert linear_modules(load_model(models["causal"])) == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    assert linear_modules(load_model(models["seq2seq"])) == ["k", "o", "q", "v", "wi_0", "wi_1", "wo"]


def test_trained_parameters_are_what_arithmetic_says(models: dict[str, Model]) -> None:
    """LoRA of rank r on a layer from i to o trains r * (i + o) numbers."""
    adapted = add_adapter(load_model(models["causal"]), options("lora", r=4))
    attention, inner = 4 * 4 * (32 + 32), 3 * 4 * (32 + 64)
    assert adapted.get_nb_trainable_parameters()[0] == 2 * (attention + inner)


def test_target_modules_that_are_not_there_are_told(models: dict[str, Model]) -> None:
    """With those that are."""
    with pytest.raises(BadInput, match=r"target_modules names query, .*choose from down_proj, .*q_proj"):
        add_adapter(load_model(models["causal"]), options("lora", target_modules=("query", "v_proj")))


def test_a_model_of_the_other_kind_is_refused(models: dict[str, Model]) -> None:
    """A causal head is not guessed from an encoder-decoder's folder."""
    wrong = dataclasses.replace(models["seq2seq"], family="causal")
    with pytest.raises(BadInput, match="does not load as a causal model"):
        load_model(wrong)


def test_precision_is_chosen_by_the_device() -> None:
    """float32 on a processor, unless asked otherwise."""
    cpu = torch.device("cpu")
    assert compute_dtype("auto", cpu) == torch.float32
    assert compute_dtype("bfloat16", cpu) == torch.bfloat16


def test_an_evaluation_leaves_every_random_state_as_it_was() -> None:
    """Python's, numpy's and torch's."""
    set_seed(1)
    expected = random.random(), float(np.random.rand()), float(torch.rand(()))
    set_seed(1)
    with untouched_randomness():
        random.random(), np.random.rand(), torch.rand(3)
    assert (random.random(), float(np.random.rand()), float(torch.rand(()))) == expected
