"""Every setting of a run: one dataclass whose fields feed flags, form, run file and docs."""

from __future__ import annotations

from dataclasses import dataclass

from store.errors import BadInput
from workbench.runs.fields import FieldInfo, describe, setting


@dataclass(frozen=True)
class TrainingSettings:
    """Every setting of a run, under the libraries' own names; the defaults need no `--set`.

    Raises:
        BadInput: One or more values are out of range; all of them are listed.
    """

    num_train_epochs: float = setting(3.0, "length", "Passes over the training split", unit="epochs", above=0)
    max_steps: int = setting(
        -1, "length", "Optimizer steps; -1 lets num_train_epochs decide", unit="steps", low=-1
    )
    max_seconds: int = setting(
        0, "length", "Training ends after this time, whatever the steps; 0 never", unit="seconds", low=0
    )
    batch_size: int = setting(8, "length", "Rows in one forward pass", unit="rows", low=1, high=65_536)
    gradient_accumulation_steps: int = setting(
        1, "length", "Forward passes per optimizer step", unit="passes", low=1, high=65_536
    )
    max_length: int = setting(
        1024,
        "length",
        "Longest row, prompt and completion; the model's own limit if less",
        unit="tokens",
        low=8,
    )
    learning_rate: float | None = setting(
        None, "optimizer", "Peak step size; auto suits the method and the model's width", low=0
    )
    lr_scheduler_type: str = setting(
        "linear",
        "optimizer",
        "How the step size falls after warm-up",
        choices=("linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt", "polynomial"),
    )
    warmup_steps: float = setting(
        0.03, "optimizer", "Steps of rising step size; below 1 a share of all steps", unit="steps", low=0
    )
    weight_decay: float = setting(0.0, "optimizer", "Decay of the trained weights (AdamW)", low=0, high=1)
    max_grad_norm: float = setting(1.0, "optimizer", "Gradients are scaled down to this norm; 0 never", low=0)
    optim: str = setting(
        "adamw_torch_fused",
        "optimizer",
        "Optimizer, by its name in transformers",
        choices=("adamw_torch_fused", "adamw_torch", "adamw_bnb_8bit", "adafactor", "sgd"),
    )
    r: int = setting(16, "adapter", "Rank of the low-rank updates", low=1, high=4096)
    lora_alpha: int = setting(32, "adapter", "Strength of the low-rank updates; scaled by alpha / r", low=1)
    lora_dropout: float = setting(0.05, "adapter", "Dropout before the low-rank updates", low=0, high=0.9)
    target_modules: tuple[str, ...] | None = setting(
        None,
        "adapter",
        "Modules to adapt, by the end of their names; auto takes every linear layer but the head",
    )
    num_virtual_tokens: int = setting(
        20, "adapter", "Virtual tokens of prompt tuning", unit="tokens", low=1, high=1024
    )
    bad_rows: str = setting(
        "refuse",
        "record",
        "Rows that nothing can be learned from: refuse the run, or skip them and tell",
        choices=("refuse", "skip"),
    )
    eval_steps: int = setting(
        0, "record", "Steps between validation losses; 0 takes one after each epoch", unit="steps", low=0
    )
    max_eval_samples: int = setting(
        256,
        "record",
        "Most rows of the validation split that are used; 0 switches it off",
        unit="rows",
        low=0,
    )
    logging_steps: int = setting(1, "record", "Steps between points of the loss", unit="steps", low=1)
    dtype: str = setting(
        "auto",
        "machine",
        "Precision of the base; auto is bfloat16 on a GPU that has it, else float32",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    gradient_checkpointing: bool = setting(
        False, "machine", "Recompute activations: far less memory, about a fifth slower"
    )
    seed: int = setting(
        42, "machine", "Seed of the adapter, the row order and dropout", low=0, high=2**32 - 1
    )

    def __post_init__(self) -> None:
        problems = [
            problem for info in fields() if (problem := info.problem(getattr(self, info.name))) is not None
        ]
        if problems:
            raise BadInput("; ".join(problems), "correct the settings named")


def fields() -> list[FieldInfo]:
    """Every training setting in the order of the form."""
    return describe(TrainingSettings)
