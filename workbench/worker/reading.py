"""An adapter's tensors in one piece of memory on a device: read once, and every number looked at.

It knows no kinds of adapters. The file is not mapped: whoever writes into it later changes nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from store.errors import BadInput

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool,
}  # fmt: skip


def read(path: Path, device: torch.device, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Read a safetensors file into memory of its own.

    Args:
        path: The file; its header must have been checked (`store.weights.read_header`).
        device: Where the tensors shall lie.
        dtype: The precision of those that are real numbers.

    Returns:
        The tensors by name; what needs no other precision shares one storage.

    Raises:
        BadInput: The file holds nothing, or numbers that are none.
        ValueError: It is another file than the one that was checked; or LookupError, RuntimeError.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        document: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = torch.empty(path.stat().st_size - file.tell(), dtype=torch.uint8)
        file.readinto(body.numpy())
    document.pop("__metadata__", None)
    if not document:
        raise BadInput("it holds no weights", "train it again")
    whole = body.to(device)  # [bytes]
    tensors = {name: _view(whole, name, entry) for name, entry in document.items()}
    _check_finite(whole, tensors)
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
    }


def byte_count(tensors: Iterable[torch.Tensor]) -> int:
    """The memory that tensors take, in bytes; what several of them share is counted once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _view(whole: torch.Tensor, name: str, entry: Mapping[str, Any]) -> torch.Tensor:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise BadInput(f"{name} is of the type {entry['dtype']}", "save it in float32 or bfloat16")
    start, end = entry["data_offsets"]
    part = whole[start:end]
    if start % dtype.itemsize:
        part = part.clone()  # a view must begin at a whole number of its own elements
    return part.view(dtype).view(entry["shape"])


def _check_finite(whole: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> None:
    kinds = {tensor.dtype for tensor in tensors.values()}
    # One sum is many times faster than a look at each number; that of finite ones may overflow, though.
    kind = kinds.pop()
    if not kinds and kind.is_floating_point and bool(torch.isfinite(whole.view(kind).sum())):
        return
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise BadInput(
                f"it has weights that are not numbers, in {name}",
                "train it again with a lower learning rate",
            )
