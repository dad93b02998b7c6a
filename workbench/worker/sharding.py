"""A model sharded over the processes of a run (FSDP2), and its trained weights whole again.

torch's `fully_shard` is applied here and not by the Trainer, whose `fsdp` quietly copies the model on a
machine without a GPU.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from workbench.runs.options import RunOptions
from workbench.worker import ranks


def loading_device(options: RunOptions, device: torch.device) -> torch.device:
    """Where to load a base: one that is sharded never stands on a device as a whole."""
    return torch.device("cpu") if options.settings.sharded else device


def shard(model: nn.Module, device: torch.device) -> None:
    """Leave each process a part of every weight; each block is put together only while it computes.

    Args:
        model: The base with its adapter; alike in all processes.
        device: Where this process computes; the parts are moved there.
    """
    mesh = init_device_mesh(device.type, (ranks.size(),))
    for block in _blocks(model):
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)


def gather(model: nn.Module) -> None:
    """Give a sharded model its trained weights back whole, in every process; its training is over then."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    whole: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if isinstance(weight, DTensor) and weight.requires_grad:
                if id(weight) not in whole:
                    whole[id(weight)] = nn.Parameter(weight.full_tensor().detach().cpu())
                module.register_parameter(name, whole[id(weight)])


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The layers that transformers says must not be torn apart, such as `LlamaDecoderLayer`."""
    names = {name for module in model.modules() for name in getattr(module, "_no_split_modules", None) or ()}
    return [module for module in model.modules() if type(module).__name__ in names]
