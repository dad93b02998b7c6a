"""A folder in PEFT's format: its configuration, its weights' header, and whether they fit a base model.

Beside PEFT's kinds there are BOTTLENECK (additive adapters), PARTIAL (some of the base's weights, changed)
and FULL (all of them). The first two have PEFT's file names; FULL is a whole model in transformers' form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.configs import ADAPTER_KEYS, allowed, read_json
from store.errors import BadInput, Conflict
from store.models import Model
from store.weights import Tensor, read_header, read_weights

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# A whole model's: beside an adapter_config.json transformers would look for an adapter to load on it.
FULL_CONFIG = "full_config.json"
FULL_WEIGHTS = "model.safetensors"
PREFIX = "base_model.model."

# PEFT's names of the kinds that can be loaded here, and ours of the method that makes them.
METHODS = {
    "LORA": "lora",
    "ADALORA": "adalora",
    "LOHA": "loha",
    "LOKR": "lokr",
    "OFT": "oft",
    "MISS": "miss",
    "IA3": "ia3",
    "LN_TUNING": "ln-tuning",
    "PROMPT_TUNING": "prompt-tuning",
    "PREFIX_TUNING": "prefix-tuning",
    "P_TUNING": "p-tuning",
    "BOTTLENECK": "bottleneck",
    "PARTIAL": "partial",
    "FULL": "full",
}
OWN_KINDS = frozenset({"BOTTLENECK", "PARTIAL", "FULL"})
"""Those that plain PEFT does not load."""


def files_of(folder: Path) -> tuple[Path, Path]:
    """Return the two files that make an adapter: its configuration and its weights."""
    if (folder / FULL_CONFIG).is_file():
        return folder / FULL_CONFIG, folder / FULL_WEIGHTS
    return folder / CONFIG, folder / WEIGHTS


def read_config(folder: Path) -> dict[str, Any]:
    """Return an adapter's configuration as its folder has it.

    Raises:
        BadInput: there is none, it is no JSON, or its file is not that of its kind.
    """
    file, weights = files_of(folder)
    if not file.is_file():
        raise BadInput(f"{folder} has no {file.name}", "name the folder that PEFT's save_pretrained wrote")
    config = read_json(file)
    if (config.get("peft_type") == "FULL") != (file.name == FULL_CONFIG):
        raise BadInput(
            f"{file} is of the kind {config.get('peft_type')!r}, which does not go with {weights.name}",
            f"whole models come with {FULL_CONFIG} and {FULL_WEIGHTS}, adapters with {CONFIG} and {WEIGHTS}",
        )
    return config


def clean_config(config: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return an adapter's configuration with known keys only, for inference on a base of the store.

    The base is named by us: PEFT would load whatever the adapter's own words name.

    Raises:
        BadInput: an unknown kind of adapter.
    """
    kind = config.get("peft_type")
    if kind not in METHODS:
        raise BadInput(
            f"adapters of the kind {kind!r} are not supported", f"supported are {', '.join(METHODS)}"
        )
    cleaned = allowed(config, ADAPTER_KEYS)
    base = {"base_model_name_or_path": model.source, "revision": model.revision, "inference_mode": True}
    if kind == "PROMPT_TUNING":
        base["prompt_tuning_init"] = "RANDOM"  # the text it began with is in the weights now
    return cleaned | base


def method_of(config: dict[str, Any]) -> str:
    """Return our name of the method that made an adapter."""
    if config.get("use_dora"):
        return "dora"
    if config.get("use_rslora"):
        return "rslora"
    return METHODS[config["peft_type"]]


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of an adapter's folder.

    Raises:
        BadInput: there are none, or pickles only, or the file is damaged.
    """
    config, weights = files_of(folder)
    if weights.is_file():
        return read_header(weights)
    if config.name == FULL_CONFIG:
        raise BadInput(f"{folder} has no {FULL_WEIGHTS}", "name the folder that the workbench wrote")
    if (folder / "adapter_model.bin").exists():
        raise BadInput(
            f"{folder} holds its weights as pickle (adapter_model.bin), which could run code when loaded",
            "convert it where you trust it: PEFT's save_pretrained writes safetensors",
        )
    raise BadInput(f"{folder} has no {WEIGHTS}", "name the folder that PEFT's save_pretrained wrote")


def check_fits(config: dict[str, Any], tensors: dict[str, Tensor], model: Model) -> None:
    """Compare the adapter's shapes with the base's weights.

    Trained weights of the base itself have its own names and shapes.
    LoRA's A is (r, in) and its B (out, r) beside a weight of (out, in), or (in, out) in GPT-2's layers; a
    soft prompt is (tokens, width of the embedding).

    Raises:
        Conflict: a layer is not in the base, or its shape is another.
    """
    if config["peft_type"] in ("PROMPT_TUNING", "P_TUNING"):
        _check_width(tensors, read_json(model.path / "config.json"), model)
        return
    base, _ = read_weights(model.path)
    if config["peft_type"] in ("PARTIAL", "FULL"):
        _check_same(tensors, base, model)
        return
    if config["peft_type"] == "BOTTLENECK":
        _check_places(tensors, base, model)
        return
    for name, tensor in tensors.items():
        module, _, part = name.removeprefix(PREFIX).partition(".lora_")
        if part not in ("A.weight", "B.weight"):
            continue
        weight = base.get(f"{module}.weight")
        width = tensor.shape[1] if part == "A.weight" else tensor.shape[0]
        if weight is None and any(key.startswith(module) for key in base):
            continue
        if weight is None or width not in weight.shape:
            found = f"is {weight.shape} there, the adapter's is {tensor.shape}" if weight else "is not there"
            raise Conflict(
                f"the adapter does not fit {model.name!r}: {module} {found}",
                "name the base it was made for with --model",
            )


def _check_width(tensors: dict[str, Tensor], config: dict[str, Any], model: Model) -> None:
    widths = [config[key] for key in ("hidden_size", "d_model", "n_embd") if key in config]
    prompt = tensors.get("prompt_embeddings")
    if prompt is None or (widths and prompt.shape[-1] not in widths):
        shape = "missing" if prompt is None else f"{prompt.shape[-1]} wide, the base {widths[0]}"
        raise Conflict(
            f"the adapter does not fit {model.name!r}: its soft prompt is {shape}",
            "name the base it was made for with --model",
        )


def _check_places(tensors: dict[str, Tensor], base: dict[str, Tensor], model: Model) -> None:
    """Each adapter stands behind a module of the base and is as wide as one of its weights."""
    for name, tensor in tensors.items():
        path, found, part = name.partition(".bottleneck.")
        # Some files leave out the first part of all names.
        ends = (f".{path}.", f".{path.partition('.')[2]}.")
        shapes = [own.shape for key, own in base.items() if any(end in f".{key}" for end in ends)]
        if (
            not found
            or not shapes
            or (part == "down.weight" and not any(tensor.shape[-1] in s for s in shapes))
        ):
            raise Conflict(
                f"the adapter does not fit {model.name!r}: {name} of {tensor.shape} has no place there",
                "name the base it was made for with --model",
            )


def _check_same(tensors: dict[str, Tensor], base: dict[str, Tensor], model: Model) -> None:
    """Files leave out what stands twice, such as a head that is the embedding, and a prefix of all names."""
    for name, tensor in tensors.items():
        there = [
            own.shape
            for key, own in base.items()
            if key == name or key.endswith(f".{name}") or name.endswith(f".{key}")
        ]
        if there and tensor.shape not in there:
            raise Conflict(
                f"the adapter does not fit {model.name!r}: {name} is {there[0]} there, the adapter's is "
                f"{tensor.shape}",
                "name the base it was made for with --model",
            )
    if not any(key == name or name.endswith(f".{key}") for name in tensors for key in base):
        raise Conflict(
            f"the adapter does not fit {model.name!r}: none of its weights is there",
            "name the base it was made for with --model",
        )
