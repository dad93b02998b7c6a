"""What the processes of one training tell each other; one alone agrees with itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor, distribute_tensor

from workbench.worker.group import together


def rank() -> int:
    """This process's place; the first writes for all."""
    return distributed.get_rank() if together() else 0


def size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if together() else 1


def decided(choice: bool) -> bool:
    """What the first process has chosen, in all of them."""
    return all_decided([choice])[0]


def all_decided(choices: Sequence[bool]) -> list[bool]:
    """The same of several choices."""
    if not together():
        return list(choices)
    told = torch.tensor(choices, dtype=torch.uint8)
    distributed.broadcast(told, src=0)
    return [bool(each) for each in told.tolist()]


def gathered(document: Any) -> list[Any]:
    """Every process's document of plain JSON values, in the order of their places."""
    if not together():
        return [document]
    content = torch.tensor(list(json.dumps(document).encode()), dtype=torch.uint8)
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(size())]
    distributed.all_gather(sizes, torch.tensor([len(content)]))
    padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
    padded[: len(content)] = content
    contents = [torch.zeros_like(padded) for _ in sizes]
    distributed.all_gather(contents, padded)
    return [json.loads(bytes(each[: int(size)].tolist())) for each, size in zip(contents, sizes, strict=True)]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that is sharded over the processes, put together in each of them; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def kept_by_first(tensor: torch.Tensor) -> torch.Tensor:
    """The same in the memory of the host, for the first process alone; nothing is left in the others.

    One after the other, a model that stands on no device as a whole is put together like this.
    """
    if not isinstance(tensor, DTensor):
        return tensor
    together_again = tensor.full_tensor()
    return together_again.cpu() if rank() == 0 else together_again.new_empty(0)


def like(tensor: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """A whole tensor on the device of another and, where that is sharded and as large, sharded like it."""
    if isinstance(model, DTensor) and tensor.shape == model.shape:
        return distribute_tensor(tensor, model.device_mesh, model.placements)
    return tensor.to(model.device)
