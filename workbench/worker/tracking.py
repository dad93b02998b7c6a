"""Memory of tensors, counted as they come and go: on real ones and on fake ones alike.

It sees each result of each operation; what a kernel takes and gives back inside itself it does not see.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

ROUNDED_TO = 512
"""Bytes: what the CUDA allocator rounds every block up to."""


class TensorTracker(TorchDispatchMode):
    """Counts the bytes of all living storages that operations under it made, or that it was told of."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[int, int] = {}
        self.live = 0
        """Bytes alive now."""
        self.peak = 0
        """Most bytes alive at once since `restart`."""

    def count(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors that were there before."""
        for tensor in tensors:
            self._count(tensor)

    def restart(self) -> None:
        """Look for a new peak from here on."""
        self.peak = self.live

    def __torch_dispatch__(
        self, function: Any, _types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and count what it made."""
        made = function(*arguments, **(named or {}))
        for each in tree_iter(made):
            if isinstance(each, torch.Tensor):
                self._count(each)
        return made

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        # The address of the storage itself, not of its memory: fake ones have none.
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = -(-storage.nbytes() // ROUNDED_TO) * ROUNDED_TO
        self.live += self._sizes[key]
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self.live -= self._sizes.pop(key)


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """The exact bytes of tensors' storages, each counted once however many share it."""
    sizes = {storage._cdata: storage.nbytes() for storage in (each.untyped_storage() for each in tensors)}
    return sum(sizes.values())
