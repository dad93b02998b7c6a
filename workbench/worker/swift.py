"""What makes a run fast without changing its loss, put together and tried before the first step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedConfig, PreTrainedModel

from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import packing
from workbench.worker.batches import TokenRows
from workbench.worker.data import Data, Draws, by_length
from workbench.worker.forward import TrainingForward
from workbench.worker.loading import compute_dtype
from workbench.worker.order import EpochOrder
from workbench.worker.packing import Packs

Collate = Callable[[Any], dict[str, Any]]

_TRIED_ROWS = 2
_LOOKED_AT = 64
_GPU_MULTIPLE = 8


def prepare(model: torch.nn.Module, options: RunOptions, rows: Data, device: torch.device) -> Collate:
    """Put the lean forward pass into a model, and see that packed rows do not mix.

    Args:
        model: The model as it will be trained, adapter and all.
        options: The run.
        rows: What it reads.
        device: Where it computes.

    Returns:
        What makes a batch of the rows that the run reads.

    Raises:
        BadInput: Packed rows would read each other in this model.
    """
    base = _base(model)
    forward = TrainingForward(base)
    padded = _padded_collator(base.config, rows.pad, device)
    # The compiler would break its graph at the places that the lean way picks; shards come by the plain way.
    if not (options.settings.torch_compile or options.settings.sharded):
        with _precision(options.settings, device):
            forward.choose(model, packing.placed(padded(_short_rows(rows.tasks[0])), base.device))
    if not options.settings.packing:
        return padded
    packed = batch_collator(base.config, options.settings, rows.pad, device)
    with _precision(options.settings, device):
        packing.prove(model, base, forward, packed)
    if isinstance(rows.train, Packs):
        sys.stdout.write(
            f"packed: {rows.train.per_pass()} sequences a pass, {rows.train.filled():.0%} full\n"
        )
    return packed


def suppose(model: torch.nn.Module, settings: TrainingSettings, batch: dict[str, Any]) -> None:
    """Put the pass that `prepare` would choose into a model of tensors without values.

    Args:
        model: The model as it would be trained, adapter and all.
        settings: The run's.
        batch: One of fake tensors, on the model's device.
    """
    forward = TrainingForward(_base(model))
    if not (settings.torch_compile or settings.sharded):
        with _precision(settings, batch["input_ids"].device):
            forward.suppose(model, batch)


def batch_collator(
    config: PreTrainedConfig, settings: TrainingSettings, pad: int, device: torch.device
) -> Collate:
    """What makes a batch of the rows, or of the packed sequences, that a run reads.

    Args:
        config: The base's.
        settings: The run's.
        pad: The padding id.
        device: Where it computes: a GPU likes lengths of round numbers.
    """
    if not settings.packing:
        return _padded_collator(config, pad, device)
    multiple_of = _multiple(device)
    if config.is_encoder_decoder:
        start = config.decoder_start_token_id
        return packing.seq2seq_collator(pad, pad if start is None else start, multiple_of=multiple_of)
    flat = settings.attn_implementation == "flash_attention_2"
    return packing.causal_collator(pad, multiple_of=multiple_of, flat=flat)


def order(rows: Data, settings: TrainingSettings) -> EpochOrder | None:
    """The order in which batches hold rows of like length, if that was asked for."""
    if not settings.group_by_length or not isinstance(rows.train, (TokenRows, Draws)):
        return None
    return EpochOrder(by_length(rows.train, settings), len(rows.train))


def _base(model: torch.nn.Module) -> PreTrainedModel:
    base: PreTrainedModel = model.get_base_model() if isinstance(model, PeftModel) else model
    return base


def _padded_collator(config: PreTrainedConfig, pad: int, device: torch.device) -> Collate:
    return packing.padded_collator(pad, multiple_of=_multiple(device), shifts=not config.is_encoder_decoder)


def _precision(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """What training computes in: what learns is float32 and may stand between layers in half precision."""
    dtype = compute_dtype(settings.dtype, device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def _multiple(device: torch.device) -> int:
    return _GPU_MULTIPLE if device.type == "cuda" else 1


def _short_rows(rows: TokenRows) -> list[dict[str, torch.Tensor]]:
    """A few of the shorter rows: to see whether two ways agree takes no long ones."""
    some = sorted(range(min(len(rows), _LOOKED_AT)), key=rows.length_of)
    return [rows[row] for row in some[:_TRIED_ROWS]]
