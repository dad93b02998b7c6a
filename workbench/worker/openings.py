"""What stands before a row's prompt: virtual tokens, or keys and values in every layer; each row has its own.

Rows of one batch may open differently, or not at all: what a row lacks is masked out for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, EncoderDecoderCache

Pair = tuple[torch.Tensor, torch.Tensor]  # a layer's keys and values: [heads, positions, width of a head]
SOFT = frozenset({"PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"})


@dataclass(frozen=True)
class Opening:
    """What one row begins with.

    Attributes:
        virtual: Embeddings before those of the prompt, [positions, width]; with an encoder before what it
            reads.
        prefix: Keys and values that the first token finds in each layer; with an encoder in the decoder's
            own attention.
    """

    virtual: torch.Tensor | None = None
    prefix: tuple[Pair, ...] = ()

    @property
    def virtual_tokens(self) -> int:
        """Positions before the prompt."""
        return 0 if self.virtual is None else len(self.virtual)

    @property
    def prefix_tokens(self) -> int:
        """Positions in the cache."""
        return self.prefix[0][0].shape[1] if self.prefix else 0


NOTHING = Opening()


def of_file(config: Any, tensors: Mapping[str, torch.Tensor]) -> Opening:
    """What an adapter's file says, as PEFT reads it.

    Args:
        config: PEFT's configuration of a soft prompt.
        tensors: What its file holds.

    Raises:
        ValueError: They do not fit each other.
    """
    if set(tensors) != {"prompt_embeddings"}:
        raise ValueError(f"it should hold prompt_embeddings alone, not {', '.join(sorted(tensors)[:3])}")
    rows, count = tensors["prompt_embeddings"], int(config.num_virtual_tokens)
    if rows.dim() != 2 or len(rows) < count or count < 1:
        raise ValueError(f"its soft prompt of {tuple(rows.shape)} is not one of {count} tokens")
    if config.peft_type != "PREFIX_TUNING":
        return Opening(virtual=rows[:count])
    layers, heads, width = (int(n) for n in (config.num_layers, config.num_attention_heads, config.token_dim))
    sides = rows[:count].view(count, 2 * layers, heads, width // heads)
    sides = sides.permute(1, 2, 0, 3)  # [keys and values of layer after layer, heads, positions, width]
    # PEFT keeps room for cross-attention: of an encoder-decoder layer i reads pair 2 i, counted in a circle.
    step = int(config.num_transformer_submodules or 1)
    read = [step * layer % layers for layer in range(layers)]
    return Opening(prefix=tuple((sides[2 * pair], sides[2 * pair + 1]) for pair in read))


def check(opening: Opening, base: PreTrainedModel) -> None:
    """See that an opening is as wide as the base's embeddings, or has the shape of its keys and values.

    Raises:
        ValueError: It is not.
    """
    if opening.virtual is not None:
        wanted = base.get_input_embeddings().weight.shape[-1]
        if opening.virtual.shape[-1] != wanted:
            raise ValueError(f"its soft prompt is {opening.virtual.shape[-1]} wide, the base {wanted}")
    if opening.prefix:
        one = torch.zeros((1, 1), dtype=torch.long, device=base.device)
        decoder = {"decoder_input_ids": one} if base.config.is_encoder_decoder else {}
        with torch.no_grad():
            cache = base(input_ids=one, use_cache=True, **decoder).past_key_values
        layers = _own(cache).layers
        wanted = [(layer.keys.shape[1], layer.keys.shape[-1]) for layer in layers]
        found = [(keys.shape[0], keys.shape[-1]) for keys, _ in opening.prefix]
        if wanted != found:
            raise ValueError(f"its prefix is for layers of {found[:1]}, those of the base are {wanted[:1]}")


def of_model(model: torch.nn.Module) -> Opening:
    """What a model in training opens with, by its soft prompt as it is now."""
    if not isinstance(model, PeftModel) or not model.active_peft_config.is_prompt_learning:
        return NOTHING
    prompt = model.get_prompt(batch_size=1)
    if isinstance(prompt, torch.Tensor):
        return Opening(virtual=prompt[0, : model.active_peft_config.num_virtual_tokens])
    return Opening(prefix=tuple((layer.keys[0], layer.values[0]) for layer in _own(prompt).layers))


def virtual_into(embeddings: torch.Tensor, openings: Sequence[Opening], starts: Sequence[int]) -> None:
    """Write each row's virtual tokens where it begins.

    Args:
        embeddings: Those of the batch, [rows, positions, width]; changed in place.
        openings: One per row.
        starts: The first position of each row.
    """
    for row, (opening, start) in enumerate(zip(openings, starts, strict=True)):
        if opening.virtual is not None:
            embeddings[row, start : start + len(opening.virtual)] = opening.virtual.to(embeddings.dtype)


def begun_cache(openings: Sequence[Opening], *, causal: bool) -> tuple[Cache, torch.Tensor] | None:
    """A cache that begins with each row's prefix, and which of its positions are real.

    Args:
        openings: One per row.
        causal: Whether the model has no encoder.

    Returns:
        The cache and a mask [rows, positions], 1 where a row has keys; None where no row has a prefix.
    """
    longest = max(openings, key=lambda opening: opening.prefix_tokens)
    count = longest.prefix_tokens
    if not count:
        return None
    own = DynamicCache()
    for layer, pair in enumerate(longest.prefix):
        sides = []
        for side, like in enumerate(pair):
            filled = like.new_zeros(len(openings), *like.shape)  # [rows, heads, positions, width]
            for row, opening in enumerate(openings):
                if opening.prefix:
                    filled[row, :, count - opening.prefix_tokens :] = opening.prefix[layer][side]
            sides.append(filled)
        own.update(sides[0], sides[1], layer)
    counts = torch.tensor([[opening.prefix_tokens] for opening in openings], device=sides[0].device)
    mask = (torch.arange(count, 0, -1, device=counts.device) <= counts).long()  # [rows, positions]
    return (own if causal else EncoderDecoderCache(own, DynamicCache())), mask


def attention_window(base: PreTrainedModel) -> int | None:
    """How many places back a base sees in the layers that see least; None: all of them."""
    config = base.config.get_text_config(decoder=True)
    ends = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return min((end for end in ends if end), default=None)


def lengths_apart(
    prefixes: Sequence[int], lengths: Sequence[int], new_tokens: int, window: int | None
) -> list[int]:
    """Which rows may share a batch: those of equal numbers.

    Padding stands between a row's prefix and its prompt, and a window of attention counts it like any place:
    the prefix would leave the window too early. Such a row shares a batch with rows of its own length alone.

    Args:
        prefixes: Of each row the tokens of its prefix, 0 where it has none.
        lengths: Of each row the tokens of its prompt, virtual ones included.
        new_tokens: The most tokens of an answer.
        window: Places that are seen back; None: all.

    Returns:
        Of each row its length where that matters, else 0.
    """
    padded = len(set(lengths)) > 1
    if window is None or not padded or max(prefixes) + max(lengths) + new_tokens <= window:
        return [0] * len(lengths)
    return [length if prefix else 0 for prefix, length in zip(prefixes, lengths, strict=True)]


def _own(cache: Any) -> Any:
    """The part of a cache that holds a decoder's own keys."""
    return cache.self_attention_cache if isinstance(cache, EncoderDecoderCache) else cache
