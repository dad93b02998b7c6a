"""How LoRA begins where PEFT needs help: EVA from data, PiSSA and OLoRA from the base's own weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from peft import EvaConfig, LoraConfig, PeftModel, get_peft_model_state_dict
from peft.tuners.lora.eva import initialize_lora_eva_weights
from torch import nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from store.errors import BadInput
from workbench.composing import masking
from workbench.runs.combinations import CHANGES_THE_BASE
from workbench.runs.training import TrainingSettings

Batch = dict[str, torch.Tensor]
_LOOKED_AT = 512  # rows; more tell EVA little that is new
_MOST_PASSES = 20  # over those rows, before EVA is given up
_TOKENS_PER_RANK = 4


def options(settings: TrainingSettings) -> dict[str, Any]:
    """What `LoraConfig` is told of the beginning."""
    if settings.init_lora_weights == "default":
        return {}
    # Without redistribution (rho 1) every layer keeps its rank: the count of parameters is known beforehand.
    eva = {"eva_config": EvaConfig(rho=1.0)} if settings.init_lora_weights == "eva" else {}
    return {"init_lora_weights": settings.init_lora_weights, **eva}


def check(settings: TrainingSettings, layers: Iterable[nn.Module]) -> None:
    """Refuse what the layers that will be adapted do not allow.

    Raises:
        BadInput: The rank is larger than a layer, or OLoRA meets a transposed one.
    """
    beginning = settings.init_lora_weights
    if beginning not in (*CHANGES_THE_BASE, "eva"):
        return
    for layer in layers:
        if isinstance(layer, nn.Embedding):
            raise BadInput(f"init_lora_weights = {beginning} suits linear layers, not embeddings",
                           "leave the embeddings out of target_modules")  # fmt: skip
        if beginning == "olora" and isinstance(layer, Conv1D):
            raise BadInput("init_lora_weights = olora does not suit the transposed layers of GPT-2",
                           "choose pissa or default")  # fmt: skip
        least = _least(layer)
        if settings.r > least:
            raise BadInput(
                f"init_lora_weights = {beginning} takes r = {settings.r} directions from layers of {least}",
                f"choose r of at most {least}",
            )


def begin(adapted: PeftModel, settings: TrainingSettings, batches: Iterable[Batch] | None) -> None:
    """Finish the beginning of a fresh LoRA adapter.

    Args:
        adapted: The model with its adapter.
        settings: The run's.
        batches: Training data for EVA; without any, its matrices stay random, good for their shapes alone.

    Raises:
        BadInput: The data does not settle EVA's directions.
    """
    if settings.init_lora_weights == "eva" and batches is not None:
        initialize_lora_eva_weights(
            adapted,
            dataloader=_Repeated(list(batches)),
            prepare_model_inputs_fn=_masks,
            prepare_layer_inputs_fn=_real_positions,
            gather_distributed_inputs=False,
            show_progress_bar=False,
        )
    if settings.init_lora_weights in CHANGES_THE_BASE:
        first = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        adapted.first_lora = {name: value.clone() for name, value in first.items()}


def published(adapted: PeftModel) -> tuple[LoraConfig, dict[str, torch.Tensor]]:
    """A trained LoRA adapter as it fits the untouched base, however it began.

    PiSSA and OLoRA train `W - s B0 A0 + s B A`: beside `W` that is `s [B, -B0] [A; A0]`, of twice the rank.

    Returns:
        PEFT's configuration and the weights.
    """
    config = copy.deepcopy(adapted.peft_config["default"])
    config.init_lora_weights, config.eva_config = True, None  # how it began is in the weights now
    weights = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    first: dict[str, torch.Tensor] | None = getattr(adapted, "first_lora", None)
    if first is None:
        return config, weights
    config.r *= 2
    config.lora_alpha *= 2**0.5 if config.use_rslora else 2
    joined = {
        name: torch.cat((value, first[name]), dim=0)
        if ".lora_A." in name
        else torch.cat((value, -first[name]), dim=1)
        for name, value in weights.items()
    }
    return config, joined


def first_batches(
    rows: Sequence[Batch],
    collate: Callable[[Sequence[Batch]], Batch],
    settings: TrainingSettings,
    *,
    causal: bool,
) -> Iterator[Batch]:
    """The first rows of the training data in batches with enough tokens each to tell `r` directions.

    Args:
        rows: The training data.
        collate: Makes a batch.
        settings: The run's.
        causal: Whether prompt and completion are one sequence.

    Raises:
        BadInput: All rows together have too few tokens.
    """
    needed, made, some = _TOKENS_PER_RANK * settings.r, 0, []
    for index in range(min(len(rows), _LOOKED_AT)):
        some.append(rows[index])
        sizes = [sum(len(row["input_ids"]) for row in some)]
        if not causal:
            sizes.append(sum(int((row["labels"] != masking.IGNORED).sum()) for row in some))
        if len(some) >= settings.batch_size and min(sizes) >= needed:
            batch = collate(some)
            yield batch if causal else _told_apart(batch)
            made, some = made + 1, []
    if not made:
        raise BadInput(
            f"init_lora_weights = eva needs {needed} tokens in {settings.batch_size} rows or more",
            "choose a lower r or batch_size, or another way to begin",
        )


class _Repeated:
    """Batches again and again: the same ones settle EVA's directions, or nothing will."""

    def __init__(self, batches: list[Batch]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(_MOST_PASSES):
            yield from self._batches
        raise BadInput(
            "init_lora_weights = eva finds fewer directions in the training data than r",
            "choose a lower r, or another way to begin",
        )


def _told_apart(batch: Batch) -> Batch:
    """A batch whose prompts and completions differ in length: by that their layers' inputs are told apart."""
    if batch["input_ids"].shape != batch["labels"].shape:
        return batch
    longer = {name: functional.pad(batch[name], (0, 1)) for name in ("input_ids", "attention_mask")}
    return batch | longer


def _masks(batch: Batch, _config: LoraConfig) -> list[torch.Tensor]:
    """Which positions are real, of prompts and of completions: [batch, positions] each."""
    return [batch["attention_mask"].bool(), batch["labels"] != masking.IGNORED]


def _real_positions(inputs: Any, masks: list[torch.Tensor], _name: str) -> torch.Tensor:
    """A layer's input without padding: [tokens, width]."""
    states = inputs[0] if isinstance(inputs, tuple | list) else inputs
    for mask in masks:
        if states.shape[:2] == mask.shape:
            return states[mask]
    return states.reshape(-1, states.shape[-1])


def _least(layer: nn.Module) -> int:
    """The most directions a layer has."""
    if isinstance(layer, nn.Linear):
        return min(layer.in_features, layer.out_features)
    return min(layer.weight.shape)
