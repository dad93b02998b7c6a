"""What an adapter's words must be before its weights come near a loaded base: of a known kind, and a guest's.

It reads no number; whether those are sound and fit is seen when they are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from peft import PeftConfig

from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.peft_folder import OWN_KINDS, PREFIX, clean_config, read_config, read_tensors
from workbench.worker.loading import first_line
from workbench.worker.openings import SOFT

# Other ways to initialise take a part out of the base's weights: the adapter fits that changed base alone.
_HARMLESS_INITS = (True, False, "gaussian", "eva", "orthogonal")
_LISTS = ("layers_pattern", "modules_to_save")  # their members are expressions too
_REPEAT, _REPEATED_GROUP = re.compile(r"[*+{]"), re.compile(r"\)[*+{]")
_REPEATS = 4  # in one expression; each further one multiplies the search by the length of a path


def screen(
    adapter: Adapter, base: Model, base_weights: Collection[str], task: str
) -> PeftConfig | dict[str, Any]:
    """Look at an adapter as `read` does, and see that it leaves its base to others.

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
    config, names = read(adapter, base, task)
    if isinstance(config, dict):
        return config
    faults = [*_ways_to_change_the_base(config), *_weights_of_the_base(config, names, base_weights)]
    if faults:
        raise BadInput(
            f"adapter {adapter.name!r} cannot share a base: {', '.join(faults)}",
            "merge it into a model of its own",
        )
    return config


def read(adapter: Adapter, base: Model, task: str) -> tuple[PeftConfig | dict[str, Any], list[str]]:
    """Look at an adapter's configuration and the names of its weights, as they lie on the disk now.

    Args:
        adapter: The record.
        base: The base's record.
        task: PEFT's name of what the base does, such as CAUSAL_LM.

    Returns:
        Its configuration, as `screen` gives it, and the names of its weights.

    Raises:
        BadInput: It cannot be used at all.
    """
    try:
        # Anybody may have written into the folder since it was added.
        names = list(read_tensors(adapter.path))
        keys = clean_config(read_config(adapter.path), base)
        if keys["peft_type"] in OWN_KINDS:
            return keys, names
        _check_expressions(keys)
        return PeftConfig.from_peft_type(**keys | {"task_type": task}), names
    except BadInput as error:
        raise BadInput(f"adapter {adapter.name!r}: {error.what}", error.remedy) from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise BadInput(
            f"adapter {adapter.name!r} cannot be read ({first_line(error)})", "add it again"
        ) from error


def kind_of(config: PeftConfig | dict[str, Any]) -> str:
    """PEFT's name of an adapter's kind, such as LORA, or ours of one that PEFT lacks."""
    if isinstance(config, dict):
        return str(config["peft_type"])
    return str(getattr(config.peft_type, "value", config.peft_type))


def _check_expressions(keys: Mapping[str, Any]) -> None:
    """Refuse regular expressions that could search for hours: PEFT tries them on every module's path."""
    texts = [keys.get(name) for name in ("target_modules", "exclude_modules", "layers_pattern")]
    texts += [part for name in ("rank_pattern", "alpha_pattern") for part in keys.get(name) or ()]
    texts += [part for name in _LISTS for part in keys.get(name) or () if not isinstance(keys[name], str)]
    for text in texts:
        if isinstance(text, str) and (_REPEATED_GROUP.search(text) or len(_REPEAT.findall(text)) > _REPEATS):
            raise BadInput(
                f"its configuration has an expression that may search for ever, {text[:80]!r}",
                "name its modules one by one in adapter_config.json",
            )


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
