"""What PEFT has no layers for, over one loaded base: bottleneck adapters, and other weights for its own.

They come for as long as they are asked for and leave nothing behind; PEFT's adapters must be off meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from store.peft_folder import files_of
from workbench.worker import bottleneck, selective

Visit = Callable[[], AbstractContextManager[None]]


class Guests:
    """The guests of one base, by their keys.

    Bottleneck adapters are small and stay in memory. Weights that stand in for the base's own may be as many:
    only those used last are kept.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        # Taken before PEFT wraps any layer: behind its wrappers modules and weights stay the same objects.
        self._modules = dict(base.named_modules())
        self._parameters = dict(base.named_parameters(remove_duplicate=False))
        self._device = base.device
        self._visits: dict[str, Visit] = {}
        self._standing_in = ""  # the key whose weights are in memory

    def __contains__(self, key: str) -> bool:
        return key in self._visits

    def add(self, key: str, config: dict[str, Any], folder: Path) -> None:
        """Bring a guest's weights into memory, unless they are.

        Raises:
            BadInput: They do not fit the base.
        """
        if key in self._visits:
            return
        bottlenecks = config["peft_type"] == bottleneck.KIND
        if not bottlenecks:
            self.remove(self._standing_in)  # before more is loaded
        weights = load_file(files_of(folder)[1], device=str(self._device))
        self._visits[key] = self._bottlenecks(config, weights) if bottlenecks else self._in_place(weights)
        if not bottlenecks:
            self._standing_in = key

    def remove(self, key: str) -> None:
        """Let a guest's weights go."""
        self._visits.pop(key, None)

    def visit(self, key: str) -> AbstractContextManager[None]:
        """The base with the guest, while the context lasts."""
        return self._visits[key]()

    def _bottlenecks(self, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Visit:
        read = bottleneck.Config.read(config)
        adapters = bottleneck.build(self._modules, read, weights, self._device)
        return lambda: bottleneck.standing(self._modules, adapters)

    def _in_place(self, weights: dict[str, torch.Tensor]) -> Visit:
        selective.check(weights, self._parameters)
        # A copy: what was read is a view of the file, which somebody may write into.
        fitting = {name: value.to(self._parameters[name].dtype, copy=True) for name, value in weights.items()}
        return lambda: selective.standing_in(fitting, self._parameters)
