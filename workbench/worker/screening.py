"""What an adapter must be before it comes near a loaded base: of a known kind, finite, and a guest.

It loads nothing into a model; whether the shapes fit is seen when PEFT takes the weights.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from safetensors import SafetensorError, safe_open

from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.peft_folder import OWN_KINDS, PREFIX, clean_config, files_of, read_config, read_tensors
from workbench.worker.loading import first_line

SOFT = frozenset({"PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"})
# Other ways to initialise take a part out of the base's weights: the adapter fits that changed base alone.
_HARMLESS_INITS = (True, False, "gaussian", "eva", "orthogonal")


def screen(
    adapter: Adapter, base: Model, base_weights: Collection[str], task: str
) -> PeftConfig | dict[str, Any]:
    """Look at an adapter's configuration and at every number of its weights, as they lie on the disk now.

    Args:
        adapter: The record.
        base: The base's record.
        base_weights: The names of the base's own weights, which no adapter may bring along.
        task: PEFT's name of what the base does, such as CAUSAL_LM.

    Returns:
        Its configuration, set for inference on this base; plain values of the kinds that PEFT lacks.

    Raises:
        BadInput: It cannot share a base with others, or cannot be used at all.
    """
    try:
        # Anybody may have written into the folder since it was added.
        read_tensors(adapter.path)
        keys = clean_config(read_config(adapter.path), base)
        names = _finite_names(files_of(adapter.path)[1])
        if keys["peft_type"] in OWN_KINDS:
            return keys
        config = PeftConfig.from_peft_type(**keys | {"task_type": task})
    except BadInput as error:
        raise BadInput(f"adapter {adapter.name!r}: {error.what}", error.remedy) from error
    except (ValueError, TypeError, KeyError, SafetensorError, OSError) as error:
        raise BadInput(
            f"adapter {adapter.name!r} cannot be read ({first_line(error)})", "add it again"
        ) from error
    faults = [*_ways_to_change_the_base(config), *_weights_of_the_base(config, names, base_weights)]
    if faults:
        raise BadInput(
            f"adapter {adapter.name!r} cannot share a base: {', '.join(faults)}",
            "merge it into a model of its own",
        )
    return config


def kind_of(config: PeftConfig | dict[str, Any]) -> str:
    """PEFT's name of an adapter's kind, such as LORA, or ours of one that PEFT lacks."""
    if isinstance(config, dict):
        return str(config["peft_type"])
    return str(getattr(config.peft_type, "value", config.peft_type))


def _ways_to_change_the_base(config: PeftConfig) -> list[str]:
    initialised = getattr(config, "init_lora_weights", True)
    trained_layers = bool(getattr(config, "modules_to_save", None))
    faults = {
        "it trained biases of the base": getattr(config, "bias", "none") not in (None, "none"),
        "its initialisation changed the base": initialised not in _HARMLESS_INITS,
        "it repeats layers of the base": bool(getattr(config, "layer_replication", None)),
        "its soft prompt comes with trained layers": kind_of(config) in SOFT and trained_layers,
    }
    return [fault for fault, present in faults.items() if present]


def _weights_of_the_base(config: PeftConfig, names: list[str], base_weights: Collection[str]) -> list[str]:
    replaced = getattr(config, "modules_to_save", None) or ()
    brought = [
        name
        for name in (full.removeprefix(PREFIX) for full in names)
        if name in base_weights and not any(f".{module}." in f".{name}" for module in replaced)
    ]
    return [f"it carries weights of the base itself, such as {brought[0]}"] if brought else []


def _finite_names(weights: Path) -> list[str]:
    """The names of the adapter's weights, after a look at every number of them."""
    with safe_open(weights, framework="pt") as file:
        names = list(file.keys())
        for name in names:
            if not bool(torch.isfinite(file.get_tensor(name).float()).all()):
                raise BadInput(
                    f"it has weights that are not numbers, in {name}",
                    "train it again with a lower learning rate",
                )
    if not names:
        raise BadInput("it holds no weights", "train it again")
    return names
