"""One adapter, or several LoRA adapters, laid over a base of their own for good: to be folded in or combined.

The base is changed by it; many adapters over one base that stays itself are the bank's business.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedModel

from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.peft_folder import files_of
from workbench.worker import reading, screening, selective
from workbench.worker.loading import first_line

TASKS = {"causal": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}
_FAULTS = (ValueError, RuntimeError, LookupError, TypeError, AttributeError, OSError, SafetensorError)


def key_of(number: int) -> str:
    """The name that PEFT knows an adapter by: of one length for all, so that none contains another."""
    return f"a{number:03}"


def lay(base: PreTrainedModel, record: Model, adapters: Sequence[Adapter]) -> nn.Module:
    """Lay adapters over a base; the first one is switched on.

    Args:
        base: The loaded base, which is theirs from now on.
        record: Its record.
        adapters: One of any kind that changes weights, or several of LoRA.

    Returns:
        A `PeftModel`, or the base itself for the kinds that PEFT does not have.

    Raises:
        BadInput: One cannot be read, or does not fit.
    """
    laid: nn.Module = base
    for number, adapter in enumerate(adapters):
        config, _ = screening.read(adapter, record, TASKS[record.family])
        try:
            # Read before PEFT does: it does not look whether they are numbers.
            weights = reading.read(files_of(adapter.path)[1], base.device, torch.float32)
            if isinstance(config, dict):
                laid = _own(base, weights)
            else:
                laid = _with_peft(laid, adapter, config, key_of(number))
        except torch.OutOfMemoryError:
            raise
        except BadInput as error:
            raise BadInput(f"adapter {adapter.name!r}: {error.what}", error.remedy) from error
        except _FAULTS as error:
            raise BadInput(
                f"adapter {adapter.name!r} does not fit the model ({first_line(error)})",
                "use the base it was trained on",
            ) from error
    return laid.requires_grad_(False).eval()


def fold(laid: nn.Module) -> PreTrainedModel:
    """Work an adapter into its base's own weights, and take its layers away.

    A layer at a time is computed in float32 and rounded once to the base's precision: PEFT rounds the update
    before it adds it, too.

    Args:
        laid: What `lay` gave, with an adapter that has a place in plain weights.

    Raises:
        BadInput: The merged weights are not numbers.
    """
    if not isinstance(laid, PeftModel):
        return laid  # the base, whose own weights they are already
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the layers are merged already when all are taken away
        try:
            for layer in [each for each in laid.modules() if isinstance(each, BaseTunerLayer)]:
                _fold_layer(layer)
            return laid.merge_and_unload()
        except (ValueError, NotImplementedError) as error:
            raise BadInput(
                f"the adapter cannot be merged ({first_line(error)})", "export it as a PEFT folder instead"
            ) from error


def _fold_layer(layer: Any) -> None:
    dtypes = {name: each.dtype for name, each in layer.get_base_layer().named_parameters()}
    layer.get_base_layer().float()
    layer.merge(safe_merge=True)
    for name, parameter in layer.get_base_layer().named_parameters():
        parameter.data = parameter.data.to(dtypes[name])


def _with_peft(laid: nn.Module, adapter: Adapter, config: Any, key: str) -> PeftModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PEFT warns of is checked here
        if isinstance(laid, PeftModel):
            laid.add_adapter(key, config)
        else:
            laid = get_peft_model(laid, config, key)
        base = laid.get_base_model()
        result = laid.load_adapter(
            str(adapter.path),
            key,
            torch_device=str(base.device),
            key_mapping=getattr(base, "_checkpoint_conversion_mapping", None) or {},
        )
    wrong = sorted({*result.missing_keys, *result.unexpected_keys})
    if wrong:
        raise ValueError(f"{len(wrong)} weights are missing or left over, such as {wrong[0]}")
    return laid


def _own(base: PreTrainedModel, weights: dict[str, torch.Tensor]) -> PreTrainedModel:
    parameters = dict(base.named_parameters(remove_duplicate=False))
    selective.check(weights, parameters)
    for name, value in weights.items():
        parameters[name].data.copy_(value)
    return base
