"""Bottleneck adapters, which PEFT does not have: small layers behind a model's own, by forward hooks.

Houlsby et al. 2019 (arXiv 1902.00751) put one behind attention and feed-forward, Pfeiffer et al. 2021
(arXiv 2005.00247) behind the feed-forward alone; the names in the configuration are AdapterHub's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from store.configs import read_json
from store.errors import BadInput
from store.peft_folder import CONFIG, WEIGHTS
from workbench.runs.training import TrainingSettings
from workbench.worker import targets

KIND = "BOTTLENECK"
_CHILD = "bottleneck"  # what an adapter is called inside the module behind which it stands
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "swish": functional.silu,
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class Config:
    """What an adapter's folder says of it.

    Attributes:
        target_modules: The paths of the modules behind which adapters stand.
        mh_adapter: Behind the attentions.
        output_adapter: Behind the feed-forwards.
        reduction_factor: How many times narrower than the model the adapters are.
        non_linearity: Between the two projections.
        scaling: Of what is added.
    """

    target_modules: tuple[str, ...]
    mh_adapter: bool = False
    output_adapter: bool = True
    reduction_factor: int = 16
    non_linearity: str = "relu"
    scaling: float = 1.0

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Config:
        """Read a folder's configuration, which anybody may have written.

        Raises:
            BadInput: It does not describe such adapters.
        """
        paths, activation = document.get("target_modules"), document.get("non_linearity", "relu")
        scaling, factor = document.get("scaling", 1.0), document.get("reduction_factor", 16)
        sound = (
            isinstance(paths, list)
            and paths
            and all(isinstance(path, str) for path in paths)
            and activation in _ACTIVATIONS
            and type(scaling) in (int, float)
            and math.isfinite(scaling)
            and type(factor) is int
        )
        if not sound:
            raise BadInput("its configuration describes no bottleneck adapters", "get the original folder")
        flags = {key: bool(document.get(key)) for key in ("mh_adapter", "output_adapter")}
        return cls(tuple(paths or ()), **flags, reduction_factor=factor, non_linearity=activation,
                   scaling=scaling)  # fmt: skip


class Bottleneck(nn.Module):
    """Down to a few dimensions, through a non-linearity, up again, and added: `h + s * up(f(down(h)))`.

    It begins as nothing: `up` is zero. It computes in its own precision, which training holds at float32.
    """

    def __init__(self, width: int, inner: int, config: Config, device: torch.device) -> None:
        super().__init__()
        self.down = nn.Linear(width, inner, device=device)
        self.up = nn.Linear(inner, width, device=device)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self._activation = _ACTIVATIONS[config.non_linearity]
        self.scaling = config.scaling

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:  # [..., width] -> [..., width]
        """Adapt a module's output."""
        added = self.up(self._activation(self.down(hidden.to(self.down.weight.dtype))))
        return hidden + (self.scaling * added).to(hidden.dtype)

    def behind(self, module: nn.Module) -> Any:
        """Stand behind a module; the handle takes it away again."""
        return module.register_forward_hook(self._hook)

    def _hook(self, _module: nn.Module, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):  # attention also gives its weights, and the like
            return (self(output[0]), *output[1:])
        return self(output)


def insert(base: PreTrainedModel, settings: TrainingSettings) -> PreTrainedModel:
    """Put fresh adapters into a frozen base; their first values are drawn from torch's generator.

    Raises:
        BadInput: The base has no modules that are known to be attention or feed-forward.
    """
    houlsby = settings.bottleneck_style == "houlsby"
    paths = targets.sublayers(base, attention=houlsby)
    if settings.target_modules:
        known = targets.sublayers(base, attention=True)
        names = targets.named(base, settings.target_modules, lambda _: True, known)
        paths = [path for path, _ in base.named_modules() if any(targets.ends_in(path, n) for n in names)]
    if not paths:
        raise BadInput(
            f"bottleneck knows no attention and feed-forward modules in {type(base).__name__}",
            "name the modules behind which adapters shall stand: --set target_modules=...",
        )
    config = Config(tuple(paths), houlsby, True, settings.reduction_factor)
    for path in paths:
        module = base.get_submodule(path)
        width, device = _width(module, base), next(module.parameters()).device
        adapter = Bottleneck(width, max(1, width // settings.reduction_factor), config, device)
        module.add_module(_CHILD, adapter)
        adapter.behind(module)
    base.bottleneck_config = config
    return base


def document(base: PreTrainedModel) -> dict[str, Any]:
    """The configuration of a base's adapters, as it is written."""
    config: Config = base.bottleneck_config
    return {"peft_type": KIND, **vars(config), "target_modules": list(config.target_modules)}


def tensors(base: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The adapters' weights by name, such as `model.layers.0.mlp.bottleneck.up.weight`."""
    return {name: value for name, value in base.state_dict().items() if f".{_CHILD}." in name}


def load(base: PreTrainedModel, folder: str | Path) -> PreTrainedModel:
    """Put the adapters of a folder into their base, for good; for scripts outside of the workbench.

    Args:
        base: The base as transformers loads it.
        folder: It holds adapter_config.json and adapter_model.safetensors.

    Returns:
        The base, adapted, in evaluation mode.

    Raises:
        BadInput: They do not fit.
    """
    config = Config.read(read_json(Path(folder) / CONFIG))
    modules = dict(base.named_modules())
    for path, adapter in build(modules, config, load_file(Path(folder) / WEIGHTS), base.device).items():
        modules[path].add_module(_CHILD, adapter)
        adapter.behind(modules[path])
    return base.eval()


def build(
    modules: Mapping[str, nn.Module],
    config: Config,
    weights: Mapping[str, torch.Tensor],
    device: torch.device,
) -> dict[str, Bottleneck]:
    """Make the adapters of a file, by the paths where they belong; the base is left as it is.

    Args:
        modules: The base's modules by path.
        config: The file's configuration.
        weights: What the file holds.
        device: Where they will compute.

    Raises:
        BadInput: Weights or modules are missing or left over, or of an odd shape.
    """
    expected = {f"{path}.{_CHILD}.{part}.{kind}" for path in config.target_modules
                for part in ("down", "up") for kind in ("weight", "bias")}  # fmt: skip
    wrong = sorted(expected ^ set(weights)) or [path for path in config.target_modules if path not in modules]
    if wrong:
        raise BadInput(f"{len(wrong)} weights are missing or left over, such as {wrong[0]}", "add it again")
    made = {}
    for path in config.target_modules:
        state = {name: weights[f"{path}.{_CHILD}.{name}"]
                 for name in ("down.weight", "down.bias", "up.weight", "up.bias")}  # fmt: skip
        inner, width = state["down.weight"].shape  # [inner, width]
        adapter = Bottleneck(width, inner, config, device)
        adapter.load_state_dict(state)
        made[path] = adapter.eval().requires_grad_(False)
    return made


@contextmanager
def standing(modules: Mapping[str, nn.Module], adapters: Mapping[str, Bottleneck]) -> Iterator[None]:
    """Let adapters stand behind their modules for a while."""
    with ExitStack() as stack:
        for path, adapter in adapters.items():
            handle = adapter.behind(modules[path])
            stack.callback(handle.remove)
        yield


def _width(module: nn.Module, base: PreTrainedModel) -> int:
    """The width of a module's output: a linear layer says it, any other gives what the layers share."""
    if isinstance(module, Conv1D):
        return int(module.nf)
    return int(module.out_features if isinstance(module, nn.Linear) else base.config.hidden_size)
