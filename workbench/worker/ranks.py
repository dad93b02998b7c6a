"""What the processes of one training tell each other about a checkpoint; one alone agrees with itself."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor, distribute_tensor


def rank() -> int:
    """This process's place; the first writes for all."""
    return distributed.get_rank() if _together() else 0


def decided(choice: bool) -> bool:
    """What the first process has chosen, in all of them."""
    if not _together():
        return choice
    told = torch.tensor([choice], dtype=torch.uint8)
    distributed.broadcast(told, src=0)
    return bool(told.item())


def gathered(document: Any) -> list[Any]:
    """Every process's document of plain JSON values, in the order of their places."""
    if not _together():
        return [document]
    content = torch.tensor(list(json.dumps(document).encode()), dtype=torch.uint8)
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(distributed.get_world_size())]
    distributed.all_gather(sizes, torch.tensor([len(content)]))
    padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
    padded[: len(content)] = content
    contents = [torch.zeros_like(padded) for _ in sizes]
    distributed.all_gather(contents, padded)
    return [json.loads(bytes(each[: int(size)].tolist())) for each, size in zip(contents, sizes, strict=True)]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that is sharded over the processes, put together in each of them; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """A whole tensor on the device of another and, where that is sharded and as large, sharded like it."""
    if isinstance(model, DTensor) and tensor.shape == model.shape:
        return distribute_tensor(tensor, model.device_mesh, model.placements)
    return tensor.to(model.device)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
