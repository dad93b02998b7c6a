"""LoRA adapters of one base combined into a new one, by PEFT's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import save_file

from store import Store
from store.errors import BadInput
from store.peft_folder import WEIGHTS
from workbench.worker import laying
from workbench.worker.loading import first_line, load_model, prepare_process, stored_dtype

_NEW = "combined"
Tell = Callable[[str], None]


def combine(store: Store, asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a PEFT folder of a weighted combination.

    Args:
        store: An open store.
        asked: `adapters`, names; `weights`, one each; `method`, PEFT's `combination_type`; `density`, `rank`
            and `seed` of the methods that have them; `folder`, an empty one.
        tell: Called with how far it is.

    Returns:
        `rank`, and `trainable`, the parameters written.

    Raises:
        BadInput: PEFT cannot combine them.
    """
    adapters = [store.adapters.get(name) for name in asked["adapters"]]
    record = store.models.get(adapters[0].model)
    prepare_process(record)
    tell("loading the base")
    base = load_model(record, dtype=stored_dtype(record), device=torch.device("cpu"))
    laid = laying.lay(base, record, adapters)
    assert isinstance(laid, PeftModel)  # noqa: S101 (they are LoRA adapters, as the asker has seen)
    tell("combining")
    keys = [laying.key_of(number) for number in range(len(adapters))]
    # The new adapter takes the first one's settings but has a scale of 1, which rsLoRA's would not be.
    laid.peft_config[keys[0]].use_rslora = False
    torch.manual_seed(asked["seed"])
    try:
        laid.base_model.add_weighted_adapter(
            keys,
            asked["weights"],
            _NEW,
            combination_type=asked["method"],
            svd_rank=asked["rank"],
            svd_full_matrices=False,
            density=asked["density"],
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadInput(
            f"the adapters cannot be combined by {asked['method']} ({first_line(error)})",
            "try --method cat, which keeps all of each",
        ) from error
    config = laid.peft_config[_NEW]
    tensors = get_peft_model_state_dict(laid, adapter_name=_NEW, save_embedding_layers=False)
    _check_rank(config.r, tensors)
    folder = Path(asked["folder"])
    config.inference_mode = True
    config.save_pretrained(str(folder))
    save_file({name: each.contiguous() for name, each in tensors.items()}, folder / WEIGHTS, {"format": "pt"})
    return {"rank": config.r, "trainable": sum(each.numel() for each in tensors.values())}


def _check_rank(rank: int, tensors: dict[str, torch.Tensor]) -> None:
    """PEFT writes fewer directions than it promises where a layer has no more."""
    for name, tensor in tensors.items():
        if ".lora_A." in name and len(tensor) != rank:
            raise BadInput(
                f"{name} has {len(tensor)} directions, not {rank}", f"lower --rank to {len(tensor)} or less"
            )
