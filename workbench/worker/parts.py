"""An adapter as parts that stand at single modules of a base, one part at a module; read from its tensors.

Kinds that cannot be taken apart like that are left to PEFT: `read` says so. Nothing is switched on here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import IA3Config, LNTuningConfig, LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.integrations import dequantize_module_weight
from peft.utils.other import get_pattern_key
from torch import nn
from transformers.pytorch_utils import Conv1D

from store.peft_folder import PREFIX
from workbench.worker import bottleneck
from workbench.worker.bottleneck import Bottleneck

_LARGEST_SCALE = 1e6
Tensors = Mapping[str, torch.Tensor]
# Of LoRA: trained copies of whole modules, single tokens' embeddings, parameters that are no modules, and
# layers that are off for a part of the prompt.
_NOT_BY_MODULE = (
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",
)


@dataclass
class LowRank:
    """Added to a linear layer or an embedding: `y * gain + offset + scale * up(down(x))`.

    Attributes:
        down: [rank, inputs]; of an embedding [rank, vocabulary].
        up: [rank, outputs].
        scale: By PEFT's rules alpha / rank, or alpha / √rank; 1 once `up` has it inside, as `read` leaves it.
        gain: [outputs], of DoRA.
        offset: [outputs], of a bias that was trained, or that DoRA leaves as it is.
    """

    down: torch.Tensor
    up: torch.Tensor
    scale: float
    gain: torch.Tensor | None = None
    offset: torch.Tensor | None = None

    @property
    def rank(self) -> int:
        """The width between the two."""
        return len(self.down)


@dataclass(frozen=True)
class Scale:
    """Multiplies what goes into a module, or what comes out, [width]."""

    values: torch.Tensor
    at_entry: bool


@dataclass(frozen=True)
class Replacement:
    """Other weights for a module, by their names in it."""

    weights: dict[str, torch.Tensor]


Part = LowRank | Scale | Replacement | Bottleneck
Parts = dict[str, Part]  # by the paths of the modules


def read(
    config: Any, tensors: Tensors, modules: Mapping[str, nn.Module], shared: frozenset[str]
) -> Parts | None:
    """Take an adapter apart.

    Args:
        config: PEFT's configuration, or plain values of a bottleneck adapter.
        tensors: What its file holds, on the base's device.
        modules: The base's modules by their paths.
        shared: Paths of modules that stand in other places too.

    Returns:
        Its parts; None where only PEFT can tell what it does.

    Raises:
        ValueError: Its tensors do not fit the base, or some are missing or left over.
        BadInput: The same, of bottleneck adapters.
    """
    if isinstance(config, dict):
        read_config = bottleneck.Config.read(config)
        device = next(iter(tensors.values())).device
        return dict(bottleneck.build(modules, read_config, tensors, device))
    reader = _READERS.get(type(config))
    if reader is None or any(getattr(config, name, None) for name in _NOT_BY_MODULE):
        return None
    by_path = _by_path(tensors, _MARKS[type(config)])
    if by_path is None or any(path not in modules or path in shared for path in by_path):
        return None
    _check_targets(config, by_path, modules)
    parts: Parts = {}
    for path, own in by_path.items():
        part = reader(config, path, modules[path], own)
        if part is None:
            return None
        parts[path] = part
    for part in parts.values():
        if isinstance(part, LowRank):
            # Once, whoever shares its batch later: in half precision another order rounds otherwise.
            part.up.mul_(part.scale)
            part.scale = 1.0
    return parts


def changes_nothing(parts: Parts, modules: Mapping[str, nn.Module]) -> bool:
    """Whether the parts leave the base's answers as they are: zero beside it, one before it, or its own."""
    return all(_is_idle(part, modules[path]) for path, part in parts.items())


def tensors_of(parts: Parts) -> list[torch.Tensor]:
    """Every tensor of the parts."""
    found: list[torch.Tensor | None] = []
    for part in parts.values():
        if isinstance(part, LowRank):
            found += [part.down, part.up, part.gain, part.offset]
        elif isinstance(part, Scale):
            found.append(part.values)
        elif isinstance(part, Replacement):
            found += part.weights.values()
        else:
            found += part.parameters()
    return [tensor for tensor in found if tensor is not None]


def _low_rank(
    config: LoraConfig, path: str, module: nn.Module, own: dict[str, torch.Tensor]
) -> LowRank | None:
    embedding = type(module) is nn.Embedding
    if not embedding and not isinstance(module, (nn.Linear, Conv1D)):
        return None
    names = ("embedding_A", "embedding_B") if embedding else ("A.weight", "B.weight")
    if any(name not in own for name in names) or (embedding and config.use_dora):
        return None
    down, up = own.pop(names[0]), own.pop(names[1])
    rank = config.rank_pattern.get(get_pattern_key(config.rank_pattern.keys(), path), config.r)
    if type(rank) is not int or rank < 1:
        raise ValueError(f"{path} has the rank {rank!r}")
    inputs, outputs = _widths(module)
    _check_shape(path, down, (rank, inputs))
    _check_shape(path, up, (outputs, rank))
    scale = _scaling(config, path, rank)
    if not math.isfinite(scale) or abs(scale) > _LARGEST_SCALE:
        raise ValueError(f"{path} has the scale {scale:g}")
    part = LowRank(down, up.T, scale)
    if config.lora_bias and not config.use_dora and "B.bias" in own:
        part.offset = own.pop("B.bias") * scale
    if config.use_dora and "magnitude_vector" in own:
        magnitude = own.pop("magnitude_vector")
        _check_shape(path, magnitude, (outputs,))
        _put_magnitude(part, module, magnitude)
    return part if not own else None


def _scaling(config: LoraConfig, path: str, rank: int) -> float:
    alpha = config.alpha_pattern.get(get_pattern_key(config.alpha_pattern.keys(), path), config.lora_alpha)
    return float(alpha / (math.sqrt(rank) if config.use_rslora else rank))


def _put_magnitude(part: LowRank, module: nn.Module, magnitude: torch.Tensor) -> None:
    """DoRA (arXiv 2402.09353, equation 5): each output of the adapted weight gets a learned length."""
    weight = dequantize_module_weight(module)
    own = weight.T if isinstance(module, Conv1D) else weight  # [outputs, inputs]
    adapted = own.to(part.down.dtype) + part.scale * (part.down.T @ part.up).T
    part.gain = magnitude / torch.linalg.norm(adapted, dim=1)
    part.up = part.up * part.gain
    if module.bias is not None:
        part.offset = module.bias.detach() * (1 - part.gain)


def _scale(_config: IA3Config, path: str, module: nn.Module, own: dict[str, torch.Tensor]) -> Scale | None:
    if not isinstance(module, (nn.Linear, Conv1D)) or set(own) != {"l"}:
        return None
    inputs, outputs = _widths(module)
    shape = tuple(own["l"].shape)
    if shape not in ((1, inputs), (outputs, 1)):
        raise ValueError(f"{path} takes scales of (1, {inputs}) or ({outputs}, 1), not {shape}")
    return Scale(own["l"].flatten(), at_entry=shape == (1, inputs))


def _replacement(
    _config: LNTuningConfig, path: str, module: nn.Module, own: dict[str, torch.Tensor]
) -> Replacement | None:
    if isinstance(module, nn.Embedding) or next(module.children(), None) is not None:
        return None  # its other weights would stand in places of their own, or be looked up by number
    weights = dict(module.named_parameters())
    if set(own) != set(weights):
        return None
    for name, value in own.items():
        _check_shape(path, value, tuple(weights[name].shape))
    return Replacement(own)


_Reader = Callable[[Any, str, nn.Module, dict[str, torch.Tensor]], Part | None]
_READERS: dict[type, _Reader] = {LoraConfig: _low_rank, IA3Config: _scale, LNTuningConfig: _replacement}
_MARKS: dict[type, str] = {LoraConfig: ".lora_", IA3Config: ".ia3_", LNTuningConfig: ".ln_tuning_layers."}


def _by_path(tensors: Tensors, mark: str) -> dict[str, dict[str, torch.Tensor]] | None:
    """Tensors by the module they belong to and the rest of their names; None where one has no such name."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        path, marked, rest = name.removeprefix(PREFIX).rpartition(mark)
        if not marked:
            return None
        found.setdefault(path, {})[rest] = tensor
    return found


def _check_targets(config: Any, by_path: Mapping[str, object], modules: Mapping[str, nn.Module]) -> None:
    """See that the file has parts for just those modules that the configuration names."""
    wanted = config.target_modules
    if wanted is None or wanted == "all-linear":
        return
    named = {path for path in modules if path and check_target_module_exists(config, path)}
    wrong = sorted(named ^ set(by_path))
    if wrong:
        raise ValueError(f"{len(wrong)} weights are missing or left over, such as those of {wrong[0]}")


def _check_shape(path: str, tensor: torch.Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{path} takes weights of {shape}, not {tuple(tensor.shape)}")


def _widths(module: nn.Module) -> tuple[int, int]:
    """How many numbers go into a layer and come out; into an embedding one of so many tokens."""
    if isinstance(module, Conv1D):
        return int(module.nx), int(module.nf)
    if isinstance(module, nn.Embedding):
        return module.num_embeddings, module.embedding_dim
    return int(module.in_features), int(module.out_features)


def _is_idle(part: Part, module: nn.Module) -> bool:
    if isinstance(part, LowRank):
        lengths = part.gain is None or torch.allclose(part.gain, torch.ones_like(part.gain), atol=1e-4)
        moved = part.offset is not None and bool(part.offset.abs().max() > 1e-4)
        return lengths and not moved and not (part.scale and bool(part.up.any()))
    if isinstance(part, Scale):
        return bool((part.values == 1).all())
    if isinstance(part, Replacement):
        own = dict(module.named_parameters())
        return all(torch.equal(value, own[name].to(value.dtype)) for name, value in part.weights.items())
    return part.scaling == 0 or not any(bool(weight.any()) for weight in part.up.parameters())
