"""The training pass: it makes logits where labels are and nowhere else, and the loss is the model's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    CohereConfig,
    Gemma2Config,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    PreTrainedModel,
)

from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import methods
from workbench.worker.forward import TrainingForward
from workbench.worker.packing import padded_collator

VOCABULARY = 384
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


class Neighbourly(LlamaForCausalLM):
    """A model whose logits are moved by those of all other positions: no position can be left out."""

    def forward(self, *args: Any, labels: torch.Tensor | None = None, **inputs: Any) -> Any:
        """The logits, less their mean."""
        outputs = super().forward(*args, **inputs)
        outputs.logits = outputs.logits - outputs.logits.mean(1, keepdim=True)
        if labels is not None:
            outputs.loss = self.loss_function(outputs.logits, labels, VOCABULARY)
        return outputs


def batch_of(family: str, seed: int = 0) -> dict[str, Any]:
    """Three rows of unlike length, of which the ends are learned."""
    chance = torch.Generator().manual_seed(seed)
    rows = []
    for length in (7, 18, 12):
        ids = torch.randint(3, VOCABULARY, (length,), generator=chance)
        labels = torch.where(torch.arange(length) < length // 2, -100, ids) if family == "causal" else ids[:5]
        rows.append({"input_ids": ids, "labels": labels})
    return padded_collator(0, shifts=family == "causal")(rows)


def loss_and_gradients(model: torch.nn.Module, batch: dict[str, Any], **more: Any) -> list[torch.Tensor]:
    """The loss, and then the gradient of every trained weight; dropout falls alike each time."""
    torch.manual_seed(0)
    model.train()
    model.zero_grad()
    loss = model(**batch, **more).loss
    loss.backward()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return [loss.detach(), *(weight.grad for weight in weights if weight.grad is not None)]


def plainly(batch: dict[str, Any]) -> dict[str, Any]:
    """What a model without the training pass takes of a batch."""
    return {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}


def agree(model: torch.nn.Module, base: PreTrainedModel, family: str, way: str) -> None:
    """The chosen way is the expected one; loss and all gradients are the plain ones, in pieces too."""
    batch = batch_of(family)
    expected = loss_and_gradients(model, plainly(batch))
    forward = TrainingForward(base)
    assert forward.choose(model, batch_of(family, seed=1)) == way
    found = [loss_and_gradients(model, batch)]
    forward._logits_at_once = 5 * VOCABULARY
    found.append(loss_and_gradients(model, batch))
    for each in found:
        assert len(each) == len(expected) > 1
        for one, other in zip(each, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("method", [name for name in methods.CONFIGS if name != "qlora"])
@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_every_method_has_the_models_own_loss_and_gradients(
    tiny_causal: Path, tiny_seq2seq: Path, family: str, method: str
) -> None:
    """From the labels' positions alone."""
    kind = AutoModelForCausalLM if family == "causal" else AutoModelForSeq2SeqLM
    base = kind.from_pretrained(tiny_causal if family == "causal" else tiny_seq2seq)
    model = methods.add_adapter(base, RunOptions("m", "d", "t", method, settings=TrainingSettings()))
    agree(model, base, family, "chunked")


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_an_adapted_or_saved_head_is_trained_alike(
    tiny_causal: Path, tiny_seq2seq: Path, family: str
) -> None:
    """LoRA on the head, which T5 shares with its embeddings, and a head that is trained as a whole."""
    kind = AutoModelForCausalLM if family == "causal" else AutoModelForSeq2SeqLM
    for named in (
        {"target_modules": ["lm_head"]},
        {"target_modules": ["wo", "o_proj"], "modules_to_save": ["lm_head"]},
    ):
        base = kind.from_pretrained(tiny_causal if family == "causal" else tiny_seq2seq)
        model = get_peft_model(base, LoraConfig(r=4, init_lora_weights=False, lora_dropout=0.0, **named))
        agree(model, base, family, "chunked")


@pytest.mark.parametrize(
    "config",
    [
        Gemma2Config(**SMALL, final_logit_softcapping=1.0, attn_logit_softcapping=None),
        GraniteConfig(**SMALL, logits_scaling=7.0),
        CohereConfig(**SMALL, logit_scale=0.5),
    ],
    ids=lambda config: config.model_type,
)
def test_what_a_model_does_to_its_logits_is_done_to_those_that_are_made(config: Any) -> None:
    """Caps and scales stay; such a model's logits are made all at once."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    agree(base, base, "causal", "gathered")


@pytest.mark.parametrize("kind", ["neighbours", "router"])
def test_a_model_that_needs_all_its_logits_makes_them(kind: str) -> None:
    """Where positions move each other, or the loss has another part, the plain pass stays."""
    torch.manual_seed(0)
    if kind == "neighbours":
        base: PreTrainedModel = Neighbourly(LlamaConfig(**SMALL))
    else:
        config = MixtralConfig(**SMALL, num_local_experts=2, output_router_logits=True)
        base = AutoModelForCausalLM.from_config(config)
    agree(base, base, "causal", "plain")


def test_a_small_other_part_of_the_loss_is_seen_in_half_precision(tiny_causal: Path) -> None:
    """A router's part is less than what bfloat16 rounds: the numbers alone would not tell."""
    torch.manual_seed(0)
    config = MixtralConfig(**SMALL, num_local_experts=2, output_router_logits=True)
    base = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    assert TrainingForward(base).choose(base, batch_of("causal")) == "plain"
    plain = AutoModelForCausalLM.from_pretrained(tiny_causal, dtype=torch.bfloat16)
    assert TrainingForward(plain).choose(plain, batch_of("causal")) == "chunked"


@pytest.mark.parametrize("way", ["chunked", "gathered", "plain"])
@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_the_loss_of_a_step_is_per_learned_token_of_the_step(
    tiny_causal: Path, tiny_seq2seq: Path, family: str, way: Any
) -> None:
    """Of two passes each gives its part, whatever its size; transformers' T5 would take the mean of each."""
    kind = AutoModelForCausalLM if family == "causal" else AutoModelForSeq2SeqLM
    base = kind.from_pretrained(tiny_causal if family == "causal" else tiny_seq2seq)
    forward = TrainingForward(base)
    forward.way = way
    batch = batch_of(family)
    learned = batch["label_positions"].shape[1]
    mean, *_ = loss_and_gradients(base, batch)
    part, *_ = loss_and_gradients(base, batch, num_items_in_batch=torch.tensor(3 * learned))
    torch.testing.assert_close(part * 3, mean)


def test_a_call_without_labels_and_the_choice_itself_change_nothing(tiny_causal: Path) -> None:
    """Generation sees the model as it was; random states and mode are given back."""
    base = AutoModelForCausalLM.from_pretrained(tiny_causal)
    ids = torch.tensor([[5, 6, 7, 8]])
    before = base.generate(ids, max_new_tokens=8, do_sample=False)
    base.train()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    TrainingForward(base).choose(base, batch_of("causal"))
    assert torch.equal(torch.rand(4), expected) and base.training
    assert torch.equal(base.eval().generate(ids, max_new_tokens=8, do_sample=False), before)


def test_logits_are_made_for_labels_alone(tiny_causal: Path) -> None:
    """The head is asked for as many positions as are learned, and one for each row beside them."""
    base = AutoModelForCausalLM.from_pretrained(tiny_causal)
    forward = TrainingForward(base)
    batch = batch_of("causal")
    assert forward.choose(base, batch) == "chunked"
    asked: list[int] = []
    base.lm_head.register_forward_hook(lambda _m, given, _made: asked.append(given[0].shape[:2].numel()))
    loss_and_gradients(base, batch)
    assert sorted(asked) == sorted([3, batch["label_positions"].shape[1]])
