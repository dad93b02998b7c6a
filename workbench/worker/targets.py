"""Which modules of a loaded base a method works on, found by what they are, or named by a person.

It changes nothing in the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from store.errors import BadInput

# What attention and feed-forward are called inside a layer, over the architectures that the store takes.
# Where the module itself adds the residual (Bloom, MPT), its last projection is named instead.
_ATTENTIONS = (
    "self_attn",
    "encoder_attn",
    "cross_attn",
    "attn",
    "attn.out_proj",
    "attention",
    "self_attention.dense",
    "SelfAttention",
    "LocalSelfAttention",
    "TransientGlobalSelfAttention",
    "EncDecAttention",
)
_FEEDFORWARDS = ("mlp", "mlp.dense_4h_to_h", "DenseReluDense", "ffn", "ffn.down_proj", "feed_forward", "fc2")

Chooses = Callable[[nn.Module], bool]


def is_linear(module: nn.Module) -> bool:
    """Whether LoRA and its kin can adapt it."""
    return isinstance(module, (nn.Linear, Conv1D, nn.Embedding))


def is_norm(module: nn.Module) -> bool:
    """Whether it is a layer or RMS normalisation with weights; the libraries have a class of it per model."""
    return "Norm" in type(module).__name__ and any(True for _ in module.parameters(recurse=False))


def linear_modules(base: PreTrainedModel) -> list[str]:
    """The names by which to adapt every linear layer but the head, such as `q_proj`.

    The last part of a layer's path serves, unless it is a mere number or the head's name too.
    """
    head = base.get_output_embeddings()
    layers = {path for path, module in base.named_modules() if isinstance(module, (nn.Linear, Conv1D))}
    heads = {path for path, module in base.named_modules() if module is head}
    return _short_names(layers - heads, {path.rpartition(".")[2] for path in heads})


def norm_modules(base: PreTrainedModel) -> list[str]:
    """The names by which to adapt every normalisation, such as `input_layernorm`."""
    norms = {path for path, module in base.named_modules() if is_norm(module)}
    others = {path.rpartition(".")[2] for path, _ in base.named_modules() if path not in norms}
    return _short_names(norms, others)


def named(base: PreTrainedModel, names: Iterable[str], fits: Chooses, known: list[str]) -> list[str]:
    """The modules that a person named, each of which must exist.

    Args:
        base: The model.
        names: Paths, or their ends.
        fits: Which modules can be chosen.
        known: What to offer where one does not exist.

    Raises:
        BadInput: Some do not exist, or cannot be chosen.
    """
    wanted = list(names)
    paths = [path for path, module in base.named_modules() if path and fits(module)]
    unknown = [name for name in wanted if not any(ends_in(path, name) for path in paths)]
    if unknown:
        raise BadInput(
            f"target_modules names {', '.join(unknown)}, which {type(base).__name__} does not have",
            f"choose from {', '.join(known)}",
        )
    return wanted


def ends_in(path: str, name: str) -> bool:
    """Whether a module's path is that name or ends with it, part by part."""
    return path == name or path.endswith(f".{name}")


def stacks(base: PreTrainedModel) -> list[list[str]]:
    """The paths of a model's layers in order: one list, or an encoder's and a decoder's."""
    found: dict[str, int] = {}
    for path, module in base.named_modules():
        if isinstance(module, nn.ModuleList) and not any(path.startswith(f"{outer}.") for outer in found):
            found[path] = len(module)
    return [[f"{path}.{number}" for number in range(count)] for path, count in found.items()]


def last_layers(base: PreTrainedModel, count: int) -> list[str]:
    """The paths of the last layers of each stack.

    Raises:
        BadInput: There are not so many.
    """
    every = stacks(base)
    fewest = min((len(layers) for layers in every), default=0)
    if count > fewest:
        raise BadInput(
            f"last_layers = {count} is more than the {fewest} layers of {type(base).__name__}",
            "choose fewer, or use full",
        )
    return [path for layers in every for path in layers[-count:]]


def sublayers(base: PreTrainedModel, *, attention: bool) -> list[str]:
    """The paths of the modules whose outputs are added to the residual stream.

    Args:
        base: The model.
        attention: The attentions too, beside the feed-forwards.
    """
    names = _FEEDFORWARDS + (_ATTENTIONS if attention else ())
    layers = [f"{path}." for stack in stacks(base) for path in stack]
    paths = [
        path
        for path, _ in base.named_modules()
        if any(ends_in(path, name) for name in names) and any(path.startswith(layer) for layer in layers)
    ]
    # The innermost of those that contain each other: it ends before the residual is added.
    return [path for path in paths if not any(other.startswith(f"{path}.") for other in paths)]


def _short_names(paths: set[str], taken: set[str]) -> list[str]:
    """The last parts of paths that mean nothing else, and whole paths for the rest."""
    ends = {path: path.rpartition(".")[2] for path in paths}
    return sorted({path if end.isdigit() or end in taken else end for path, end in ends.items()})
