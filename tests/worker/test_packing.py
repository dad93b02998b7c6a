"""Packed rows: the loss and gradients of rows apart, a proof before training, each row as often as asked."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BloomConfig,
    GPT2Config,
    MambaConfig,
    PreTrainedModel,
)

from store.errors import BadInput
from workbench.worker import packing
from workbench.worker.forward import TrainingForward
from workbench.worker.packing import Packs

VOCABULARY = 384
LENGTHS = ((7, 4), (12, 6), (5, 3), (9, 9), (3, 2), (16, 1))


def rows_of(family: str, whole: bool = False) -> list[dict[str, torch.Tensor]]:
    """Rows of unlike length; of a causal model's the ends are learned, or all of it."""
    chance = torch.Generator().manual_seed(0)
    rows = []
    for source, target in LENGTHS:
        ids = torch.randint(3, VOCABULARY, (source,), generator=chance)
        labels = torch.randint(3, VOCABULARY, (target,), generator=chance)
        if family == "causal":
            labels = ids if whole else torch.where(torch.arange(source) < source // 2, -100, ids)
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def load(folder: Path, family: str, **options: Any) -> tuple[torch.nn.Module, PreTrainedModel]:
    """A tiny model with a LoRA that does something."""
    kind = AutoModelForCausalLM if family == "causal" else AutoModelForSeq2SeqLM
    base = kind.from_pretrained(folder, **options)
    names = ["q_proj", "v_proj", "down_proj"] if family == "causal" else ["q", "v", "wo"]
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=names, init_lora_weights=False, lora_dropout=0.0)
    return get_peft_model(base, config), base


def collator_of(family: str, *, flat: bool = False) -> Callable[..., dict[str, Any]]:
    """What packs for a family."""
    if family == "seq2seq":
        return packing.seq2seq_collator(0, 0, multiple_of=8)
    return packing.causal_collator(0, multiple_of=8, flat=flat)


def loss_and_gradients(model: torch.nn.Module, batch: dict[str, Any]) -> list[torch.Tensor]:
    """The loss, and then the gradient of every trained weight."""
    model.train()
    model.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    return [loss.detach(), *(weight.grad for weight in model.parameters() if weight.grad is not None)]


@pytest.mark.parametrize("whole", [False, True], ids=["completions", "whole-rows"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_packed_rows_have_the_loss_and_gradients_of_rows_apart(
    tiny_causal: Path, tiny_seq2seq: Path, family: str, attention: str, whole: bool
) -> None:
    """In two sequences, the one longer than the other, by the model's own loss and by the lean one."""
    folder = tiny_causal if family == "causal" else tiny_seq2seq
    model, base = load(folder, family, attn_implementation=attention)
    rows = rows_of(family, whole)
    padded = packing.padded_collator(0, shifts=family == "causal")(rows)
    plain = {name: padded[name] for name in ("input_ids", "attention_mask", "labels")}
    expected = loss_and_gradients(model, plain)
    forward = TrainingForward(base)
    for flat in (False, True) if family == "causal" else (False,):
        batch = collator_of(family, flat=flat)([rows[:4], rows[4:]])
        for way in ("plain", "chunked"):
            forward.way = way  # type: ignore[assignment]
            found = loss_and_gradients(model, batch)
            assert len(found) == len(expected) > 1
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6)
    assert (
        batch["tokens"]
        == padded["tokens"]
        == sum(source + (0 if family == "causal" else target) for source, target in LENGTHS)
    )


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_rows_that_read_each_other_are_caught(tiny_causal: Path, tiny_seq2seq: Path, family: str) -> None:
    """A mask of ones beside the positions, segments that are one, positions that run on: never silently."""
    model, base = load(tiny_causal if family == "causal" else tiny_seq2seq, family)
    forward = TrainingForward(base)
    collate = collator_of(family)
    packing.prove(model, base, forward, collate)

    def spoilt(packs: Sequence[Any]) -> dict[str, Any]:
        batch = collate(packs)
        if family == "causal":
            return {**batch, "attention_mask": torch.ones_like(batch["input_ids"])}
        return {**batch, "target_segments": batch["target_segments"].clamp_max(1)}

    def shifted(packs: Sequence[Any]) -> dict[str, Any]:
        batch = collate(packs)
        if family == "causal":
            places = torch.arange(batch["input_ids"].shape[1]).expand_as(batch["input_ids"])
            return {**batch, "position_ids": places}
        return {**batch, "decoder_input_ids": batch["labels"].clamp_min(0).roll(1, 1)}

    for wrong in (spoilt, shifted):
        with pytest.raises(BadInput, match=r"packing does not suit .*reads across rows.*set packing=false"):
            packing.prove(model, base, forward, wrong)


SMALL: dict[str, Any] = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


@pytest.mark.parametrize(
    ("config", "suits"),
    [
        (GPT2Config(**SMALL, n_embd=32, n_layer=2, n_head=4), True),
        (BloomConfig(**SMALL, hidden_size=32, n_layer=2, n_head=4), False),
        (MambaConfig(**SMALL, hidden_size=32, num_hidden_layers=2, state_size=8), False),
        (
            BartConfig(
                **SMALL,
                d_model=32,
                encoder_layers=2,
                decoder_layers=2,
                encoder_attention_heads=4,
                decoder_attention_heads=4,
                encoder_ffn_dim=64,
                decoder_ffn_dim=64,
                decoder_start_token_id=2,
                forced_eos_token_id=None,
            ),
            False,
        ),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_architectures_that_cannot_keep_rows_apart_are_refused(config: Any, suits: bool) -> None:
    """A state that runs on, a bias by distance from the sequence's start, positions that nothing restarts."""
    torch.manual_seed(0)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    base = kind.from_config(config).eval()
    family = "seq2seq" if config.is_encoder_decoder else "causal"
    forward = TrainingForward(base)
    if suits:
        packing.prove(base, base, forward, collator_of(family))
        return
    with pytest.raises(BadInput, match=f"packing does not suit {type(base).__name__}"):
        packing.prove(base, base, forward, collator_of(family))


class Numbered:
    """Rows that are known by their number alone."""

    def __init__(self, lengths: list[int]) -> None:
        self._lengths = lengths

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        length = self._lengths[index % len(self._lengths)]
        return {"input_ids": torch.full((length,), index), "labels": torch.full((length,), index)}

    def length_of(self, index: int) -> tuple[int, int]:
        """As long as it is."""
        return (self._lengths[index % len(self._lengths)],) * 2


@pytest.mark.parametrize("passes", [1.0, 2.0, 2.5])
def test_each_pass_has_every_row_once(passes: float) -> None:
    """The last pass perhaps in part; asked in any order, a sequence is the same."""
    size = 3000  # two windows
    rows = Numbered([3 + number % 40 for number in range(size)])

    def a_pass(turn: int) -> list[int]:
        return [(number * 7 + turn) % size for number in range(size)]

    packs = Packs(rows, a_pass, capacity=64, sides=1, seed=3)
    packs.extend(passes=passes)
    whole, count = math.floor(passes), Counter(packs.drawn(len(packs)))
    assert set(count.values()) <= {whole, math.ceil(passes)} and len(count) == size
    assert sum(count.values()) == pytest.approx(size * passes, rel=0.02)
    again = Packs(rows, a_pass, capacity=64, sides=1, seed=3)
    again.extend(passes=passes)
    for index in (len(packs) - 1, 0, packs.per_pass(), 5):
        assert again.numbers(index) == packs.numbers(index)
        assert [int(row["input_ids"][0]) for row in packs[index]] == packs.numbers(index)
    assert json.dumps(packs.filled()) and packs.filled() > 0.95
