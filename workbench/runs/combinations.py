"""Which method, settings and model do not go together, with the reason: all of it in two tables.

A single value's own range is its field's affair; what only a loaded model can tell is the worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from store.configs import read_json
from store.errors import BadInput
from store.models import Model
from workbench.runs.methods import METHODS, Method
from workbench.runs.training import TrainingSettings

CHANGES_THE_BASE = ("pissa", "olora")
"""Values of `init_lora_weights` that move a part of the base's weights into the adapter."""
WITHOUT_SHARDS = ("adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "adafactor")
"""Optimizers whose state is no plain tensor per weight."""
SHORTEST_ROW = 8
"""Tokens that a soft prompt must leave of what a model can take."""
LAYER_KEYS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "num_decoder_layers",
    "encoder_layers",
    "decoder_layers",
    "num_encoder_layers",
)

Values = dict[str, Any]


@dataclass(frozen=True)
class Clash:
    """A combination that is refused; its words may name settings, as in `{r}`."""

    holds: Callable[[Method, TrainingSettings], bool]
    what: str
    remedy: str


@dataclass(frozen=True)
class ModelClash:
    """A combination that is refused on some models; `config` is the model's config.json."""

    holds: Callable[[Method, TrainingSettings, Model, Values], bool]
    what: str
    remedy: str


CLASHES: tuple[Clash, ...] = (
    Clash(
        lambda _method, of: of.packing and of.group_by_length,
        "packing and group_by_length are both set, and packed rows have no padding to save",
        "set one of them to false",
    ),
    Clash(
        lambda _method, of: bool(of.probes) and of.sharded,
        "probes are answered by one process, which holds only its part of a model that fsdp shards",
        "use distributed = ddp, or leave the probes out and evaluate the adapter afterwards",
    ),
    Clash(
        lambda _method, of: of.distributed == "fsdp" and of.nproc_per_node == 1,
        "distributed = fsdp shards over several devices, and one process has nothing to share",
        "raise nproc_per_node, or leave distributed at ddp",
    ),
    Clash(
        lambda method, of: method.name == "qlora" and of.distributed == "fsdp",
        "distributed = fsdp does not shard a base in 4 bits: its weights are packed as bytes",
        "choose distributed = ddp, or the method lora",
    ),
    Clash(
        lambda _method, of: of.distributed == "fsdp" and of.optim in WITHOUT_SHARDS,
        "optim = {optim} cannot work on shards (distributed = fsdp)",
        "choose adamw_torch or adamw_torch_fused, or distributed = ddp",
    ),
    Clash(
        lambda method, of: method.name == "prefix-tuning" and of.gradient_checkpointing,
        "prefix-tuning hands its keys over as a cache, which gradient_checkpointing cannot recompute",
        "leave gradient_checkpointing off, or use prompt-tuning",
    ),
    Clash(
        lambda method, of: method.virtual_tokens and of.packing,
        "packing lays rows end to end, and the virtual tokens of {method} stand before the first alone",
        "leave packing off; group_by_length saves padding too",
    ),
    Clash(
        lambda method, of: not method.low_rank and of.init_lora_weights != "default",
        "init_lora_weights = {init_lora_weights} is a beginning of LoRA, and {method} has no such matrices",
        "leave it at default, or use lora",
    ),
    Clash(
        lambda method, of: method.name == "qlora" and of.init_lora_weights in CHANGES_THE_BASE,
        "init_lora_weights = {init_lora_weights} takes a part out of the base, which 4 bits cannot hold "
        "exactly: the adapter would not fit the base as it is",
        "use lora, or qlora with default, gaussian or eva",
    ),
    Clash(
        lambda method, of: method.name == "qlora" and of.init_lora_weights == "orthogonal",
        "init_lora_weights = orthogonal takes its type from the base's weights: in qlora they are codes",
        "use lora, or qlora with default, gaussian or eva",
    ),
    Clash(
        lambda method, of: method.name == "dora" and of.init_lora_weights in CHANGES_THE_BASE,
        "init_lora_weights = {init_lora_weights} changes the base, and DoRA's magnitudes cannot be carried "
        "over to the unchanged one",
        "use lora or rslora, or dora with default, gaussian, orthogonal or eva",
    ),
    Clash(
        lambda method, of: method.low_rank and of.init_lora_weights == "orthogonal" and of.r % 2 == 1,
        "init_lora_weights = orthogonal parts the rank in halves, and r = {r} is odd",
        "choose an even r",
    ),
    Clash(
        lambda method, of: method.name != "prompt-tuning" and of.prompt_tuning_init_text is not None,
        "prompt_tuning_init_text is what prompt-tuning begins with, and the method is {method}",
        "leave it out, or use prompt-tuning",
    ),
    Clash(
        lambda _method, of: of.prompt_tuning_init_text is not None and not of.prompt_tuning_init_text.strip(),
        "prompt_tuning_init_text is blank: there are no words to begin with",
        "give a text, or leave it at auto",
    ),
    Clash(
        lambda method, of: method.name != "p-tuning" and of.encoder_hidden_size is not None,
        "encoder_hidden_size is the width of p-tuning's network, and the method is {method}",
        "leave it at auto, or use p-tuning",
    ),
    Clash(
        lambda method, of: bool(of.target_modules) and (method.virtual_tokens or method.name == "full"),
        "target_modules names modules to adapt, and {method} chooses none",
        "leave it at auto, or use lora, bottleneck or partial",
    ),
)

MODEL_CLASHES: tuple[ModelClash, ...] = (
    ModelClash(
        lambda _method, of, model, _config: of.dtype == "float16" and model.family == "seq2seq",
        "dtype = float16 overflows in encoder-decoder models",
        "choose bfloat16, float32 or auto",
    ),
    ModelClash(
        lambda _method, of, model, _config: (
            of.attn_implementation == "flash_attention_2" and model.family == "seq2seq"
        ),
        "attn_implementation = flash_attention_2 has no relative position bias, which {model} needs",
        "choose sdpa or auto",
    ),
    ModelClash(
        lambda _method, of, model, _config: of.use_liger_kernel and model.family == "seq2seq",
        "use_liger_kernel has no kernels for {model}",
        "set use_liger_kernel=false",
    ),
    ModelClash(
        lambda method, of, model, _config: (
            method.virtual_tokens
            and model.max_length is not None
            and model.max_length - of.num_virtual_tokens < SHORTEST_ROW
        ),
        "num_virtual_tokens = {num_virtual_tokens} leaves no room in the {model_length} tokens of {model}",
        "use fewer virtual tokens",
    ),
    ModelClash(
        lambda method, of, _model, config: (
            method.name == "partial" and not of.target_modules and of.last_layers > _layers(config)
        ),
        "last_layers = {last_layers} is more than the {layers} layers of {model}",
        "choose fewer, or use full",
    ),
)


def check(method: str, settings: TrainingSettings) -> None:
    """Refuse settings that do not go together, on whatever model.

    Raises:
        BadInput: The reasons and remedies of all of them.
    """
    of, words = METHODS[method], vars(settings) | {"method": method}
    _refuse([(clash, words) for clash in CLASHES if clash.holds(of, settings)])


def check_model(method: str, settings: TrainingSettings, model: Model) -> None:
    """Refuse a method and settings on a model that they do not suit.

    Raises:
        BadInput: The reasons and remedies of all of them.
    """
    of, config = METHODS[method], read_json(model.path / "config.json")
    words = vars(settings) | {"method": method, "model": repr(model.name), "layers": _layers(config)}
    words["model_length"] = model.max_length
    _refuse([(clash, words) for clash in MODEL_CLASHES if clash.holds(of, settings, model, config)])


def _refuse(found: list[tuple[Clash | ModelClash, Values]]) -> None:
    if found:
        raise BadInput(
            "; ".join(clash.what.format_map(words) for clash, words in found),
            "; ".join(dict.fromkeys(clash.remedy for clash, _ in found)),
        )


def _layers(config: Values) -> int:
    """Layers of a model; of the shorter side where there are an encoder and a decoder."""
    return min((config[key] for key in LAYER_KEYS if type(config.get(key)) is int), default=1)
