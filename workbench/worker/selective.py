"""Training some of a base's own weights, or all: which, what is kept, and how a base takes it on again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from store.errors import BadInput
from workbench.runs.training import TrainingSettings
from workbench.worker import targets

PARTIAL, FULL = "PARTIAL", "FULL"


def unfreeze_part(base: PreTrainedModel, settings: TrainingSettings) -> PreTrainedModel:
    """Let the named modules of a frozen base learn, or its last layers.

    Raises:
        BadInput: There are no such modules or not so many layers, or they have no weights.
    """
    if settings.target_modules:
        known = [*targets.linear_modules(base), *targets.norm_modules(base)]
        names = targets.named(base, settings.target_modules, _has_weights, known)
        paths = [path for path, _ in base.named_modules() if any(targets.ends_in(path, n) for n in names)]
    else:
        paths = targets.last_layers(base, settings.last_layers)
    for path in paths:
        base.get_submodule(path).requires_grad_(True)
    base.selective_config = {"peft_type": PARTIAL, "target_modules": paths}
    return base


def unfreeze(base: PreTrainedModel, _settings: TrainingSettings) -> PreTrainedModel:
    """Let every weight learn."""
    base.requires_grad_(True)
    base.selective_config = {"peft_type": FULL}
    return base


def tensors(base: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The weights that learned, under transformers' own names, in the precision that the base is held in.

    A weight that stands in several places (an embedding that is the head too) comes once.
    """
    return {
        name: parameter.detach().to("cpu", base.config.dtype).contiguous()
        for name, parameter in base.named_parameters()
        if parameter.requires_grad
    }


def check(weights: Mapping[str, torch.Tensor], parameters: Mapping[str, nn.Parameter]) -> None:
    """See that every weight of a file is one of the base, and of its shape.

    Raises:
        BadInput: One is not.
    """
    for name, value in weights.items():
        own = parameters.get(name)
        if own is None or own.shape != value.shape or not value.is_floating_point():
            found = (
                "is not there" if own is None else f"is {tuple(own.shape)} there, not {tuple(value.shape)}"
            )
            raise BadInput(f"{name} {found}", "use the base it was trained on")


@contextmanager
def standing_in(
    weights: Mapping[str, torch.Tensor], parameters: Mapping[str, nn.Parameter]
) -> Iterator[None]:
    """Let other weights stand in for a base's own for a while; those are set aside, not copied."""
    own = {name: parameters[name].data for name in weights}
    try:
        for name, value in weights.items():
            parameters[name].data = value
        yield
    finally:
        for name, value in own.items():
            parameters[name].data = value


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


def document(base: PreTrainedModel) -> dict[str, Any]:
    """The configuration of what was trained, as it is written."""
    return dict(base.selective_config)
