"""What the tests of the worker share: adapters with random weights, and what plain PEFT answers with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def load_base(folder: Path) -> Any:
    """Load a base model's folder as plain transformers does."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    seq2seq = AutoConfig.from_pretrained(folder).is_encoder_decoder
    return (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()


def load_adapted(base: Path, adapter: Path) -> Any:
    """Load what was trained as its model card says: PEFT's kinds with plain PEFT, the others as told."""
    from peft import PeftModel
    from safetensors.torch import load_file

    from workbench.worker import bottleneck

    if (adapter / "full_config.json").is_file():
        return load_base(adapter)
    model, kind = load_base(base), json.loads((adapter / "adapter_config.json").read_text())["peft_type"]
    if kind == "BOTTLENECK":
        return bottleneck.load(model, adapter)
    if kind == "PARTIAL":
        model.load_state_dict(load_file(adapter / "adapter_model.safetensors"), strict=False)
        return model
    return PeftModel.from_pretrained(model, adapter).eval()


@pytest.fixture(scope="session")
def plain_logits() -> Callable[[Path, Path | None], Any]:
    """A function that gives the logits of plain transformers, or plain PEFT, for a few tokens."""

    def logits(base: Path, adapter: Path | None = None) -> Any:
        import torch

        model = load_base(base) if adapter is None else load_adapted(base, adapter)
        inputs = {"input_ids": torch.tensor([[5, 9, 30, 41, 77, 12]])}
        if model.config.is_encoder_decoder:
            inputs["labels"] = torch.tensor([[50, 61, 8, 2]])
        with torch.inference_mode():
            return model(**inputs).logits

    return logits


@pytest.fixture(scope="session")
def make_adapter() -> Callable[[Path, Path, Any, int], Path]:
    """A function that saves an adapter whose weights are random, none of them zero.

    Of PEFT's kinds it is given a configuration, of ours a run's options.
    """

    def make(base: Path, target: Path, config: Any, seed: int) -> Path:
        import torch
        from peft import PeftConfig, get_peft_model

        from workbench.worker.methods import add_adapter
        from workbench.worker.publish import save

        torch.manual_seed(seed)
        ours = not isinstance(config, PeftConfig)
        model = add_adapter(load_base(base), config) if ours else get_peft_model(load_base(base), config)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn_like(weight) * 0.4)
        if ours:
            target.mkdir()
            save(model, config.method, target)
        else:
            model.save_pretrained(target)
        return target

    return make


@pytest.fixture(scope="session")
def plain_answer() -> Callable[[Path, Path | None, list[int], int], list[int]]:
    """A function that answers with plain transformers and PEFT, greedily, without a line of ours.

    Every step is a whole forward pass: `generate` keeps a cache, under a name that not every pair of
    releases of the two libraries agrees on, and soft prompts then answer wrongly.
    """

    def answer(base: Path, adapter: Path | None, ids: list[int], new_tokens: int = 16) -> list[int]:
        import torch

        model = load_base(base) if adapter is None else load_adapted(base, adapter)
        seq2seq = model.config.is_encoder_decoder
        spoken: list[int] = []
        for _ in range(new_tokens):
            prompt = torch.tensor([ids if seq2seq else ids + spoken])
            decoder = {}
            if seq2seq:
                started = [model.config.decoder_start_token_id, *spoken]
                decoder = {"decoder_input_ids": torch.tensor([started])}
            with torch.inference_mode():
                made = model(input_ids=prompt, attention_mask=torch.ones_like(prompt), **decoder)
            spoken.append(int(made.logits[0, -1].argmax()))
            if spoken[-1] == 2:
                return spoken[:-1]
        return spoken

    return answer
