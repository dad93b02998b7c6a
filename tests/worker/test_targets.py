"""Modules are found in every architecture that the store takes, whatever its names are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from store.configs import ARCHITECTURES
from workbench.worker import targets

LAYERS = ("num_hidden_layers", "encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers")
# What these configurations lack or derive from the number of layers that they have by themselves.
NEEDED: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8},
}
ATTENTIONS_OF_SEQ2SEQ = 3  # in the encoder one, in the decoder two


def small(model_type: str) -> Any:
    """A model of that type with two layers a side, without weights."""
    known = CONFIG_MAPPING[model_type]
    attributes = set(known().to_dict()) | set(known.attribute_map)
    fewer = {name: 2 for name in LAYERS if name in attributes}
    config = known(**fewer | NEEDED.get(model_type, {}))
    causal = ARCHITECTURES[model_type].family == "causal"
    with torch.device("meta"):
        return (AutoModelForCausalLM if causal else AutoModelForSeq2SeqLM).from_config(config)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_layers_norms_and_places_are_found(model_type: str) -> None:
    """Two layers a side; one feed-forward in each, one attention or two; norms; linear layers."""
    model = small(model_type)
    sides = 1 if ARCHITECTURES[model_type].family == "causal" else 2
    assert [len(stack) for stack in targets.stacks(model)] == [2] * sides
    assert len(targets.last_layers(model, 1)) == sides
    assert len(targets.sublayers(model, attention=False)) == 2 * sides
    attentions = 1 if sides == 1 else ATTENTIONS_OF_SEQ2SEQ
    assert len(targets.sublayers(model, attention=True)) == 2 * (sides + attentions)
    assert targets.linear_modules(model)
    assert bool(targets.norm_modules(model)) == (model_type != "olmo")  # whose norms have no weights
