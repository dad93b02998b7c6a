"""From a loaded base and a method to a model of which only the method's part learns: a function for each.

It neither loads nor trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from peft import (
    IA3Config,
    LNTuningConfig,
    LoraConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    PromptTuningInit,
    TaskType,
    get_peft_model,
    prepare_model_for_kbit_training,
)
from torch import nn
from transformers import PreTrainedModel

from store.errors import BadInput
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import bottleneck, lora_init, prefix, selective, targets
from workbench.worker.targets import linear_modules, norm_modules

# Names of the layers that (IA)^3 scales, over the architectures that transformers ships (arXiv 2205.05638).
_KEYS_AND_VALUES = (
    "k",
    "v",
    "k_proj",
    "v_proj",
    "key",
    "value",
    "query_key_value",
    "qkv_proj",
    "c_attn",
    "Wqkv",
)
_FEEDFORWARD_OUTPUTS = ("wo", "down_proj", "fc2", "dense_4h_to_h", "c_proj", "fc_out", "w2", "dense")


def add_adapter(
    base: PreTrainedModel, options: RunOptions, batches: Iterable[lora_init.Batch] | None = None
) -> nn.Module:
    """Freeze a base but for what the method trains, which is laid over it where it is new; in training mode.

    New weights are drawn from torch's generator: seed it before.

    Args:
        base: The loaded model; for `qlora` one in 4 bits.
        options: The method and its settings.
        batches: First batches of the training data, read only where a beginning needs data (EVA).

    Returns:
        A `PeftModel`, or the base itself for the methods that PEFT does not have.

    Raises:
        BadInput: The method does not fit this model, or names modules it does not have.
    """
    if options.method == "qlora":
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    if options.settings.gradient_checkpointing:
        base.config.use_cache = False  # a cache and recomputed activations exclude each other
        # The reentrant form drops gradients where no input of a block needs them, as with a frozen base.
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if options.method in OWN:
        adapted: nn.Module = OWN[options.method](base.requires_grad_(False), options.settings)
    else:
        task = TaskType.SEQ_2_SEQ_LM if base.config.is_encoder_decoder else TaskType.CAUSAL_LM
        adapted = get_peft_model(base, CONFIGS[options.method](base, task, options.settings))
        if METHODS[options.method].low_rank:
            lora_init.begin(adapted, options.settings, batches)
        if options.method == "prefix-tuning":
            prefix.begin(adapted)
    _learn_in_full_precision(adapted)
    return adapted.train()


def count_parameters(adapted: nn.Module) -> tuple[int, int]:
    """How many parameters learn, and how many there are; two in a byte of 4-bit weights."""
    trained, total = PeftModel.get_nb_trainable_parameters(adapted)
    return int(trained), int(total)


def _learn_in_full_precision(adapted: nn.Module) -> None:
    """Hold what learns in float32, as PEFT does with LoRA: bfloat16 loses small steps altogether.

    Computing stays in the run's precision, by autocast.
    """
    for parameter in adapted.parameters():
        if parameter.requires_grad and parameter.dtype in (torch.bfloat16, torch.float16):
            parameter.data = parameter.data.float()


def _lora(base: PreTrainedModel, task: TaskType, settings: TrainingSettings, **variant: bool) -> PeftConfig:
    names = _targets(base, settings) or linear_modules(base)
    lora_init.check(
        settings,
        (
            module
            for path, module in base.named_modules()
            if any(targets.ends_in(path, name) for name in names)
        ),
    )
    return LoraConfig(
        task_type=task,
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=names,
        **lora_init.options(settings),
        **variant,
    )


def _rslora(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    return _lora(base, task, settings, use_rslora=True)


def _dora(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    return _lora(base, task, settings, use_dora=True)


def _ia3(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    names = _targets(base, settings) or [
        name for name in linear_modules(base) if name in _KEYS_AND_VALUES + _FEEDFORWARD_OUTPUTS
    ]
    feedforward = [name for name in names if name.rpartition(".")[2] in _FEEDFORWARD_OUTPUTS]
    if not names:
        raise BadInput(
            f"ia3 knows no key, value or feed-forward layers in {type(base).__name__}",
            f"name them: --set target_modules=...; there are {', '.join(linear_modules(base))}",
        )
    return IA3Config(task_type=task, target_modules=names, feedforward_modules=feedforward)


def _prompt_tuning(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    # Random vectors, PEFT's default, lie off the embedding's manifold and learn next to nothing.
    begin: dict[str, Any] = {"prompt_tuning_init": PromptTuningInit.SAMPLE_VOCAB}
    if settings.prompt_tuning_init_text is not None:
        begin = {
            "prompt_tuning_init": PromptTuningInit.TEXT,
            "prompt_tuning_init_text": settings.prompt_tuning_init_text,
            "tokenizer_name_or_path": base.name_or_path,  # the folder that the base was loaded from
            "tokenizer_kwargs": {"local_files_only": True},
        }
    return PromptTuningConfig(task_type=task, **begin, **_virtual_tokens(settings))


def _p_tuning(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    width = settings.encoder_hidden_size or base.config.hidden_size
    return PromptEncoderConfig(task_type=task, encoder_hidden_size=width, **_virtual_tokens(settings))


def _prefix_tuning(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    config = base.config
    shape: dict[str, int] = {}
    if config.is_encoder_decoder:
        # The prefix stands in the decoder, whose layers may be other in number than the encoder's; and T5's
        # heads together need not be as wide as the model.
        heads = getattr(config, "decoder_attention_heads", None) or config.num_attention_heads
        layers = next(
            getattr(config, name)
            for name in ("num_decoder_layers", "decoder_layers", "num_hidden_layers")
            if getattr(config, name, None)
        )
        width = heads * (getattr(config, "d_kv", None) or config.hidden_size // heads)
        shape = {"num_layers": layers, "num_attention_heads": heads, "token_dim": width}
    return PrefixTuningConfig(task_type=task, num_virtual_tokens=settings.num_virtual_tokens, **shape)


def _virtual_tokens(settings: TrainingSettings) -> dict[str, int]:
    # Once, before the encoder's input: PEFT would make a second set for the decoder and never read it.
    return {"num_virtual_tokens": settings.num_virtual_tokens, "num_transformer_submodules": 1}


def _ln_tuning(base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    known = norm_modules(base)
    names = targets.named(base, settings.target_modules or known, targets.is_norm, known)
    if not names:
        raise BadInput(
            f"{type(base).__name__} has no normalisation with weights", "use ia3 or lora, which are small too"
        )
    return LNTuningConfig(task_type=task, target_modules=names)


def _targets(base: PreTrainedModel, settings: TrainingSettings) -> list[str]:
    """The linear modules named in the settings; empty when none are."""
    return targets.named(base, settings.target_modules or (), targets.is_linear, linear_modules(base))


CONFIGS: dict[str, Callable[[PreTrainedModel, TaskType, TrainingSettings], PeftConfig]] = {
    "lora": _lora,
    "rslora": _rslora,
    "dora": _dora,
    "qlora": _lora,
    "ia3": _ia3,
    "prompt-tuning": _prompt_tuning,
    "prefix-tuning": _prefix_tuning,
    "p-tuning": _p_tuning,
    "ln-tuning": _ln_tuning,
}
OWN: dict[str, Callable[[PreTrainedModel, TrainingSettings], PreTrainedModel]] = {
    "bottleneck": bottleneck.insert,
    "partial": selective.unfreeze_part,
    "full": selective.unfreeze,
}
