"""What the answer to a prompt takes in memory at the very least, beside what there is.

What is reckoned here is a bound from below: what has no room by it has none, and what has room may still run
out of memory. So it refuses nothing that could have been answered.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from store.errors import BadInput
from store.sizes import bytes_text
from workbench.telemetry import read_host

ALWAYS_BYTES = 64 * 2**20
"""A batch that takes no more is not asked whether there is room: to look would cost more than it does."""


def free_bytes(device: torch.device) -> int:
    """Bytes that tensors could still take, those included that torch keeps for tensors to come."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    host = read_host()
    return host.memory_total_bytes - host.memory_used_bytes


class Room:
    """How many rows of a length a base has memory for.

    Args:
        base: The base.
        all_scores: Whether it scores the next token at every position of a prompt, not at the last alone.
    """

    def __init__(self, base: PreTrainedModel, *, all_scores: bool) -> None:
        self._device = base.device
        size = base.dtype.itemsize
        config = base.config.get_text_config(decoder=True)
        # Whatever a config does not say counts as nothing.
        self._keys = 2 * size * _head_widths(config)  # of a position in one layer, values included
        self._windows = _windows(config)
        own = 2 * getattr(config, "hidden_size", 0)  # what enters a layer and what leaves it
        scores = base.get_input_embeddings().weight.shape[0] if all_scores else 0
        self._passing = size * (own + scores)

    def row_bytes(self, tokens: int) -> int:
        """The least that a row takes whose prompt, with what stands before it, has so many tokens."""
        kept = sum(tokens if window is None else min(tokens, window) for window in self._windows)
        return self._keys * kept + self._passing * tokens

    def rows(self, tokens: int, most: int) -> int:
        """How many rows of so many tokens can be decoded together, `most` of them or fewer.

        Raises:
            BadInput: There is no room for a single one.
        """
        each = self.row_bytes(tokens)
        if each * most <= ALWAYS_BYTES:
            return most
        free = free_bytes(self._device)
        if each > free:
            raise BadInput(
                f"a prompt of {tokens:,} tokens takes at least {bytes_text(each)}, "
                f"{bytes_text(free)} are free",
                "shorten the prompt, or free memory of the device",
            )
        return max(1, min(most, free // each))


def _head_widths(config: object) -> int:
    """The width of all heads that have keys of their own."""
    heads = getattr(config, "num_attention_heads", None) or 0
    width = getattr(config, "head_dim", None) or getattr(config, "d_kv", None)
    if width is None:
        width = getattr(config, "hidden_size", 0) // max(heads, 1)
    return (getattr(config, "num_key_value_heads", None) or heads) * width


def _windows(config: object) -> list[int | None]:
    """How far back each layer keeps keys; None: all the way. Layers of another kind are left out."""
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        layers = getattr(config, "num_decoder_layers", None) or getattr(config, "num_hidden_layers", None)
        return [window] * int(layers or 0)
    known = {"full_attention": None, "sliding_attention": window}
    return [known[kind] for kind in kinds if kind in known]
