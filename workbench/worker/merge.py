"""An adapter worked into its base's own weights: written as a plain model, and checked against itself."""

from __future__ import annotations

import dataclasses
import gc
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel

from store import Store
from store.adapters import Adapter
from store.errors import BadInput
from store.models import JSON_FILES, PLAIN_FILES, Model
from workbench.worker import laying, likeness
from workbench.worker.loading import compute_device, load_model, prepare_process, stored_dtype

TOLERANCES = {"float32": 5e-3, "float16": 2e-2, "bfloat16": 1e-1}
"""By the precision of the weights: how far scores may move, over their deviation; see `Likeness`."""
NOTABLE = 0.05
"""A change of the scores worth a warning, in the same measure."""
Tell = Callable[[str], None]


def merge(store: Store, asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a merged model into an empty folder.

    Args:
        store: An open store.
        asked: `adapter`, its name; `folder`; `dequantised`, whether the base is the one that QLoRA computed
            with; `tolerance`, or None for the precision's own; `device`, or None for the usual one.
        tell: Called with how far it is.

    Returns:
        The figures of the check, and warnings.

    Raises:
        BadInput: It cannot be merged, or the merged model does not answer like the adapter.
    """
    adapter = store.adapters.get(asked["adapter"])
    record = store.models.get(adapter.model)
    store.adapters.check_base(adapter, record)
    prepare_process(record)
    if asked["device"] == "cuda" and not torch.cuda.is_available():
        raise BadInput("there is no GPU that CUDA can use", "leave --device out, or see `workbench doctor`")
    device = torch.device(asked["device"]) if asked["device"] else compute_device()
    folder, four_bit = Path(asked["folder"]), bool(asked["dequantised"])
    dtype = stored_dtype(record)
    rows, told = likeness.rows_for(store, adapter, record)
    tell("asking base and adapter")
    before = likeness.scores(_computing(record, device, [adapter], four_bit=four_bit), rows)
    tell("merging")
    base = load_model(record, dtype=dtype, device=device)
    if four_bit:
        base = _dequantised(load_model(record, device=device, four_bit=True), base)
    _write(laying.fold(laying.lay(base, record, [adapter])), getattr(torch, dtype), record, folder)
    del base
    gc.collect()
    tell("asking the merged model")
    written = dataclasses.replace(record, path=folder)
    found = likeness.compare(before, likeness.scores(_computing(written, device), rows))
    tolerance = asked["tolerance"] or TOLERANCES[dtype]
    if not found.difference <= tolerance:
        raise BadInput(
            f"merged, {adapter.name!r} would answer otherwise: scores move by {found.difference:.3g} of "
            f"their deviation, {tolerance:.3g} is allowed ({found.positions} positions of {told})",
            "export it as a PEFT folder instead, or allow more with --tolerance",
        )
    return {
        **dataclasses.asdict(found),
        "tolerance": tolerance,
        "compared": told,
        "rows": len(rows),
        "dtype": dtype,
        "base": "dequantised" if four_bit else "stored",
        "device": device.type,
        "warnings": _warnings(written, device, before, rows) if four_bit else [],
    }


def _computing(
    record: Model, device: torch.device, adapters: Sequence[Adapter] = (), *, four_bit: bool = False
) -> torch.nn.Module:
    """A model as the workbench computes with it, in float32 on a processor."""
    return laying.lay(load_model(record, device=device, four_bit=four_bit), record, adapters)


def _dequantised(quantised: PreTrainedModel, plain: PreTrainedModel) -> PreTrainedModel:
    """Give a plain base the weights that QLoRA computed with: NF4 and back is not what was there before."""
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit  # only here: the import looks for GPUs and native code

    for name, module in quantised.named_modules():
        if isinstance(module, Linear4bit):
            weight = dequantize_4bit(module.weight.data, module.weight.quant_state)
            plain.get_submodule(name).weight.data.copy_(weight)
    return plain


def _write(merged: PreTrainedModel, dtype: torch.dtype, record: Model, folder: Path) -> None:
    """Write a model as transformers does; the small files beside its weights are the base's."""
    for parameter in merged.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)
    merged.config.dtype = dtype
    # Written anew it would be checked: what a base came with may be odd, and is copied as it is.
    merged.generation_config = GenerationConfig.from_model_config(merged.config)
    merged.save_pretrained(folder)
    for name in (*JSON_FILES, *PLAIN_FILES):
        if (record.path / name).is_file():
            shutil.copyfile(record.path / name, folder / name)


def _warnings(written: Model, device: torch.device, before: list[torch.Tensor], rows: list[Any]) -> list[str]:
    """What becomes of it in 4 bits again, which is what PEFT's own merge into a 4-bit base makes."""
    again = likeness.compare(before, likeness.scores(_computing(written, device, four_bit=True), rows))
    if again.difference < NOTABLE:
        return []
    return [
        "PEFT's own merge into the 4-bit base, or loading this model in 4 bits, rounds the merged weights "
        f"again: scores move by {again.difference:.3g} of their deviation, and the likeliest token changes "
        f"at {100 * (1 - again.agreement):.3g} % of the positions"
    ]
