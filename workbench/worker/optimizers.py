"""What each optimizer keeps beside the weights, in bytes and in tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

BLOCK = 256
"""Values of an 8-bit state that share one scale (arXiv 2110.02861)."""
KEPT_WIDE_BELOW = 4096
"""bitsandbytes keeps the states of smaller tensors in 32 bits."""
PAGED_FROM = 100_000
"""Numbers of a state that bitsandbytes pages to host memory on a GPU."""


def state_bytes(optim: str, parameter: torch.nn.Parameter) -> int:
    """Bytes on the parameter's device that an optimizer keeps for it.

    Args:
        optim: By its name in transformers.
        parameter: A trained one.
    """
    return _STATES[optim](parameter)


def state_tensors(optimizer: Any) -> Iterator[torch.Tensor]:
    """The tensors that an optimizer keeps now; tables that all parameters share come with each."""
    for state in optimizer.state.values():
        yield from (each for each in state.values() if isinstance(each, torch.Tensor))


def steps_on_fakes(optim: str) -> bool:
    """Whether the optimizer itself can step on fake tensors; kernels of bitsandbytes want real ones."""
    return "8bit" not in optim and "paged" not in optim


def _adamw(parameter: torch.nn.Parameter) -> int:
    step = torch.float32.itemsize  # torch counts each parameter's steps in a tensor of its own
    return 2 * parameter.numel() * parameter.itemsize + step


def _adamw_32bit(parameter: torch.nn.Parameter) -> int:
    return 2 * parameter.numel() * torch.float32.itemsize


def _adamw_8bit(parameter: torch.nn.Parameter) -> int:
    if parameter.numel() < KEPT_WIDE_BELOW:
        return _adamw_32bit(parameter)
    return 2 * parameter.numel() + 2 * math.ceil(parameter.numel() / BLOCK) * torch.float32.itemsize


def _paged(state: Callable[[torch.nn.Parameter], int]) -> Callable[[torch.nn.Parameter], int]:
    def bytes_on_device(parameter: torch.nn.Parameter) -> int:
        paged = parameter.device.type == "cuda" and parameter.numel() >= PAGED_FROM
        return 0 if paged else state(parameter)

    return bytes_on_device


def _adafactor(parameter: torch.nn.Parameter) -> int:
    shape, mean_square = parameter.shape, torch.float32.itemsize
    if len(shape) < 2:
        return parameter.numel() * parameter.itemsize + mean_square
    factors = math.prod(shape[:-1]) + math.prod(shape[:-2]) * shape[-1]
    return factors * parameter.itemsize + mean_square


def _none(_parameter: torch.nn.Parameter) -> int:
    return 0


_STATES: dict[str, Callable[[torch.nn.Parameter], int]] = {
    "adamw_torch_fused": _adamw,
    "adamw_torch": _adamw,
    "adamw_bnb_8bit": _adamw_8bit,
    "paged_adamw_8bit": _paged(_adamw_8bit),
    "paged_adamw_32bit": _paged(_adamw_32bit),
    "adafactor": _adafactor,
    "sgd": _none,
}
