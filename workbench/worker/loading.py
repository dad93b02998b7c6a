"""A recorded base model in memory: safetensors only, offline, in the precision asked for.

It knows no adapters and no data. `prepare_process` comes first in every process that computes.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from store.errors import BadInput
from store.models import Model

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_SHARED_FROM_PARAMETERS = 10_000_000
CLASSES: dict[str, Any] = {"causal": AutoModelForCausalLM, "seq2seq": AutoModelForSeq2SeqLM}


def prepare_process(model: Model) -> None:
    """Choose how many threads compute, and keep the process's log readable.

    Args:
        model: What it will compute. A small model's operations are too short to be shared: on two cores a
            step of 1.6 million weights took 0.21 s with one thread, 0.23 s with two, and with two beside
            another busy process 0.6 to 1.1 s. Larger ones get all processors; `OMP_NUM_THREADS` comes before.
    """
    disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)  # the libraries' words to their own developers
    if not os.environ.get("OMP_NUM_THREADS"):
        small = model.parameters < _SHARED_FROM_PARAMETERS
        torch.set_num_threads(1 if small else max(1, len(os.sched_getaffinity(0))))


def compute_device() -> torch.device:
    """The device to compute on: the first GPU, or this process's own of several; else the processor."""
    return (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if torch.cuda.is_available()
        else torch.device("cpu")
    )


def compute_dtype(name: str, device: torch.device) -> torch.dtype:
    """The precision of the base.

    Args:
        name: A torch dtype's name, or `auto`: bfloat16 on a GPU that has it, else float32.
        device: Where the model will compute.
    """
    if name != "auto":
        return _DTYPES[name]
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def stored_dtype(model: Model) -> str:
    """The precision of a base's own weights by torch's name, or float32 where none is held in that."""
    return model.dtype if model.dtype in _DTYPES else "float32"


def load_model(
    model: Model,
    *,
    dtype: str = "auto",
    device: torch.device | None = None,
    four_bit: bool = False,
    attention: str | None = None,
) -> PreTrainedModel:
    """Load a base model from its folder in the store, in evaluation mode.

    Args:
        model: The record; its `family` says which head it has.
        dtype: `auto`, `float32`, `bfloat16` or `float16`.
        device: Where to put it; by default the first GPU, else the processor.
        four_bit: Hold the linear layers in NF4 with double quantisation (QLoRA, arXiv 2305.14314).
        attention: The attention's kernels by transformers' name; None lets it choose.

    Raises:
        BadInput: The folder does not hold a model of that family.
    """
    device = device or compute_device()
    precision = compute_dtype(dtype, device)
    placement: dict[str, Any] = {}
    if four_bit or device.type == "cuda":
        # Straight to its place: a big base never stands in host memory as a whole.
        placement["device_map"] = {"": str(device)}
    if four_bit:
        placement["quantization_config"] = four_bit_config(precision)
    try:
        loaded = CLASSES[model.family].from_pretrained(
            model.path,
            dtype=precision,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            attn_implementation=attention,
            **placement,
        )
    except (ValueError, KeyError) as error:
        raise BadInput(
            f"model {model.name!r} does not load as a {model.family} model ({first_line(error)})",
            "check its folder with `workbench model show`",
        ) from error
    if four_bit:
        _keep_gradients_in_four_bit(loaded)
    return loaded.eval()


def four_bit_config(precision: torch.dtype) -> BitsAndBytesConfig:
    """How QLoRA holds a base: NF4 with double quantisation, computed in another precision."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision,
    )


def load_tokenizer(model: Model) -> PreTrainedTokenizerBase:
    """Load a base model's own tokenizer, offline and without code from its folder."""
    return AutoTokenizer.from_pretrained(model.path, trust_remote_code=False, local_files_only=True)


def first_line(error: BaseException) -> str:
    """The first line of an error, or its kind when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _keep_gradients_in_four_bit(loaded: PreTrainedModel) -> None:
    """Switch off the CPU kernel that repacks 4-bit weights at the first evaluation.

    On processors with AVX512-BF16 bitsandbytes then uses a kernel without autograd for good, and gradients
    no longer pass through the base.
    """
    from bitsandbytes.nn import Linear4bit  # only here: the import looks for GPUs and native code

    for module in loaded.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
