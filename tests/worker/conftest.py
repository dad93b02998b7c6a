"""What the tests of the worker share: adapters with random weights, and what plain PEFT answers with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def load_base(folder: Path) -> Any:
    """Load a base model's folder as plain transformers does."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    seq2seq = AutoConfig.from_pretrained(folder).is_encoder_decoder
    return (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()


@pytest.fixture(scope="session")
def make_adapter() -> Callable[[Path, Path, Any, int], Path]:
    """A function that saves an adapter whose weights are random, none of them zero."""

    def make(base: Path, target: Path, config: Any, seed: int) -> Path:
        import torch
        from peft import get_peft_model

        torch.manual_seed(seed)
        model = get_peft_model(load_base(base), config)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn_like(weight) * 0.4)
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
        from peft import PeftModel

        model = load_base(base)
        model = model if adapter is None else PeftModel.from_pretrained(model, adapter).eval()
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
