"""Faster kernels that a run may ask for, and whether the device that it was given can run them."""

from __future__ import annotations

import shutil
from typing import Any

import torch

from store.errors import BadInput
from workbench.runs.training import TrainingSettings
from workbench.worker.loading import compute_dtype

_COMPILERS = ("c++", "g++", "clang++")


def check(settings: TrainingSettings, device: torch.device) -> None:
    """See that what is asked for can run, before the base is loaded.

    Args:
        settings: The run's.
        device: Where it computes.

    Raises:
        BadInput: A kernel does not fit the device or the precision.
    """
    if settings.attn_implementation == "flash_attention_2":
        _check_flash(settings, device)
    if settings.torch_compile and device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise BadInput(
            "torch_compile needs a C++ compiler, and there is none on the path",
            "install g++, or set torch_compile=false",
        )
    if settings.use_liger_kernel and device.type != "cuda":
        raise BadInput(
            "use_liger_kernel needs a GPU: its kernels are written for one", "set use_liger_kernel=false"
        )


def attention(settings: TrainingSettings) -> str | None:
    """The name by which transformers loads the attention asked for; None lets it choose."""
    return None if settings.attn_implementation == "auto" else settings.attn_implementation


def arguments(settings: TrainingSettings) -> dict[str, Any]:
    """The part of transformers' training arguments that is about kernels."""
    if not settings.use_liger_kernel:
        return {"torch_compile": settings.torch_compile}
    # Liger's fused loss would stand in the place of our forward pass, which has one of its own.
    fused = {"fused_linear_cross_entropy": False, "cross_entropy": False}
    return {
        "torch_compile": settings.torch_compile,
        "use_liger_kernel": True,
        "liger_kernel_config": fused,
    }


def _check_flash(settings: TrainingSettings, device: torch.device) -> None:
    asked, remedy = "attn_implementation = flash_attention_2", "choose sdpa or auto"
    if device.type != "cuda":
        raise BadInput(f"{asked} needs a GPU", remedy)
    if compute_dtype(settings.dtype, device) == torch.float32:
        raise BadInput(f"{asked} computes in bfloat16 or float16", f"{remedy}, or dtype=bfloat16")
