"""Merging: every method's merged folder is a plain model that answers like base and adapter, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file

from store import Store
from store.adapters import Adapter
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import finished
from workbench.worker.loading import load_model
from workbench.worker.screening import SOFT

FAMILIES = ("causal", "seq2seq")
MERGED = [name for name, method in METHODS.items() if not method.virtual_tokens and name != "bottleneck"]
Make = Callable[[Path, Path, Any, int], Path]
Logits = Callable[..., torch.Tensor]


@pytest.fixture(params=FAMILIES)
def base(request: pytest.FixtureRequest, store: Store) -> Path:
    """One kind of model in the store, named `tiny`."""
    return store.models.add(str(request.getfixturevalue(f"tiny_{request.param}")), name="tiny").path


def options(method: str, **settings: Any) -> RunOptions:
    return RunOptions("tiny", "d", "t", method, settings=TrainingSettings(lora_dropout=0.0, **settings))


def add(store: Store, place: Path, make: Make, config: Any, name: str = "a") -> Adapter:
    base = store.models.get("tiny")
    return store.adapters.add(make(base.path, place / name, config, 1), name=name, model="tiny")


def merge(store: Store, name: str, folder: Path, **asked: Any) -> dict[str, Any]:
    """What the worker answers."""
    folder.mkdir()
    question = {"adapter": name, "folder": str(folder), "dequantised": False, "tolerance": None}
    return finished.answer(store, {"job": "merge", "device": "cpu", **question, **asked})


@pytest.mark.parametrize("method", MERGED)
def test_a_merged_model_answers_like_base_and_adapter(
    store: Store, base: Path, tmp_path: Path, make_adapter: Make, plain_logits: Logits, method: str
) -> None:
    """By plain transformers, against the lines of the adapter's own card; the tokenizer comes along."""
    adapter = add(store, tmp_path, make_adapter, options(method))
    told = merge(store, "a", tmp_path / "merged")
    assert "error" not in told, told
    assert (told["agreement"], told["base"], told["dtype"]) == (1.0, "stored", "float32")
    expected = plain_logits(base, adapter.path)
    assert (expected - plain_logits(base)).abs().max() > 0.1
    torch.testing.assert_close(plain_logits(tmp_path / "merged"), expected, atol=5e-3, rtol=1e-3)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (tmp_path / "merged" / name).read_bytes() == (base / name).read_bytes()
    config = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert config["dtype"] == "float32" and "quantization_config" not in config


def test_qlora_is_merged_into_what_it_was_trained_on(
    store: Store, base: Path, tmp_path: Path, make_adapter: Make, plain_logits: Logits
) -> None:
    """The base as NF4 holds it, made plain; PEFT's own merge rounds a second time, and that is told."""
    add(store, tmp_path, make_adapter, options("lora", r=8))
    model, adapter = store.models.get("tiny"), store.adapters.get("a")
    told = merge(store, "a", tmp_path / "merged", dequantised=True)
    assert (told["base"], told["agreement"]) == ("dequantised", 1.0)
    quantised = PeftModel.from_pretrained(load_model(model, four_bit=True), adapter.path).eval()
    expected = logits_of(quantised)
    torch.testing.assert_close(plain_logits(tmp_path / "merged"), expected, atol=5e-3, rtol=1e-3)
    assert (plain_logits(base, adapter.path) - expected).abs().max() > 0.05
    quantised.merge_adapter()
    assert (logits_of(quantised) - expected).abs().max() > 0.05
    assert "PEFT's own merge into the 4-bit base" in told["warnings"][0]


def logits_of(model: torch.nn.Module) -> torch.Tensor:
    inputs = {"input_ids": torch.tensor([[5, 9, 30, 41, 77, 12]])}
    if model.config.is_encoder_decoder:  # type: ignore[union-attr]
        inputs["labels"] = torch.tensor([[50, 61, 8, 2]])
    with torch.inference_mode():
        return model(**inputs).logits


def test_the_update_is_rounded_once(
    store: Store, tiny_causal: Path, tmp_path: Path, make_adapter: Make
) -> None:
    """In bfloat16 a merged weight is the nearest to the exact sum; PEFT rounds the update before it adds."""
    half = to_bfloat16(tiny_causal, tmp_path / "half")
    store.models.add(str(half), name="tiny")
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj"])
    adapter = add(store, tmp_path, make_adapter, config)
    told = merge(store, "a", tmp_path / "merged")
    assert "error" not in told, told
    assert (told["dtype"], told["tolerance"]) == ("bfloat16", 0.1)
    tensors, weights = load_file(adapter.path / "adapter_model.safetensors"), load_file(half / WEIGHTS)
    written = load_file(tmp_path / "merged" / WEIGHTS)
    name = "model.layers.1.self_attn.q_proj"
    low, high = (tensors[f"base_model.model.{name}.lora_{part}.weight"] for part in "AB")
    exact = weights[f"{name}.weight"].float() + high @ low * config.lora_alpha / config.r
    assert torch.equal(written[f"{name}.weight"], exact.bfloat16())
    assert torch.equal(written["model.embed_tokens.weight"], weights["model.embed_tokens.weight"])


WEIGHTS = "model.safetensors"


def to_bfloat16(folder: Path, target: Path) -> Path:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(target)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)
    return target


def test_a_model_that_would_answer_otherwise_is_refused(
    store: Store, tiny_causal: Path, tmp_path: Path, make_adapter: Make
) -> None:
    """With the figures, and what is allowed."""
    store.models.add(str(to_bfloat16(tiny_causal, tmp_path / "half")), name="tiny")
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj"])
    add(store, tmp_path, make_adapter, config)
    told = merge(store, "a", tmp_path / "merged", tolerance=1e-6)
    assert "merged, 'a' would answer otherwise" in told["error"]
    assert "1e-06 is allowed" in told["error"] and "--tolerance" in told["hint"]


def test_soft_prompts_and_bottlenecks_have_their_reasons() -> None:
    """No kind that has no place in plain weights is left without one."""
    from workbench.adapters.merging import UNMERGEABLE

    assert set(UNMERGEABLE) == SOFT | {"BOTTLENECK"}


def test_an_adapter_that_changes_its_base_is_merged_all_the_same(
    store: Store, tiny_causal: Path, tmp_path: Path, make_adapter: Make, plain_logits: Logits
) -> None:
    """Such as one that learned biases or whole layers, which cannot share a base with others."""
    base = store.models.add(str(tiny_causal), name="tiny").path
    config = LoraConfig(
        task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"], modules_to_save=["lm_head"]
    )
    adapter = add(store, tmp_path, make_adapter, config)
    assert merge(store, "a", tmp_path / "merged")["difference"] < 1e-4
    expected = plain_logits(base, adapter.path)
    torch.testing.assert_close(plain_logits(tmp_path / "merged"), expected, atol=1e-4, rtol=1e-4)


def test_it_is_checked_with_the_rows_that_it_was_trained_on(
    store: Store, tiny_causal: Path, tmp_path: Path, make_adapter: Make, dialogue_file: Path
) -> None:
    """As far as the store still has them."""
    store.models.add(str(tiny_causal), name="tiny")
    dataset = store.datasets.add(str(dialogue_file), name="dialogues")
    variant = 'prompt = "{{ dialogue }}"\ncompletion = "{{ summary }}"\n'
    (tmp_path / "t.toml").write_text(f'name = "t"\ntask = "t"\n[[variants]]\nname = "v"\n{variant}')
    store.templates.add(tmp_path / "t.toml")
    made = make_adapter(store.models.get("tiny").path, tmp_path / "made", options("lora"), 1)
    from store.files import staging

    with staging(store.root) as staged:
        for file in made.iterdir():
            file.rename(staged / file.name)
        lineage = {"dataset": {"name": dataset.name, "split": "train"}, "template": {"name": "t"}}
        store.adapters.publish(
            staged,
            name="a",
            model=store.models.get("tiny"),
            method="lora",
            run=None,
            trainable=1,
            lineage=lineage,
        )
    told = merge(store, "a", tmp_path / "merged")
    assert (told["compared"], told["rows"]) == ("rows that it was trained on", 8)
