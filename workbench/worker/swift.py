"""What makes a run fast without changing its loss, put together and tried before the first step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import packing, sharding
from workbench.worker.batches import TokenRows
from workbench.worker.data import Data, Draws, by_length
from workbench.worker.forward import TrainingForward
from workbench.worker.order import EpochOrder
from workbench.worker.packing import Packs

_TRIED_ROWS = 2
_LOOKED_AT = 64


def prepare(
    model: torch.nn.Module, options: RunOptions, rows: Data, *, multiple_of: int = 1
) -> Callable[[Any], dict[str, Any]]:
    """Put the lean forward pass into a model, and see that packed rows do not mix.

    Args:
        model: The model as it will be trained, adapter and all.
        options: The run.
        rows: What it reads.
        multiple_of: Batches' lengths are rounded up to this.

    Returns:
        What makes a batch of the rows that the run reads.

    Raises:
        BadInput: Packed rows would read each other in this model.
    """
    base: PreTrainedModel = model.get_base_model() if isinstance(model, PeftModel) else model
    forward = TrainingForward(base)
    shifts = not base.config.is_encoder_decoder
    padded = packing.padded_collator(rows.pad, multiple_of=multiple_of, shifts=shifts)
    # The compiler would break its graph at the places that the lean way picks; shards come by the plain way.
    if not (options.settings.torch_compile or sharding.is_sharded(options)):
        forward.choose(model, packing.placed(padded(_short_rows(rows.tasks[0])), base.device))
    if not options.settings.packing:
        return padded
    packed = _packed_collator(base, options.settings, rows.pad, multiple_of)
    packing.prove(model, base, forward, packed)
    if isinstance(rows.train, Packs):
        sys.stdout.write(
            f"packed: {rows.train.per_pass()} sequences a pass, {rows.train.filled():.0%} full\n"
        )
    return packed


def order(rows: Data, settings: TrainingSettings) -> EpochOrder | None:
    """The order in which batches hold rows of like length, if that was asked for."""
    if not settings.group_by_length or not isinstance(rows.train, (TokenRows, Draws)):
        return None
    ordered = by_length(rows.train, settings)
    return EpochOrder(lambda _seed, epoch: ordered(epoch), len(rows.train), settings.seed)


def _packed_collator(
    base: PreTrainedModel, settings: TrainingSettings, pad: int, multiple_of: int
) -> Callable[[Any], dict[str, Any]]:
    if base.config.is_encoder_decoder:
        start = base.config.decoder_start_token_id
        return packing.seq2seq_collator(pad, pad if start is None else start, multiple_of=multiple_of)
    flat = settings.attn_implementation == "flash_attention_2"
    return packing.causal_collator(pad, multiple_of=multiple_of, flat=flat)


def _short_rows(rows: TokenRows) -> list[dict[str, torch.Tensor]]:
    """A few of the shorter rows: to see whether two ways agree takes no long ones."""
    some = sorted(range(min(len(rows), _LOOKED_AT)), key=rows.length_of)
    return [rows[row] for row in some[:_TRIED_ROWS]]
