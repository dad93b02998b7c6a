"""A run's model as sizes alone: every module and tensor that training would hold, and not one weight read.

It is built on the meta device, by the same functions as the real one, and then stands on fake tensors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_iter, tree_map
from transformers import AutoConfig, PreTrainedModel, masking_utils
from transformers.core_model_loading import build_glob_alternation

from store.models import Model
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.worker import forward, kernels, lora_init, methods
from workbench.worker.loading import CLASSES, compute_dtype, four_bit_config
from workbench.worker.longest import Shape

NF4_BLOCK = 64
"""Weights that share one absmax in NF4 (arXiv 2305.14314)."""
ABSMAX_BLOCK = 256
"""Absmax values that share one scale where they are quantised again."""


def draw(model: Model, options: RunOptions, device: torch.device) -> nn.Module:
    """The model of a run with its adapter, on the meta device.

    Args:
        model: The base's record; of its folder only `config.json` is read.
        options: The method and its settings.
        device: Where the run would compute; it decides the precision that `auto` means.

    Raises:
        BadInput: The method does not fit the model.
    """
    # An initialisation from the base's weights or the data changes values, never sizes.
    settings = dataclasses.replace(options.settings, init_lora_weights="default")
    with torch.device("meta"):
        base = _base(model, options, compute_dtype(settings.dtype, device))
        adapted = methods.add_adapter(base, dataclasses.replace(options, settings=settings))
        if METHODS[options.method].low_rank:
            lora_init.begin(adapted, options.settings, None)  # what it keeps of the beginning has a size too
        return adapted


def _base(model: Model, options: RunOptions, precision: torch.dtype) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(model.path, trust_remote_code=False, local_files_only=True)
    asked = kernels.attention(options.settings)
    base: PreTrainedModel = CLASSES[model.family].from_config(
        config,
        dtype=precision,
        trust_remote_code=False,
        attn_implementation=None if asked == "flash_attention_2" else asked,
    )
    if options.method == "qlora":
        _replace_linear_layers(base, precision)
    _keep_wide(base, precision)
    return base.eval()


def _keep_wide(base: PreTrainedModel, precision: torch.dtype) -> None:
    """Give the layers that an architecture never holds in half precision their float32, as loading does."""
    wide = base._get_dtype_plan(precision)
    if wide:
        pattern, *_ = build_glob_alternation(list(wide))
        for name, parameter in base.named_parameters():
            if pattern.search(name):
                parameter.data = parameter.data.to(torch.float32)


def _replace_linear_layers(base: PreTrainedModel, precision: torch.dtype) -> None:
    """Do what transformers does before it loads the weights of a model in 4 bits."""
    from transformers.quantizers.quantizer_bnb_4bit import Bnb4BitHfQuantizer

    quantizer = Bnb4BitHfQuantizer(four_bit_config(precision))
    quantizer._process_model_before_weight_loading(base, device_map=None)
    base.is_loaded_in_4bit = True


def materialise(model: nn.Module, mode: FakeTensorMode, device: torch.device) -> None:
    """Put fake tensors of a device in the place of all meta tensors, 4-bit weights with all that they need.

    Args:
        model: From `draw`.
        mode: The mode that the tensors belong to.
        device: Where the run would compute.
    """
    made: dict[int, Any] = {}  # tied weights stay tied

    def once(old: Any, make: Callable[[], Any]) -> Any:
        if id(old) not in made:
            made[id(old)] = make()
        return made[id(old)]

    def parameter(old: Any, module: nn.Module) -> Any:
        if type(old).__name__ == "Params4bit":
            return _four_bit_weight(old, module, device)
        return nn.Parameter(torch.empty(old.shape, dtype=old.dtype, device=device), old.requires_grad)

    def buffer(old: torch.Tensor) -> torch.Tensor:
        return torch.empty(old.shape, dtype=old.dtype, device=device)

    with mode:
        for module in model.modules():
            for name, old in list(module._parameters.items()):
                if old is not None:
                    module._parameters[name] = once(old, functools.partial(parameter, old, module))
            for name, old in list(module._buffers.items()):
                if old is not None:
                    module._buffers[name] = once(old, functools.partial(buffer, old))
            _replace_others(module, buffer)
    _stay_in_place(model)


def _replace_others(module: nn.Module, make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Tensors that a module keeps as plain attributes, such as the numbers of PEFT's virtual tokens."""
    for name, value in list(vars(module).items()):
        if name not in ("_parameters", "_buffers", "_modules") and any(map(_is_meta, tree_iter(value))):
            vars(module)[name] = tree_map(lambda each: make(each) if _is_meta(each) else each, value)


def _is_meta(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == "meta"


def _stay_in_place(model: nn.Module) -> None:
    # Fake parameters cannot be swapped by `Module.to`, and stand where they belong already.
    object.__setattr__(model, "to", lambda *_, **__: model)


def _four_bit_weight(old: Any, module: Any, device: torch.device) -> nn.Parameter:
    """A packed weight with its absmax quantised again, as bitsandbytes' `quantize_4bit` leaves it."""
    from bitsandbytes.functional import QuantState

    blocks = -(-old.numel() // NF4_BLOCK)
    inner = QuantState(
        absmax=torch.empty(-(-blocks // ABSMAX_BLOCK), device=device),
        code=torch.empty(256, device=device),
        blocksize=ABSMAX_BLOCK,
        dtype=torch.float32,
    )
    state = QuantState(
        absmax=torch.empty(blocks, dtype=torch.uint8, device=device),
        shape=old.shape,
        code=torch.empty(16, device=device),
        blocksize=NF4_BLOCK,
        quant_type=old.quant_type,
        dtype=module.compute_dtype,
        offset=torch.empty((), device=device),
        state2=inner,
    )
    packed: Any = nn.Parameter(
        torch.empty((old.numel() + 1) // 2, 1, dtype=torch.uint8, device=device), False
    )
    packed.quant_state = module.quant_state = state
    # bitsandbytes' fast path for processors repacks real weights only.
    module.support_avx512bf16_for_cpu = False
    return packed


def weights(model: nn.Module) -> Iterator[torch.Tensor]:
    """All tensors that a model holds: parameters, buffers, what goes with 4-bit weights, LoRA as it began."""
    for parameter in model.parameters():
        yield parameter
        state = getattr(parameter, "quant_state", None)
        while state is not None:
            yield from (each for each in (state.absmax, state.code, state.offset) if each is not None)
            state = state.state2
    yield from model.buffers()
    yield from getattr(model, "first_lora", {}).values()


def parameter_counts(model: nn.Module) -> tuple[int, int]:
    """(trained, all) parameters; those in 4 bits count as what they stand for."""
    trained = total = 0
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        number = parameter.numel() if state is None else state.shape.numel()
        total += number
        trained += number if parameter.requires_grad else 0
    return trained, total


@contextlib.contextmanager
def known_contents(shape: Shape) -> Iterator[None]:
    """Let what looks at a batch's numbers find a shape's: transformers' masks, and our places of labels.

    Args:
        shape: The batch's, whose tensors are fake and cannot be read.
    """

    def informed(choose: Callable[..., bool]) -> Callable[..., bool]:
        def chosen(padding_mask: torch.Tensor | None, *rest: Any, **named: Any) -> bool:
            return choose(padding_mask if shape.padded else None, *rest, **named)

        return chosen

    def positions(labels: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.empty(2, shape.learned, dtype=torch.long, device=labels.device)

    with contextlib.ExitStack() as stack:
        for name in ("_ignore_causal_mask_sdpa", "_ignore_bidirectional_mask_sdpa"):
            stack.enter_context(
                mock.patch.object(masking_utils, name, informed(getattr(masking_utils, name)))
            )
        stack.enter_context(mock.patch.object(forward, "label_positions", positions))
        yield
