"""What does not go together is refused before anything starts, each with its reason and a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store import Store
from store.errors import BadInput
from store.models import Model
from workbench.runs import combinations
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("prefix-tuning", {"gradient_checkpointing": True}, "prefix-tuning hands its keys over as a cache"),
    ("prompt-tuning", {"packing": True}, "the virtual tokens of prompt-tuning stand before the first alone"),
    ("prefix-tuning", {"packing": True}, "the virtual tokens of prefix-tuning stand"),
    ("p-tuning", {"packing": True}, "the virtual tokens of p-tuning stand"),
    ("ia3", {"init_lora_weights": "gaussian"}, "gaussian is a beginning of LoRA, and ia3 has no such"),
    ("full", {"init_lora_weights": "eva"}, "eva is a beginning of LoRA, and full has no such"),
    ("qlora", {"init_lora_weights": "pissa"}, "pissa takes a part out of the base, which 4 bits cannot hold"),
    ("qlora", {"init_lora_weights": "olora"}, "olora takes a part out of the base"),
    ("qlora", {"init_lora_weights": "orthogonal"}, "in qlora they are codes; use lora"),
    ("dora", {"init_lora_weights": "pissa"}, "DoRA's magnitudes cannot be carried over"),
    ("lora", {"init_lora_weights": "orthogonal", "r": 5}, "parts the rank in halves, and r = 5 is odd"),
    ("p-tuning", {"prompt_tuning_init_text": "Summarise"}, "what prompt-tuning begins with"),
    ("prompt-tuning", {"prompt_tuning_init_text": " "}, "there are no words to begin with"),
    ("lora", {"encoder_hidden_size": 8}, "the width of p-tuning's network, and the method is lora"),
    ("full", {"target_modules": ("q_proj",)}, "names modules to adapt, and full chooses none"),
    ("prompt-tuning", {"target_modules": ("q_proj",)}, "and prompt-tuning chooses none"),
    ("lora", {"packing": True, "group_by_length": True}, "packed rows have no padding to save"),
    ("lora", {"probes": ("d:t",), "distributed": "fsdp", "nproc_per_node": 2}, "only its part of a model"),
    ("lora", {"distributed": "fsdp"}, "one process has nothing to share"),
    ("qlora", {"distributed": "fsdp", "nproc_per_node": 2}, "does not shard a base in 4 bits"),
    ("lora", {"distributed": "fsdp", "nproc_per_node": 2, "optim": "adafactor"}, "adafactor cannot work on"),
]


@pytest.mark.parametrize(("method", "settings", "reason"), REFUSED)
def test_a_clash_is_refused_with_its_reason(method: str, settings: dict[str, Any], reason: str) -> None:
    """Where a run is put together: on the command line, in a file and in the form."""
    with pytest.raises(BadInput) as refused:
        RunOptions("m", "d", "t", method, settings=TrainingSettings(**settings))
    assert reason in str(refused.value)
    assert refused.value.remedy
    assert "{" not in str(refused.value)


def test_every_clash_of_the_table_is_refused_above() -> None:
    """No row of it is untested, and none can be dropped unseen."""
    met = {
        clash.what
        for method, settings, _ in REFUSED
        for clash in combinations.CLASHES
        if clash.holds(METHODS[method], TrainingSettings(**settings))
    }
    assert met == {clash.what for clash in combinations.CLASHES}


def test_all_clashes_of_a_run_are_told_at_once() -> None:
    """So that a person corrects them in one go."""
    settings = TrainingSettings(gradient_checkpointing=True, packing=True)
    with pytest.raises(BadInput, match=r"lays rows end to end.*|hands its keys over.*") as refused:
        combinations.check("prefix-tuning", settings)
    assert "hands its keys" in str(refused.value) and "end to end" in str(refused.value)


@pytest.mark.parametrize("method", METHODS)
def test_the_defaults_suit_every_method_and_model(
    method: str, store: Store, tiny_causal: Path, tiny_seq2seq: Path
) -> None:
    """Nobody is refused who asks for nothing odd."""
    RunOptions("m", "d", "t", method)
    for folder in (tiny_causal, tiny_seq2seq):
        combinations.check_model(method, TrainingSettings(), store.models.add(str(folder)))


@pytest.fixture
def t5(store: Store, tiny_seq2seq: Path) -> Model:
    """An encoder-decoder of two layers each."""
    return store.models.add(str(tiny_seq2seq), name="t5")


@pytest.mark.parametrize(
    ("method", "settings", "reason"),
    [
        ("partial", {"last_layers": 3}, "last_layers = 3 is more than the 2 layers of 't5'"),
        ("lora", {"dtype": "float16"}, "float16 overflows in encoder-decoder models"),
        ("lora", {"attn_implementation": "flash_attention_2"}, "no relative position bias, which 't5' needs"),
        ("lora", {"use_liger_kernel": True}, "use_liger_kernel has no kernels for 't5'"),
        ("p-tuning", {"num_virtual_tokens": 249}, "leaves no room in the 256 tokens of 't5'"),
    ],
)
def test_a_clash_with_the_model_is_refused(
    t5: Model, method: str, settings: dict[str, Any], reason: str
) -> None:
    """By its record and its config.json alone."""
    with pytest.raises(BadInput) as refused:
        combinations.check_model(method, TrainingSettings(**settings), t5)
    assert reason in str(refused.value)


def test_named_modules_come_before_last_layers(t5: Model) -> None:
    """Then the number of layers is nobody's affair."""
    combinations.check_model("partial", TrainingSettings(last_layers=99, target_modules=("lm_head",)), t5)
