"""What an adapter changes of its base's weights, layer by layer, and the products that norms come from.

A low-rank change is never multiplied out: of `B A` and `D C` the inner product is the sum of
`(B^T D) * (A C^T)`, matrices as small as the ranks. PEFT is not needed for it, and takes seconds to import.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.peft_folder import PREFIX, clean_config, files_of, read_config
from store.weights import read_header, read_weights


@dataclass(frozen=True)
class LowRank:
    """The change `left @ right`: `[out, rank]` and `[rank, in]`, in the layout of the base's weight."""

    left: torch.Tensor
    right: torch.Tensor

    @property
    def rank(self) -> int:
        """Rows of `right`."""
        return len(self.right)


@dataclass(frozen=True)
class Dense:
    """The change itself, of the weight's shape."""

    change: torch.Tensor

    @property
    def rank(self) -> None:
        """None is known."""
        return None


Delta = LowRank | Dense


def inner(one: Delta, other: Delta) -> float:
    """The sum of the products of all elements of two changes, in float64."""
    if isinstance(one, Dense):
        if isinstance(other, Dense):
            return float((one.change.double() * other.change.double()).sum())
        one, other = other, one
    left, right = one.left.double(), one.right.double()
    if isinstance(other, LowRank):
        return float(((left.T @ other.left.double()) * (right @ other.right.double().T)).sum())
    return float(((left.T @ other.change.double()) * right).sum())


class BaseWeights:
    """A base's weights, read one at a time.

    Args:
        folder: The model's.
    """

    def __init__(self, folder: Path) -> None:
        _, files = read_weights(folder)
        self._places = {name: file for file in files for name in read_header(file)}

    def __getitem__(self, name: str) -> torch.Tensor:
        """One weight; some files leave out the first part of all names.

        Raises:
            BadInput: There is none.
        """
        tail = name.partition(".")[2]
        for known in (name, tail, *(each for each in self._places if each.endswith(f".{name}"))):
            if known in self._places:
                with safe_open(self._places[known], framework="pt") as file:
                    return file.get_tensor(known).float()
        raise BadInput(f"the base has no weight {name!r}", "use the base that the adapter was trained on")


def deltas(adapter: Adapter, base: Model, weights: BaseWeights) -> dict[str, Callable[[], Delta]]:
    """The changes of an adapter by the name of the weight that they change, made when they are asked for.

    Raises:
        BadInput: It changes no weights.
    """
    config, file = clean_config(read_config(adapter.path), base), files_of(adapter.path)[1]
    reader = _KINDS.get(config["peft_type"])
    if reader is None:
        raise BadInput(
            f"adapter {adapter.name!r} ({adapter.method}) changes no weights of its base, so that there is "
            "nothing to measure",
            f"this works for {', '.join(sorted(_KINDS))}",
        )
    return reader(config, _Tensors(file), weights)


class _Tensors:
    """An adapter's tensors, read one at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.names = list(read_header(file))

    def __getitem__(self, name: str) -> torch.Tensor:
        with safe_open(self._file, framework="pt") as file:
            return file.get_tensor(name).float()


Found = dict[str, Callable[[], Delta]]


def _lora(config: dict[str, Any], tensors: _Tensors, weights: BaseWeights) -> Found:
    found: Found = {}
    for name in tensors.names:
        path, mark, rest = name.removeprefix(PREFIX).partition(".lora_")
        if rest in ("A.weight", "embedding_A"):
            make = _dora if f"{PREFIX}{path}.lora_magnitude_vector" in tensors.names else _low_rank
            found[f"{path}.weight"] = _later(make, config, tensors, weights, path)
        elif not mark:
            found[path] = _later(_replaced, tensors, weights, name, path)
    return found


def _low_rank(config: dict[str, Any], tensors: _Tensors, _weights: BaseWeights, path: str) -> LowRank:
    embedded = f"{PREFIX}{path}.lora_embedding_A" in tensors.names
    ends = ("lora_embedding_A", "lora_embedding_B") if embedded else ("lora_A.weight", "lora_B.weight")
    low, high = (tensors[f"{PREFIX}{path}.{end}"] for end in ends)
    alpha = _alpha(config, path)
    scale = alpha / (len(low) ** 0.5 if config.get("use_rslora") else len(low))
    # Embeddings and GPT-2's layers hold their weights transposed.
    turned = embedded or config.get("fan_in_fan_out")
    return LowRank(low.T * scale, high.T) if turned else LowRank(high * scale, low)


def _alpha(config: dict[str, Any], path: str) -> float:
    """A layer's own alpha, by PEFT's rule: the first pattern that matches the end of its path."""
    patterns: dict[str, float] = config.get("alpha_pattern") or {}
    found = (alpha for pattern, alpha in patterns.items() if re.match(rf"(.*\.)?({pattern})$", path))
    return next(found, config.get("lora_alpha", 8))


def _dora(config: dict[str, Any], tensors: _Tensors, weights: BaseWeights, path: str) -> Dense:
    """Liu et al. 2024 (arXiv 2402.09353), equation 5: the updated weight's rows at lengths of their own."""
    low, weight = _low_rank(config, tensors, weights, path), weights[f"{path}.weight"]
    axis = 0 if config.get("fan_in_fan_out") else 1
    moved = weight + low.left @ low.right
    length = tensors[f"{PREFIX}{path}.lora_magnitude_vector"].reshape(-1).unsqueeze(axis)
    return Dense(length * moved / moved.norm(dim=axis, keepdim=True) - weight)


def _ia3(config: dict[str, Any], tensors: _Tensors, weights: BaseWeights) -> Found:
    def scaled(name: str, path: str) -> Dense:
        weight, factor = weights[f"{path}.weight"], tensors[name]
        return Dense(weight * ((factor.T if config.get("fan_in_fan_out") else factor) - 1))

    found: Found = {}
    for name in tensors.names:
        path, mark, _ = name.removeprefix(PREFIX).partition(".ia3_l")
        if mark:
            found[f"{path}.weight"] = _later(scaled, name, path)
        else:
            found[path] = _later(_replaced, tensors, weights, name, path)
    return found


def _whole(_config: dict[str, Any], tensors: _Tensors, weights: BaseWeights) -> Found:
    paths = {name: name.removeprefix(PREFIX).replace(".ln_tuning_layers.", ".") for name in tensors.names}
    return {path: _later(_replaced, tensors, weights, name, path) for name, path in paths.items()}


def _replaced(tensors: _Tensors, weights: BaseWeights, name: str, path: str) -> Dense:
    return Dense(tensors[name] - weights[path])


def _later(make: Callable[..., Delta], *arguments: Any) -> Callable[[], Delta]:
    return lambda: make(*arguments)


_KINDS: dict[str, Callable[[dict[str, Any], _Tensors, BaseWeights], Found]] = {
    "LORA": _lora,
    "IA3": _ia3,
    "LN_TUNING": _whole,
    "PARTIAL": _whole,
    "FULL": _whole,
}
