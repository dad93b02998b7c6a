"""A base model's forward pass as training uses it: a loss from where there are labels, and rows kept apart.

Logits are batch x tokens x vocabulary numbers, and a loss throws those of prompt and padding away. Here they
are never made. The pass stands in the base model itself, below PEFT and what wraps that, and leaves every
call without labels as it was.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, Literal

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from workbench.composing.masking import IGNORED
from workbench.worker.randomness import untouched_randomness

Way = Literal["chunked", "gathered", "plain"]
Agree = Callable[[torch.Tensor, torch.Tensor, float], bool]
POSITIONS = "label_positions"
"""Of a batch, beside its labels: rows and columns of those that are learned, `[2, learned]`."""
TOKENS = "tokens"
"""Of a batch: how many tokens it holds, padding aside; a number, for which nobody waits for a device."""
SEGMENTS = ("source_segments", "target_segments")
"""Of a packed batch for an encoder-decoder: each token's row within its sequence, from 1; padding is 0."""

LOGITS_AT_ONCE = 1 << 26
"""Numbers: 256 MiB in float32. More are made and forgotten piece by piece, and made again for gradients."""


@dataclass
class _Seen:
    """What a pass of the probe came by."""

    head: list[torch.Tensor] = field(default_factory=list)
    logits: torch.Tensor | None = None
    other_loss: bool = False


class TrainingForward:
    """The pass that stands in a base model's place of `forward`.

    Args:
        base: The model without what PEFT lays around it; its layers may be PEFT's already.
        logits_at_once: So many numbers are made at a time.
    """

    def __init__(self, base: PreTrainedModel, logits_at_once: int = LOGITS_AT_ONCE) -> None:
        self._base = base
        self._logits_at_once = logits_at_once
        self._plain = base.forward
        self._shifts = not base.config.is_encoder_decoder
        self._probe: _Seen | None = None
        self.way: Way = "plain"
        """How the loss is reckoned; `choose` finds the leanest way that is exact."""

        def forward(_: PreTrainedModel, *args: Any, **inputs: Any) -> Any:
            return self(*args, **inputs)

        # Not `__wrapped__`: accelerate unwraps along it, and would throw this pass away.
        forward.__signature__ = inspect.signature(type(base).forward)  # type: ignore[attr-defined]
        base.forward = MethodType(forward, base)

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """The model's output: of a batch with labels the loss, per learned token of batch or step."""
        positions = inputs.pop(POSITIONS, None)
        inputs.pop(TOKENS, None)
        if inputs.get("labels") is None:
            return self._plain(*args, **inputs)
        inputs = self._unpacked(inputs)
        if self.way == "plain":
            return self._plainly(args, inputs)
        labels, total = inputs.pop("labels"), inputs.pop("num_items_in_batch", None)
        if positions is None or self._widened(inputs):
            positions = label_positions(labels, shifts=self._shifts)
        if not self._shifts and inputs.get("decoder_input_ids") is None:
            inputs["decoder_input_ids"] = self._base.prepare_decoder_input_ids_from_labels(labels=labels)
        learned = labels[positions[0], positions[1]]  # [learned]
        if total is None:
            total = learned.numel()
        return CausalLMOutput(loss=self._summed(args, inputs, positions, learned) / total)

    def choose(self, model: torch.nn.Module, batch: dict[str, Any]) -> Way:
        """Find the leanest way whose loss is the model's own, by trying each on a batch.

        Args:
            model: The base, or what is laid around it.
            batch: A small one, as it is trained on.
        """
        with untouched_randomness():
            return self._choose(model, batch, _close)

    def suppose(self, model: torch.nn.Module, batch: dict[str, Any]) -> Way:
        """Find the way that `choose` would, on tensors without values: a way that runs is taken for exact.

        Args:
            model: The base, or what is laid around it.
            batch: One as it is trained on, of fake tensors.
        """
        return self._choose(model, batch, lambda one, other, _within: one.shape == other.shape)

    def _choose(self, model: torch.nn.Module, batch: dict[str, Any], agree: Agree) -> Way:
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                self.way = self._leanest(model, batch, agree)
        finally:
            model.train(training)
        return self.way

    def logits(self, model: torch.nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        """The model's own logits for a batch with labels, `[batch, tokens, vocabulary]`."""
        training, way = model.training, self.way
        model.eval()
        self.way, seen = "plain", _Seen()
        self._probe = seen
        try:
            with untouched_randomness(), torch.no_grad():
                model(**batch)
        finally:
            self.way, self._probe = way, None
            model.train(training)
        if seen.logits is None:
            raise ValueError("the model gives no logits")
        return seen.logits

    def _leanest(self, model: torch.nn.Module, batch: dict[str, Any], agree: Agree) -> Way:
        self.way = "plain"
        plain, seen = self._probed(model, batch)
        if seen.logits is None or len(seen.head) != 1 or seen.other_loss:
            return "plain"
        # What the head gives is what the model gives: no cap, scale or bias comes after it.
        ways: list[Way] = ["chunked", "gathered"] if seen.head[0] is seen.logits else ["gathered"]
        for way in ways:
            self.way = way
            with contextlib.suppress(RuntimeError, ValueError, TypeError, IndexError, AttributeError):
                loss, found = self._probed(model, batch)
                # Another shape of the same product rounds otherwise: by how much is the precision's affair.
                within = 1e-4 if seen.head[0].dtype == torch.float32 else 2e-2
                if agree(loss, plain, within) and (
                    way == "chunked" or self._same_logits(batch, found, seen, within, agree)
                ):
                    return way
        return "plain"

    def _probed(self, model: torch.nn.Module, batch: dict[str, Any]) -> tuple[torch.Tensor, _Seen]:
        seen = self._probe = _Seen()
        head = self._base.get_output_embeddings()
        handle = head and head.register_forward_hook(lambda _module, _args, made: seen.head.append(made))
        try:
            return model(**batch).loss.float(), seen
        finally:
            self._probe = None
            if handle:
                handle.remove()

    def _same_logits(
        self, batch: dict[str, Any], found: _Seen, plain: _Seen, within: float, agree: Agree
    ) -> bool:
        """Whether what follows the head does to some positions what it does to all."""
        if found.logits is None or plain.logits is None:
            return False
        labels = batch["labels"]
        rows, columns = label_positions(labels, shifts=self._shifts)
        # Soft prompts stand before the row: counted from its end, the columns are the same.
        wanted = plain.logits[rows, columns - labels.shape[1] - int(self._shifts)]
        return found.logits[0].shape == wanted.shape and agree(found.logits[0], wanted, within)

    def _plainly(self, args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        """The model's own loss; an encoder-decoder knows only the mean over a batch."""
        total = None if self._shifts else inputs.pop("num_items_in_batch", None)
        outputs = self._plain(*args, **inputs)
        if total is not None:
            outputs.loss = outputs.loss * (inputs["labels"] != IGNORED).sum() / total
        if self._probe is not None:
            self._probe.logits = outputs.logits
            self._probe.other_loss = getattr(outputs, "aux_loss", None) is not None
        return outputs

    def _summed(
        self, args: tuple[Any, ...], inputs: dict[str, Any], positions: torch.Tensor, learned: torch.Tensor
    ) -> torch.Tensor:
        """The loss, summed over the learned tokens."""
        head = self._base.get_output_embeddings()
        kept: list[torch.Tensor] = []
        columns = positions[1] - 1 if self._shifts else positions[1]

        def keep(_module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            hidden = given[0]  # [batch, tokens, width]
            flat = positions[0] * hidden.shape[1] + columns
            kept.append(hidden.flatten(0, 1).index_select(0, flat))  # [learned, width]
            # What the head makes of the first positions is thrown away: a model's pass wants some logits.
            return (kept[0][None] if self.way == "gathered" else hidden[:, :1].detach(),)

        handle = head.register_forward_pre_hook(keep)
        try:
            outputs = self._plain(*args, **inputs)
        finally:
            handle.remove()
        if self.way == "chunked":
            return self._chunked(head, kept[0], learned)
        if self._probe is not None:
            self._probe.logits = outputs.logits
        return _cross_entropy(outputs.logits[0], learned)

    def _chunked(self, head: torch.nn.Module, hidden: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        vocabulary = self._base.config.get_text_config().vocab_size
        if learned.numel() * vocabulary <= self._logits_at_once:
            return _cross_entropy(head(hidden[None])[0], learned)

        def piece(part: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return _cross_entropy(head(part[None])[0], labels)

        size = max(1, self._logits_at_once // vocabulary)
        pieces = [
            checkpoint(piece, part, labels, use_reentrant=False)
            for part, labels in zip(hidden.split(size), learned.split(size), strict=True)
        ]
        return torch.stack(pieces).sum()

    def _widened(self, inputs: dict[str, Any]) -> bool:
        """Whether PEFT has put virtual tokens before the row, so that its columns are others now."""
        return self._shifts and inputs.get("input_ids") is None and inputs.get("inputs_embeds") is not None

    def _unpacked(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that keep packed rows apart."""
        if SEGMENTS[0] in inputs:
            return self._encoded(inputs)
        if inputs.get("position_ids") is not None and inputs.get("attention_mask") is None:
            # transformers finds the rows in the position ids, but not beside a cache.
            inputs["use_cache"] = False
        return inputs

    def _encoded(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Block masks for encoder, decoder and between them: a relative position bias stays right within."""
        source, target = (inputs.pop(name) for name in SEGMENTS)
        inputs.pop("attention_mask", None)
        own = source[:, None, :, None] == source[:, None, None, :]  # [batch, 1, source, source]
        past = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool, device=target.device).tril()
        before = (target[:, None, :, None] == target[:, None, None, :]) & past  # [batch, 1, target, target]
        # Padding reads everything: a row of nothing but masked places has no softmax.
        asked = target[:, None, :, None]
        across = (asked == source[:, None, None, :]) | (asked == 0)  # [batch, 1, target, source]
        encoded = self._base.get_encoder()(input_ids=inputs.pop("input_ids"), attention_mask=self._mask(own))
        return {
            **inputs,
            "encoder_outputs": encoded,
            "attention_mask": self._mask(across),
            "decoder_attention_mask": self._mask(before),
            "use_cache": False,
        }

    def _mask(self, seen: torch.Tensor) -> torch.Tensor:
        """A block mask in the form that the attention in use takes."""
        if self._base.config._attn_implementation == "sdpa":
            return seen
        hidden = torch.zeros((), dtype=self._base.dtype, device=seen.device)
        return torch.where(seen, hidden, torch.finfo(hidden.dtype).min)


def label_positions(labels: torch.Tensor, *, shifts: bool) -> torch.Tensor:
    """Rows and columns of the labels that are learned, `[2, learned]`.

    Args:
        labels: `[batch, tokens]`.
        shifts: Whether a label is predicted at the position before it: the first then never is.
    """
    rows, columns = torch.nonzero(labels[:, 1:] != IGNORED if shifts else labels != IGNORED, as_tuple=True)
    return torch.stack((rows, columns + int(shifts)))


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.float(), labels, reduction="sum")


def _close(one: torch.Tensor, other: torch.Tensor, within: float) -> bool:
    return bool(torch.isfinite(other).all()) and torch.allclose(
        one.float(), other.float(), rtol=within, atol=within
    )
