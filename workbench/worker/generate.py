"""The decode loop: prompt ids in, tokens out step by step, greedy or sampled; and tokens back to text.

It does not know adapters: a `Voice` from the bank stands for the model, whatever is switched on in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.generation import logits_process as rules
from transformers.modeling_outputs import BaseModelOutput

from store.errors import BadInput
from store.models import Model
from workbench.composing.masking import Codec, prompt_ids
from workbench.composing.template import Example
from workbench.link import Sampling

Events = list[tuple[int, int | None]]  # (row, token); None: this row has ended


@dataclass(frozen=True)
class Voice:
    """The two calls that stand for the model while certain adapters are on.

    Attributes:
        prefill: The forward pass over whole prompts.
        step: The forward pass over one further token per row.
        virtual_tokens: How many positions `prefill` puts before each causal prompt (soft prompts).
    """

    prefill: Callable[..., Any]
    step: Callable[..., Any]
    virtual_tokens: int = 0


@dataclass
class _State:
    """What one step hands to the next."""

    logits: torch.Tensor  # (rows, vocabulary), of the next token
    ids: torch.Tensor  # (rows, tokens so far), as the model's own rules of generation see them
    mask: (
        torch.Tensor
    )  # (rows, positions) of the prompt side: all of a causal row, the encoder's of a seq2seq one
    cache: Any
    hidden: torch.Tensor | None  # (rows, positions, width): the encoder's output


class Decoder:
    """Decodes with one loaded base model; what is fixed for its life is read off it once.

    Args:
        model: The base, which adapters may lie over.
        record: Its record.
        codec: How its tokenizer encodes.
        in_training: Gradients will pass through the model after this.
    """

    def __init__(
        self, model: PreTrainedModel, record: Model, codec: Codec, *, in_training: bool = False
    ) -> None:
        # What a module keeps of an inference pass may not come near a gradient: training takes another mode.
        self._without_gradients = torch.no_grad if in_training else torch.inference_mode
        self.causal = record.family == "causal"
        # Relative positions have no end; elsewhere the record says how many there are.
        relative = hasattr(model.config, "relative_attention_num_buckets")
        self.limit = None if relative else record.max_length
        self.codec = codec
        self._device = model.device
        self._config: GenerationConfig = model.generation_config
        self._start = _start_token(model) if not self.causal else codec.pad
        self._ends = frozenset(_listed(self._config.eos_token_id)) | codec.stops
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        self._keeps_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}

    def encode(self, prompt: str | Example, *, cut_for: int | None = None) -> list[int]:
        """The ids that the model is shown for a prompt: the same as in training.

        Args:
            prompt: An example, or a text as a person types it.
            cut_for: Cut a prompt that is too long, leaving room for so many new tokens where it is needed.

        Raises:
            BadInput: There are none, or they leave the model no room to answer.
        """
        most = self.limit
        if most is not None and cut_for is not None and self.causal:
            most = max(most - cut_for, most // 2)
        ids = prompt_ids(prompt, self.codec, None if cut_for is None else most)
        if not ids:
            raise BadInput("the prompt is empty", "give the model something to go on")
        room = None if self.limit is None else self.limit - self.causal
        if room is not None and len(ids) > room:
            raise BadInput(
                f"the prompt has {len(ids):,} tokens, the model takes {room:,}", "shorten the prompt"
            )
        return ids

    def decode(self, voice: Voice, prompts: Sequence[Sequence[int]], sampling: Sampling) -> Iterator[Events]:
        """Decode a batch to its end; closing the iterator stops it.

        Args:
            voice: The model with its adapters on.
            prompts: One list of ids per row; of one length where the adapter allows no padding.
            sampling: Every row draws from a generator of its own with this seed.

        Yields:
            After each step the token of every row still speaking; a row that ends says so with None.

        Raises:
            BadInput: The scores are not numbers: the weights in use overflow.
        """
        with self._without_gradients():
            state = self._prefill(voice, prompts)
        choose = _chooser(sampling, len(prompts))
        process = self._processors(sampling.max_new_tokens, state.ids.shape[1])
        longest = [self._allowance(len(prompt) + voice.virtual_tokens, sampling) for prompt in prompts]
        speaking = set(range(len(prompts)))
        for count in range(1, sampling.max_new_tokens + 1):
            if bool(torch.isnan(state.logits).any()):
                raise BadInput(
                    "the model's scores are not numbers", "train the adapter again with a lower learning rate"
                )
            tokens = choose(process(state.ids, state.logits.float()))  # (rows,)
            events: Events = []
            chosen = tokens.tolist()
            for row in sorted(speaking):
                token = chosen[row]
                if token not in self._ends:
                    events.append((row, token))
                if token in self._ends or count >= longest[row]:
                    events.append((row, None))
                    speaking.discard(row)
            yield events
            if not speaking:
                return
            # Not around the loop: the mode would hold for the consumer too while this waits.
            with self._without_gradients():
                self._step(voice, state, tokens.to(self._device))

    def _prefill(self, voice: Voice, prompts: Sequence[Sequence[int]]) -> _State:
        width = max(len(prompt) for prompt in prompts)
        pads = [[self.codec.pad] * (width - len(prompt)) for prompt in prompts]
        holes = [[0] * len(pad) for pad in pads]
        ones = [[1] * len(prompt) for prompt in prompts]
        if self.causal:
            # Padding stands left: the next token then follows each row's last one directly.
            ids = self._tensor([pad + list(prompt) for pad, prompt in zip(pads, prompts, strict=True)])
            mask = self._tensor([hole + one for hole, one in zip(holes, ones, strict=True)])
            out = voice.prefill(
                input_ids=ids, attention_mask=mask, use_cache=True, **self._keeps_last, **self._places(mask)
            )
            return _State(
                out.logits[:, -1], ids, _widened(mask, voice.virtual_tokens), out.past_key_values, None
            )
        ids = self._tensor([list(prompt) + pad for pad, prompt in zip(pads, prompts, strict=True)])
        mask = self._tensor([one + hole for hole, one in zip(holes, ones, strict=True)])
        started = torch.full((len(prompts), 1), self._start, device=self._device)
        out = voice.prefill(input_ids=ids, attention_mask=mask, decoder_input_ids=started, use_cache=True)
        hidden = out.encoder_last_hidden_state
        mask = _widened(mask, hidden.shape[1] - width)
        return _State(out.logits[:, -1], started, mask, out.past_key_values, hidden)

    def _step(self, voice: Voice, state: _State, tokens: torch.Tensor) -> None:
        """Feed one token per row; rows that have ended are fed too, their answers are dropped."""
        state.ids = torch.cat((state.ids, tokens[:, None]), dim=1)
        if state.hidden is None:
            state.mask = torch.cat((state.mask, state.mask.new_ones(len(tokens), 1)), dim=1)
            places = {name: value[:, -1:] for name, value in self._places(state.mask).items()}
            out = voice.step(
                input_ids=tokens[:, None],
                attention_mask=state.mask,
                past_key_values=state.cache,
                use_cache=True,
                **places,
            )
        else:
            out = voice.step(
                encoder_outputs=BaseModelOutput(last_hidden_state=state.hidden),
                attention_mask=state.mask,
                decoder_input_ids=tokens[:, None],
                past_key_values=state.cache,
                use_cache=True,
            )
        state.logits, state.cache = out.logits[:, -1], out.past_key_values

    def _places(self, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Position ids that skip the padding; without padding the model counts them itself."""
        if not self._takes_positions or bool(mask.all()):
            return {}
        return {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}  # (rows, positions)

    def _allowance(self, used: int, sampling: Sampling) -> int:
        """How many tokens a row may speak before the model runs out of positions."""
        if self.limit is None:
            return sampling.max_new_tokens
        return min(sampling.max_new_tokens, self.limit - (used if self.causal else 1))

    def _processors(self, new_tokens: int, prompt_tokens: int) -> rules.LogitsProcessorList:
        """The deterministic rules of the model's own generation config, as `generate` applies them."""
        config, ends = self._config, sorted(self._ends)
        made = {
            "repetition_penalty": lambda value: rules.RepetitionPenaltyLogitsProcessor(value),
            "no_repeat_ngram_size": lambda value: rules.NoRepeatNGramLogitsProcessor(value),
            "bad_words_ids": lambda value: rules.NoBadWordsLogitsProcessor(value, ends),
            "min_length": lambda value: rules.MinLengthLogitsProcessor(value, ends, self._device),
            "forced_bos_token_id": lambda value: rules.ForcedBOSTokenLogitsProcessor(value),
            "forced_eos_token_id": lambda value: rules.ForcedEOSTokenLogitsProcessor(
                prompt_tokens + new_tokens, value, self._device
            ),
            "suppress_tokens": lambda value: rules.SuppressTokensLogitsProcessor(value, self._device),
            "begin_suppress_tokens": lambda value: rules.SuppressTokensAtBeginLogitsProcessor(
                value, prompt_tokens, self._device
            ),
        }
        set_here = {name: getattr(config, name, None) for name in made}
        neutral = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "min_length": 0}
        return rules.LogitsProcessorList(
            make(set_here[name])
            for name, make in made.items()
            if set_here[name] is not None and set_here[name] != neutral.get(name)
        )

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, dtype=torch.long, device=self._device)


class TextStream:
    """Turns the tokens of one row into text as they come, never sending half a character."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.ids: list[int] = []
        self._from = 0  # start of the window that is decoded
        self._sent = 0  # end of the part of the window that has been sent

    def push(self, token: int) -> str:
        """Take a token; return the text that is now certain, often none."""
        self.ids.append(token)
        return self._advance(whole=False)

    def rest(self) -> str:
        """The end of the text, with whatever was held back."""
        return self._advance(whole=True)

    def text(self) -> str:
        """The whole text, as decoding all the tokens at once gives it."""
        return _text(self._tokenizer, self.ids)

    def _advance(self, *, whole: bool) -> str:
        # Decoding starts one piece back: a token's leading blank shows only after another token.
        before = _text(self._tokenizer, self.ids[self._from : self._sent])
        after = _text(self._tokenizer, self.ids[self._from :])
        if len(after) <= len(before) or (after.endswith("\ufffd") and not whole):
            return ""
        self._from, self._sent = self._sent, len(self.ids)
        return after[len(before) :]


def batches(prompts: Sequence[Sequence[int]], size: int, *, pads: bool) -> Iterator[list[int]]:
    """Which prompts to decode together: indexes in order, of one length where padding is no option."""
    batch: list[int] = []
    for index, prompt in enumerate(prompts):
        fits = pads or not batch or len(prompts[batch[0]]) == len(prompt)
        if batch and (len(batch) == size or not fits):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _chooser(sampling: Sampling, rows: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """How the next token of every row is chosen from scores (rows, vocabulary)."""
    if sampling.temperature == 0:
        return lambda scores: scores.argmax(dim=-1)
    generators = [torch.Generator().manual_seed(sampling.seed) for _ in range(rows)]

    def draw(scores: torch.Tensor) -> torch.Tensor:
        chances = torch.softmax(scores.cpu() / sampling.temperature, dim=-1)
        if sampling.top_p < 1:
            chances = _nucleus(chances, sampling.top_p)
        drawn = [
            torch.multinomial(row, 1, generator=own) for row, own in zip(chances, generators, strict=True)
        ]
        return torch.cat(drawn)

    return draw


def _nucleus(chances: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens whose chances add up to `top_p` (Holtzman et al. 2020, section 3.1)."""
    ordered, order = chances.sort(dim=-1, descending=True)
    kept = ordered.cumsum(dim=-1) - ordered < top_p  # the token that crosses the line stays
    return torch.zeros_like(chances).scatter(-1, order, ordered * kept)


def _widened(mask: torch.Tensor, virtual: int) -> torch.Tensor:
    return torch.cat((mask.new_ones(len(mask), virtual), mask), dim=1) if virtual else mask


def _start_token(model: PreTrainedModel) -> int:
    for config in (model.generation_config, model.config):
        start = getattr(config, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    raise BadInput(
        "the model's config names no decoder_start_token_id",
        "add it to the config.json and add the model again",
    )


def _text(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _listed(value: int | list[int] | None) -> list[int]:
    return [] if value is None else value if isinstance(value, list) else [value]
