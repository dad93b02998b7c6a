"""The state of an optimizer or generator as JSON and safetensors, and back, to the bit; nothing is executed.

Python's floats and whole numbers survive JSON exactly; tensors are named in the document and stand in a file
beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from store.errors import BadInput

_TENSOR, _TUPLE, _PAIRS = "!tensor", "!tuple", "!pairs"


def save(path: Path, state: Any) -> None:
    """Write a state as `path` (.json) and, beside it, its tensors (.safetensors).

    Args:
        path: The JSON file.
        state: Dicts, lists, tuples, numbers, texts, None and tensors, nested at will.

    Raises:
        BadInput: It holds something else.
    """
    parts = _Parts()
    document = parts.take(state, path.stem)
    path.write_text(json.dumps(document), encoding="utf-8")
    save_tensors(path.with_suffix(".safetensors"), parts.tensors)


def load(path: Path) -> Any:
    """Read what `save` has written; tensors come on the processor."""
    return _join(json.loads(path.read_text(encoding="utf-8")), load_tensors(path.with_suffix(".safetensors")))


def save_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write tensors by name; each becomes contiguous and independent of all others."""
    kept = {name: tensor.detach().to("cpu", copy=False).contiguous() for name, tensor in tensors.items()}
    seen: set[int] = set()
    for name, tensor in kept.items():
        # Two views of one storage cannot both stand in a file.
        place = tensor.untyped_storage().data_ptr()
        if place in seen:
            kept[name] = tensor.clone()
        seen.add(place)
    save_file(kept, path)


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read tensors by name, on the processor."""
    with safe_open(path, framework="pt", device="cpu") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)


class _Parts:
    """The tensors found so far; one that is met twice is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}

    def take(self, value: Any, at: str) -> Any:
        if isinstance(value, torch.Tensor):
            return {_TENSOR: self._name(value, at)}
        if isinstance(value, np.generic):
            return value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            items = [self.take(item, f"{at}.{number}") for number, item in enumerate(value)]
            return items if isinstance(value, list) else {_TUPLE: items}
        if isinstance(value, dict):
            return self._pairs(value, at)
        raise BadInput(
            f"{at} is a {type(value).__name__}, which a checkpoint cannot hold", "choose another optim"
        )

    def _pairs(self, value: dict[Any, Any], at: str) -> dict[str, Any]:
        if all(isinstance(key, str) and not key.startswith("!") for key in value):
            return {key: self.take(item, f"{at}.{key}") for key, item in value.items()}
        return {_PAIRS: [[key, self.take(item, f"{at}.{key}")] for key, item in value.items()]}

    def _name(self, tensor: torch.Tensor, at: str) -> str:
        strides = (tensor.storage_offset(), tensor.stride())
        key = (tensor.untyped_storage().data_ptr(), tensor.dtype, tuple(tensor.shape), *strides)
        if tensor.numel() == 0 or key not in self._names:
            self._names[key] = at
            self.tensors[at] = tensor
        return self._names[key]


def _join(document: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(document, list):
        return [_join(item, tensors) for item in document]
    if not isinstance(document, dict):
        return document
    if _TENSOR in document:
        return tensors[document[_TENSOR]]
    if _TUPLE in document:
        return tuple(_join(item, tensors) for item in document[_TUPLE])
    if _PAIRS in document:
        return {key: _join(item, tensors) for key, item in document[_PAIRS]}
    return {key: _join(item, tensors) for key, item in document.items()}
