"""Combining and comparing adapters: the arithmetic is that of the weights themselves, built out in full."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LNTuningConfig, LoraConfig, PeftModel, PromptTuningConfig

from store import Store
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import finished, laying
from workbench.worker.loading import load_model

FAMILIES = ("causal", "seq2seq")
TASKS = {"causal": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}
Make = Callable[[Path, Path, Any, int], Path]


class House:
    """A base in a store, and adapters with random weights for it."""

    def __init__(self, store: Store, family: str, folder: Path, place: Path, make: Make) -> None:
        self.store, self.place, self.make = store, place, make
        self.record = store.models.add(str(folder), name="tiny")
        self.task = TASKS[family]
        self.names = ["q_proj", "v_proj", "down_proj"] if family == "causal" else ["q", "v", "wo"]

    def add(self, name: str, config: Any = None, seed: int = 0, **options: Any) -> None:
        config = config or LoraConfig(
            task_type=self.task, **{"r": 4, "target_modules": self.names[:2]} | options
        )
        made = self.make(self.record.path, self.place / name, config, seed)
        self.store.adapters.add(made, name=name, model="tiny")

    def ask(self, job: str, *names: str, **asked: Any) -> dict[str, Any]:
        return finished.answer(self.store, {"job": job, "adapters": list(names), **asked})

    def changes(self, name: str) -> dict[str, torch.Tensor]:
        """What an adapter changes, from the weights before and after it was folded in by PEFT."""
        before = dict(load_model(self.record).named_parameters())
        laid = laying.lay(load_model(self.record), self.record, [self.store.adapters.get(name)])
        after = laid.merge_and_unload() if isinstance(laid, PeftModel) else laid
        moved = {key: value - before[key] for key, value in after.named_parameters()}
        return {key: value for key, value in moved.items() if value.abs().max() > 0}

    def combine(self, method: str, parts: dict[str, float], **asked: Any) -> dict[str, Any]:
        """Combine, and add what came of it as `new`."""
        folder = self.place / "new"
        folder.mkdir()
        question = {"density": None, "rank": None, "seed": 0, "weights": list(parts.values()), **asked}
        told = self.ask("combine", *parts, method=method, folder=str(folder), **question)
        if "error" not in told:
            self.store.adapters.add(folder, name="new", model="tiny")
        return told


@pytest.fixture(params=FAMILIES)
def house(request: pytest.FixtureRequest, store: Store, tmp_path: Path, make_adapter: Make) -> House:
    folder = request.getfixturevalue(f"tiny_{request.param}")
    return House(store, request.param, folder, tmp_path, make_adapter)


@pytest.fixture
def causal(store: Store, tiny_causal: Path, tmp_path: Path, make_adapter: Make) -> House:
    return House(store, "causal", tiny_causal, tmp_path, make_adapter)


def test_cat_is_exactly_the_weighted_sum(house: House) -> None:
    """Of other ranks, other layers, and rsLoRA's other scale."""
    house.add("a", seed=1, r=4, use_rslora=True)
    house.add("b", seed=2, r=2, lora_alpha=16, target_modules=house.names[1:])
    told = house.combine("cat", {"a": 0.7, "b": -0.3})
    assert told["rank"] == 6
    one, other, new = house.changes("a"), house.changes("b"), house.changes("new")
    assert set(new) == set(one) | set(other)
    for name, change in new.items():
        zero = torch.zeros_like(change)
        expected = 0.7 * one.get(name, zero) - 0.3 * other.get(name, zero)
        torch.testing.assert_close(change, expected, atol=1e-5, rtol=1e-4)


def test_svd_of_the_full_rank_is_the_weighted_sum_and_of_less_the_nearest(causal: House) -> None:
    causal.add("a", seed=1, r=2)
    causal.add("b", seed=2, r=4)
    assert causal.combine("svd", {"a": 1.0, "b": 0.5}, rank=6)["rank"] == 6
    one, other, new = causal.changes("a"), causal.changes("b"), causal.changes("new")
    for name, change in new.items():
        torch.testing.assert_close(change, one[name] + 0.5 * other[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("method", ["linear", "ties", "dare_ties", "dare_linear_svd", "magnitude_prune"])
def test_every_other_way_makes_an_adapter_that_loads(causal: House, method: str) -> None:
    causal.add("a", seed=1)
    causal.add("b", seed=2)
    density = None if method == "linear" else 0.5
    assert causal.combine(method, {"a": 0.5, "b": 0.5}, density=density)["rank"] == 4
    assert set(causal.changes("new")) == set(causal.changes("a"))


def test_more_directions_than_a_layer_has_are_refused(causal: House) -> None:
    causal.add("a", seed=1)
    causal.add("b", seed=2)
    told = causal.combine("svd", {"a": 1.0, "b": 1.0}, rank=40)
    assert "has 32 directions, not 40" in told["error"] and "--rank to 32" in told["hint"]


def kinds(house: House) -> dict[str, Any]:
    """One of each kind that changes weights."""

    def ours(method: str, **settings: Any) -> RunOptions:
        return RunOptions("tiny", "d", "t", method, settings=TrainingSettings(**settings))

    norm = "input_layernorm" if house.task == "CAUSAL_LM" else "layer_norm"
    return {
        "lora": LoraConfig(task_type=house.task, r=4, target_modules=house.names),
        "dora": LoraConfig(task_type=house.task, r=2, target_modules=house.names[:2], use_dora=True),
        "rslora": LoraConfig(
            task_type=house.task,
            r=4,
            use_rslora=True,
            target_modules=house.names[:2],
            alpha_pattern={house.names[1]: 3},
        ),
        "ia3": IA3Config(
            task_type=house.task, target_modules=house.names[1:], feedforward_modules=house.names[2:]
        ),
        "norms": LNTuningConfig(task_type=house.task, target_modules=[norm]),
        "partial": ours("partial", last_layers=1),
        "full": ours("full"),
    }


def test_norms_and_cosines_are_those_of_the_changes_built_out(house: House) -> None:
    """For every pair of kinds, weight by weight and in all."""
    found = kinds(house)
    for seed, (name, config) in enumerate(found.items()):
        house.add(name, config, seed)
    changes = {name: house.changes(name) for name in found}
    weights = {name: value.detach() for name, value in load_model(house.record).named_parameters()}
    for one, other in [(one, other) for one in found for other in found if one < other]:
        told = house.ask("differ", one, other)
        assert "error" not in told, told
        layers = {layer["weight"]: layer for layer in told["layers"]}
        assert set(layers) == set(changes[one]) | set(changes[other]), (one, other)
        for name, layer in layers.items():
            pair = [
                changes[each].get(name, torch.zeros_like(weights[name])).flatten() for each in (one, other)
            ]
            expected = [float(each.norm()) for each in pair]
            assert layer["norms"] == pytest.approx(expected, rel=1e-3, abs=1e-5), (one, other, name)
            own = float(weights[name].norm())
            assert layer["shares"] == pytest.approx([each / own for each in expected], rel=1e-3, abs=1e-5)
            if all(expected):
                cosine = float(torch.nn.functional.cosine_similarity(*pair, dim=0))
                assert layer["cosine"] == pytest.approx(cosine, abs=1e-3), (one, other, name)
            else:
                assert layer["cosine"] is None
        whole = [
            float(torch.cat([c.flatten() for c in changes[each].values()]).norm()) for each in (one, other)
        ]
        assert told["total"]["norms"] == pytest.approx(whole, rel=1e-3)


def test_an_adapter_against_itself_and_its_opposite(causal: House) -> None:
    causal.add("a", seed=1)
    causal.add("b", seed=2)
    told = causal.ask("differ", "a", "a")
    assert told["total"]["cosine"] == pytest.approx(1) and told["settings"] == []
    causal.combine("cat", {"a": -1.0, "b": 0.001})
    assert causal.ask("differ", "a", "new")["total"]["cosine"] == pytest.approx(-1, abs=1e-3)


def test_settings_that_differ_are_told(causal: House) -> None:
    causal.add("a", seed=1)
    causal.add("b", seed=2, r=8, target_modules=["v_proj", "k_proj"])
    told = {each["name"]: each["values"] for each in causal.ask("differ", "a", "b")["settings"]}
    assert told == {"r": [4, 8], "target_modules": [["q_proj", "v_proj"], ["k_proj", "v_proj"]]}
    layer = next(each for each in causal.ask("differ", "a")["layers"] if "q_proj" in each["weight"])
    assert layer["ranks"] == [4] and "cosine" not in layer


def test_a_soft_prompt_changes_no_weights(causal: House) -> None:
    causal.add("p", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    assert "changes no weights of its base" in causal.ask("differ", "p")["error"]
