"""Method names to PEFT: one dict, one function each.

It turns a loaded base into a model whose adapter alone is trained; it neither loads nor trains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PeftModel,
    PromptTuningConfig,
    PromptTuningInit,
    TaskType,
    get_peft_model,
    prepare_model_for_kbit_training,
)
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from store.errors import BadInput
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

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


def add_adapter(base: PreTrainedModel, options: RunOptions) -> PeftModel:
    """Freeze a base and lay a fresh adapter over it, in training mode.

    The adapter's first values are drawn from torch's generator: seed it before.

    Args:
        base: The loaded model; for `qlora` one in 4 bits.
        options: The method and its settings.

    Raises:
        BadInput: The method does not fit this model, or names modules it does not have.
    """
    if options.method == "qlora":
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    if options.settings.gradient_checkpointing:
        base.config.use_cache = False  # a cache and recomputed activations exclude each other
        # The reentrant form drops gradients where no input of a block needs them, as with a frozen base.
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    task = TaskType.SEQ_2_SEQ_LM if base.config.is_encoder_decoder else TaskType.CAUSAL_LM
    adapted = get_peft_model(base, CONFIGS[options.method](base, task, options.settings))
    return adapted.train()


def linear_modules(base: PreTrainedModel) -> list[str]:
    """The names by which to adapt every linear layer but the head, such as `q_proj`.

    The last part of a layer's path serves, unless it is a mere number or the head's name too.
    """
    head = base.get_output_embeddings()
    paths = [
        path
        for path, module in base.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and module is not head
    ]
    head_names = {path.rpartition(".")[2] for path, module in base.named_modules() if module is head}
    names = {path.rpartition(".")[2]: path for path in paths}
    clear = {name for name in names if not name.isdigit() and name not in head_names}
    return sorted(clear | {path for path in paths if path.rpartition(".")[2] not in clear})


def _lora(base: PreTrainedModel, task: TaskType, settings: TrainingSettings, **variant: bool) -> PeftConfig:
    return LoraConfig(
        task_type=task,
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=_targets(base, settings) or linear_modules(base),
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


def _prompt_tuning(_base: PreTrainedModel, task: TaskType, settings: TrainingSettings) -> PeftConfig:
    # Random vectors, PEFT's default, lie off the embedding's manifold and learn next to nothing.
    return PromptTuningConfig(
        task_type=task,
        num_virtual_tokens=settings.num_virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
    )


def _targets(base: PreTrainedModel, settings: TrainingSettings) -> list[str]:
    """The modules named in the settings, each of which must exist; empty when none are named."""
    paths = [path for path, module in base.named_modules() if _can_adapt(module)]
    names = list(settings.target_modules or ())
    unknown = [name for name in names if not any(path == name or path.endswith(f".{name}") for path in paths)]
    if unknown:
        known = linear_modules(base)
        raise BadInput(
            f"target_modules names {', '.join(unknown)}, which {type(base).__name__} does not have",
            f"choose from {', '.join(known)}",
        )
    return names


def _can_adapt(module: torch.nn.Module) -> bool:
    return isinstance(module, (nn.Linear, Conv1D, nn.Embedding))


CONFIGS: dict[str, Callable[[PreTrainedModel, TaskType, TrainingSettings], Any]] = {
    "lora": _lora,
    "rslora": _rslora,
    "dora": _dora,
    "qlora": _lora,
    "ia3": _ia3,
    "prompt-tuning": _prompt_tuning,
}
