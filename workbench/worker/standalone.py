"""Adapters that share a base with no other: kinds that only PEFT computes, and weights instead of the base's.

One at a time stands in the base, and it is gone without a trace when another row speaks.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PeftModelForCausalLM, PeftModelForSeq2SeqLM
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from transformers import PreTrainedModel

from store.models import Model
from workbench.worker import selective
from workbench.worker.reading import byte_count

Tensors = dict[str, torch.Tensor]

_WRAPPERS: dict[str, Any] = {"causal": PeftModelForCausalLM, "seq2seq": PeftModelForSeq2SeqLM}


class Standalone:
    """The one place in a base for such an adapter.

    Args:
        base: The base.
        record: Its record.

    Attributes:
        bytes: The memory that the adapter there takes beside the base.
    """

    def __init__(self, base: PreTrainedModel, record: Model) -> None:
        self.bytes = 0
        self._base = base
        self._wrap = _WRAPPERS[record.family]
        self._parameters = dict(base.named_parameters(remove_duplicate=False))
        self._key = ""  # the adapter that is in memory
        self._wrapper: PeftModel | None = None
        self._weights: Tensors = {}
        self._touched = False  # whether PEFT may have put layers into the base

    def place(self, key: str, config: PeftConfig | dict[str, Any], folder: Path, weights: Tensors) -> None:
        """Bring an adapter into memory, instead of whatever was there.

        Args:
            key: Its key.
            config: PEFT's configuration, or plain values of the kinds that PEFT lacks.
            folder: Where PEFT reads it.
            weights: What its file holds; PEFT reads them again.

        Raises:
            BadInput: Its weights are not the base's.
            ValueError: PEFT finds weights missing or left over, or anything else of its many errors.
        """
        self.clear()
        if isinstance(config, dict):
            selective.check(weights, self._parameters)
            self._weights = {name: value.to(self._parameters[name].dtype) for name, value in weights.items()}
        else:
            try:
                self._inject(key, config, folder)
            except BaseException:
                self.clear()  # PEFT may have put in some of its layers
                raise
        own = {parameter.data_ptr() for parameter in self._parameters.values()}
        added = [each for each in self._base.parameters() if each.data_ptr() not in own]
        self._key, self.bytes = key, byte_count([*self._weights.values(), *added])

    def __contains__(self, key: str) -> bool:
        return bool(key) and key == self._key

    @contextlib.contextmanager
    def speaking(self) -> Iterator[Callable[..., Any]]:
        """The forward pass of the base with the adapter in memory."""
        if self._wrapper is not None:
            yield self._wrapper
            return
        with selective.standing_in(self._weights, self._parameters):
            yield self._base

    def clear(self) -> None:
        """Take the adapter out: the base is as it was."""
        self._key, self._wrapper, self._weights, self.bytes = "", None, {}, 0
        if not self._touched:
            return
        inside = "\0"  # the layer last taken out: what lies in it went with it
        for name, module in list(self._base.named_modules()):
            if name.startswith(inside) or not isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper)):
                continue
            layer = isinstance(module, BaseTunerLayer)
            parent, _, child = name.rpartition(".")
            original = module.get_base_layer() if layer else module.original_module
            setattr(self._base.get_submodule(parent), child, original)
            inside = f"{name}."
        if "peft_config" in vars(self._base):
            del self._base.peft_config
        self._touched = False

    def _inject(self, key: str, config: PeftConfig, folder: Path) -> None:
        self._touched = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PEFT warns of is checked here
            wrapper = self._wrap(self._base, config, key)
            renamed = getattr(self._base, "_checkpoint_conversion_mapping", None) or {}
            result = wrapper.load_adapter(
                str(folder), key, torch_device=str(self._base.device), key_mapping=renamed
            )
        wrapper.requires_grad_(False)
        wrong = sorted({*result.missing_keys, *result.unexpected_keys})
        if wrong:
            first = wrong[0].replace(f"{key}.", "")
            raise ValueError(f"{len(wrong)} weights are missing or left over, such as {first}")
        wrapper.set_adapter(key, inference_mode=True)
        self._wrapper = wrapper
