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
    packing: bool = setting(
        False,
        "length",
        "Fill sequences of max_length with several rows, each reading only itself: next to no padding; "
        "batch_size then counts sequences",
    )
    group_by_length: bool = setting(
        False, "length", "Rows of like length share a batch: little padding, and a less random order"
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
        choices=(
            "adamw_torch_fused",
            "adamw_torch",
            "adamw_bnb_8bit",
            "paged_adamw_8bit",
            "paged_adamw_32bit",
            "adafactor",
            "sgd",
        ),
    )
    r: int = setting(16, "adapter", "Rank of the low-rank updates", low=1, high=4096)
    lora_alpha: int = setting(32, "adapter", "Strength of the low-rank updates; scaled by alpha / r", low=1)
    lora_dropout: float = setting(0.05, "adapter", "Dropout before the low-rank updates", low=0, high=0.9)
    target_modules: tuple[str, ...] | None = setting(
        None,
        "adapter",
        "Modules to adapt or train, by the end of their names; auto takes those that suit the method",
    )
    init_lora_weights: str = setting(
        "default",
        "adapter",
        "How LoRA begins: default is B = 0; pissa and olora take the base's main directions, eva the data's",
        choices=("default", "gaussian", "orthogonal", "pissa", "olora", "eva"),
    )
    num_virtual_tokens: int = setting(
        20, "adapter", "Virtual tokens of a soft prompt", unit="tokens", low=1, high=1024
    )
    prompt_tuning_init_text: str | None = setting(
        None, "adapter", "A text that prompt tuning begins with; auto takes words of the vocabulary"
    )
    encoder_hidden_size: int | None = setting(
        None, "adapter", "Width of the encoder of p-tuning; auto is the model's own", low=1
    )
    reduction_factor: int = setting(
        16, "adapter", "Bottleneck adapters are so many times narrower than the model", low=1, high=1024
    )
    bottleneck_style: str = setting(
        "pfeiffer",
        "adapter",
        "Where bottleneck adapters stand: pfeiffer after each feed-forward, houlsby after attention too",
        choices=("pfeiffer", "houlsby"),
    )
    last_layers: int = setting(
        2, "adapter", "Layers at the end of decoder and encoder that partial trains", unit="layers", low=1
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
    save_steps: int = setting(
        0,
        "record",
        "Steps between checkpoints; 0 takes one every save_minutes",
        unit="steps",
        low=0,
    )
    save_minutes: float = setting(
        10.0, "record", "Minutes between checkpoints where save_steps is 0", unit="minutes", above=0
    )
    save_total_limit: int = setting(
        2, "record", "Checkpoints that are kept, beside the best", unit="checkpoints", low=1
    )
    load_best_model_at_end: bool = setting(
        False, "record", "Publish the weights of the lowest validation loss, not the last ones"
    )
    early_stopping_patience: int = setting(
        0, "record", "End after so many validations without a better loss; 0 never", low=0
    )
    early_stopping_threshold: float = setting(
        0.0, "record", "A validation loss is better only if it is lower by this much", low=0
    )
    num_samples: int = setting(
        4, "record", "Prompts answered at each validation, to watch; 0 none", unit="prompts", low=0, high=64
    )
    sample_max_new_tokens: int = setting(
        64, "record", "Longest watched answer", unit="tokens", low=1, high=4096
    )
    probes: tuple[str, ...] | None = setting(
        None,
        "record",
        "Other tasks on which forgetting is watched, each dataset:template",
    )
    probe_rows: int = setting(64, "record", "Rows of each forgetting probe", unit="rows", low=1, high=4096)
    report_to: str = setting(
        "none",
        "record",
        "Export the metrics as well, by transformers' own integration, where it is installed",
        choices=("none", "tensorboard", "trackio", "wandb"),
    )
    dtype: str = setting(
        "auto",
        "machine",
        "Precision of the base; auto is bfloat16 on a GPU that has it, else float32",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    gradient_checkpointing: bool = setting(
        False, "machine", "Recompute activations: far less memory, steps a third to two thirds slower"
    )
    attn_implementation: str = setting(
        "auto",
        "machine",
        "Attention kernels; auto is sdpa, which every machine has",
        choices=("auto", "sdpa", "eager", "flash_attention_2"),
    )
    torch_compile: bool = setting(
        False, "machine", "Compile the model first: a minute later, then faster; lengths should vary little"
    )
    use_liger_kernel: bool = setting(
        False, "machine", "Liger's fused kernels, where they are installed: less memory on a GPU"
    )
    nproc_per_node: int = setting(
        1, "machine", "Devices that train together, by torchrun", unit="devices", low=1, high=64
    )
    distributed: str = setting(
        "ddp",
        "machine",
        "How devices share: ddp copies the model to each, fsdp shards it over them",
        choices=("ddp", "fsdp"),
    )
    deterministic: bool = setting(
        False, "machine", "On a GPU: only kernels that repeat to the bit, somewhat slower"
    )
    seed: int = setting(
        42, "machine", "Seed of the adapter, the row order and dropout", low=0, high=2**32 - 1
    )

    @property
    def sharded(self) -> bool:
        """Whether each of several devices holds only a part of the model."""
        return self.distributed == "fsdp" and self.nproc_per_node > 1

    def __post_init__(self) -> None:
        problems = [
            problem for info in fields() if (problem := info.problem(getattr(self, info.name))) is not None
        ]
        if problems:
            raise BadInput("; ".join(problems), "correct the settings named")


def fields() -> tuple[FieldInfo, ...]:
    """Every training setting in the order of the form."""
    return describe(TrainingSettings)
