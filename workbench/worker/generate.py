"""The decode loop: prompt ids in, tokens out step by step, greedy or sampled.

It does not know adapters: a `Voice` from the bank stands for the model, whatever is switched on in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel
from transformers.generation import logits_process as rules
from transformers.modeling_outputs import BaseModelOutput

from store.errors import BadInput
from store.models import Model
from workbench.composing.masking import Codec, prompt_ids
from workbench.composing.template import Example
from workbench.link import Sampling
from workbench.worker.openings import NOTHING, Opening, begun_cache, virtual_into

_COLDEST = 1e-6  # a temperature below leaves the likeliest token alone, and is no number to divide by


@dataclass(frozen=True)
class Voice:
    """What stands for the model while certain adapters are on.

    Attributes:
        forward: Its forward pass.
        openings: What each row begins with; none: no row begins with anything.
    """

    forward: Callable[..., Any]
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class Said:
    """What one row did in one step.

    Attributes:
        row: Its number in the batch.
        token: What it said; None: it has ended.
        broken: It has ended because its scores are not numbers: the weights in use overflow.
        chance: The token's probability by the model alone, before any temperature; None unless asked for.
        top: The likeliest tokens with their probabilities, as many as asked for.
    """

    row: int
    token: int | None
    chance: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    broken: bool = False


@dataclass
class _State:
    """What one step hands to the next."""

    logits: torch.Tensor  # (rows, vocabulary), of the next token
    ids: torch.Tensor  # (rows, tokens so far), as the model's own rules of generation see them
    mask: torch.Tensor  # (rows, positions): all of a causal row, the encoder's of a seq2seq one
    cache: Any
    hidden: torch.Tensor | None = None  # (rows, positions, width): the encoder's output
    own_mask: torch.Tensor | None = None  # (rows, positions) of the decoder, where a row begins with keys


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
        self._embed = model.get_input_embeddings()
        self._known = len(self._embed.weight)  # a tokenizer may have more tokens
        self._pad = codec.pad if codec.pad < self._known else 0  # never looked at
        self._config: GenerationConfig = model.generation_config
        self._start = _start_token(model) if not self.causal else codec.pad
        self._ends = frozenset(_listed(self._config.eos_token_id)) | codec.stops
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        self._keeps_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self.scores_all = self.causal and not self._keeps_last  # at every position of a prompt

    def encode(self, prompt: str | Example, *, cut_for: int | None = None) -> list[int]:
        """The ids that the model is shown for a prompt: the same as in training.

        Args:
            prompt: An example, or a text as a person types it.
            cut_for: Cut a prompt that is too long, leaving room for so many new tokens where it is needed.

        Raises:
            BadInput: What `checked` refuses.
        """
        most = self.limit
        if most is not None and cut_for is not None and self.causal:
            most = max(most - cut_for, most // 2)
        return self.checked(prompt_ids(prompt, self.codec, None if cut_for is None else most))

    def checked(self, ids: list[int]) -> list[int]:
        """Give a prompt's ids back if the model can be shown them.

        Raises:
            BadInput: There are none, it does not know one, or they leave the model no room to answer.
        """
        if not ids:
            raise BadInput("the prompt is empty", "give the model something to go on")
        if max(ids) >= self._known:
            raise BadInput(
                f"the prompt has token {max(ids)}, the model knows {self._known:,}",
                "leave that special token out",
            )
        room = None if self.limit is None else self.limit - self.causal
        if room is not None and len(ids) > room:
            raise BadInput(
                f"the prompt has {len(ids):,} tokens, the model takes {room:,}", "shorten the prompt"
            )
        return ids

    def decode(
        self,
        voice: Voice,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        seeds: Sequence[int] | None = None,
    ) -> Iterator[list[Said]]:
        """Decode a batch to its end; closing the iterator stops it.

        Args:
            voice: The model with its adapters on.
            prompts: One list of ids per row.
            sampling: Every row draws from a generator of its own with this seed.
            seeds: One per row, in the place of that one.

        Yields:
            After each step the token of every row still speaking; a row that ends says so with None.

        Raises:
            BadInput: There is no room.
        """
        openings = voice.openings or (NOTHING,) * len(prompts)
        used = [
            len(prompt) + opening.virtual_tokens + opening.prefix_tokens
            for prompt, opening in zip(prompts, openings, strict=True)
        ]
        if self.causal and self.limit is not None and max(used) >= self.limit:
            raise BadInput(
                f"prompt and soft prompt have {max(used):,} tokens, the model takes {self.limit - 1:,}",
                "shorten the prompt",
            )
        with self._without_gradients():
            state = self._prefill(voice, prompts, openings)
        choose = _chooser(sampling, seeds or [sampling.seed] * len(prompts))
        process = self._processors(sampling.max_new_tokens, state.ids.shape[1])
        longest = [self._allowance(count, sampling) for count in used]
        speaking = set(range(len(prompts)))
        for count in range(1, sampling.max_new_tokens + 1):
            broken = _quieten(state) & speaking
            speaking -= broken
            said = [Said(row, None, broken=True) for row in sorted(broken)]
            tokens = choose(process(state.ids, state.logits.float()))  # (rows,)
            chosen = tokens.tolist()
            chances = _chances(state.logits, tokens, sampling.alternatives)
            for row in sorted(speaking):
                token = chosen[row]
                if token not in self._ends:
                    said.append(Said(row, token, *chances[row]) if chances else Said(row, token))
                if token in self._ends or count >= longest[row]:
                    said.append(Said(row, None))
                    speaking.discard(row)
            yield said
            if not speaking:
                return
            # Not around the loop: the mode would hold for the consumer too while this waits.
            with self._without_gradients():
                self._step(voice, state, tokens.to(self._device))

    def _prefill(self, voice: Voice, prompts: Sequence[Sequence[int]], openings: Sequence[Opening]) -> _State:
        lengths = [
            len(prompt) + opening.virtual_tokens for prompt, opening in zip(prompts, openings, strict=True)
        ]
        width = max(lengths)
        # Padding stands left of what is continued: the next token then follows each row's last one directly.
        starts = [width - length if self.causal else 0 for length in lengths]
        mask = self._tensor(
            [
                [0] * start + [1] * length + [0] * (width - start - length)
                for start, length in zip(starts, lengths, strict=True)
            ]
        )
        shown = self._shown(prompts, openings, starts, width)
        begun = begun_cache(openings, causal=self.causal)
        cache, kept = begun or (None, None)
        if self.causal:
            mask = mask if kept is None else torch.cat((kept, mask), dim=1)
            out = voice.forward(
                **shown,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
                **self._keeps_last,
                **self._places(mask, width),
            )
            return _State(out.logits[:, -1], self._padded(prompts), mask, out.past_key_values)
        started = torch.full((len(prompts), 1), self._start, device=self._device)
        own_mask = None if kept is None else torch.cat((kept, torch.ones_like(started)), dim=1)
        out = voice.forward(
            **shown,
            attention_mask=mask,
            decoder_input_ids=started,
            decoder_attention_mask=own_mask,
            past_key_values=cache,
            use_cache=True,
        )
        hidden = out.encoder_last_hidden_state
        return _State(out.logits[:, -1], started, mask, out.past_key_values, hidden, own_mask)

    def _shown(
        self,
        prompts: Sequence[Sequence[int]],
        openings: Sequence[Opening],
        starts: Sequence[int],
        width: int,
    ) -> dict[str, torch.Tensor]:
        """What the first pass reads: ids (rows, positions), or their embeddings where a row has others."""
        rows = []
        for prompt, opening, start in zip(prompts, openings, starts, strict=True):
            row = [self._pad] * (start + opening.virtual_tokens) + list(prompt)
            rows.append(row + [self._pad] * (width - len(row)))
        ids = self._tensor(rows)
        if not any(opening.virtual_tokens for opening in openings):
            return {"input_ids": ids}
        embeddings = self._embed(ids).clone()  # (rows, positions, width)
        virtual_into(embeddings, openings, starts)
        return {"inputs_embeds": embeddings}

    def _step(self, voice: Voice, state: _State, tokens: torch.Tensor) -> None:
        """Feed one token per row; rows that have ended are fed too, their answers are dropped."""
        state.ids = torch.cat((state.ids, tokens[:, None]), dim=1)
        if state.hidden is None:
            state.mask = _longer(state.mask)
            out = voice.forward(
                input_ids=tokens[:, None],
                attention_mask=state.mask,
                past_key_values=state.cache,
                use_cache=True,
                **self._places(state.mask, 1),
            )
        else:
            state.own_mask = None if state.own_mask is None else _longer(state.own_mask)
            out = voice.forward(
                encoder_outputs=BaseModelOutput(last_hidden_state=state.hidden),
                attention_mask=state.mask,
                decoder_input_ids=tokens[:, None],
                decoder_attention_mask=state.own_mask,
                past_key_values=state.cache,
                use_cache=True,
            )
        state.logits, state.cache = out.logits[:, -1], out.past_key_values

    def _places(self, mask: torch.Tensor, count: int) -> dict[str, torch.Tensor]:
        """Position ids of the last positions; they skip padding. Without any the model counts by itself."""
        if not self._takes_positions or bool(mask.all()):
            return {}
        return {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)[:, -count:]}  # (rows, count)

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

    def _padded(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Prompts as the model's rules of generation see them, (rows, tokens): without what is virtual."""
        width = max(len(prompt) for prompt in prompts)
        return self._tensor([[self._pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, dtype=torch.long, device=self._device)


def _quieten(state: _State) -> set[int]:
    """Give rows whose scores are not numbers equal ones: what they say is dropped, others go on.

    Returns:
        Those rows.
    """
    sound = torch.isfinite(state.logits.amax(dim=-1))  # (rows,); the largest tells of any that is none
    if bool(sound.all()):
        return set()
    state.logits = state.logits.masked_fill(~sound[:, None], 0)
    return {row for row, fine in enumerate(sound.tolist()) if not fine}


def _chooser(sampling: Sampling, seeds: Sequence[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """How the next token of every row is chosen from scores (rows, vocabulary)."""
    if sampling.temperature < _COLDEST:
        return lambda scores: scores.argmax(dim=-1)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(scores: torch.Tensor) -> torch.Tensor:
        scores = scores.cpu()
        # None above zero: divided, what is large would have no end.
        scores = (scores - scores.amax(dim=-1, keepdim=True)) / sampling.temperature
        chances = torch.softmax(scores, dim=-1)
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


def _chances(
    logits: torch.Tensor, tokens: torch.Tensor, count: int
) -> list[tuple[float, tuple[tuple[int, float], ...]]]:
    """For each row the chosen token's probability and the likeliest tokens; nothing where none are asked."""
    if count < 1:
        return []
    chances = torch.softmax(logits.float(), dim=-1)  # (rows, vocabulary)
    own = chances.gather(-1, tokens.to(chances.device)[:, None])[:, 0].tolist()
    top = chances.topk(min(count, chances.shape[-1]))
    likeliest = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [(chance, tuple(zip(*pair, strict=True))) for chance, pair in zip(own, likeliest, strict=True)]


def _longer(mask: torch.Tensor) -> torch.Tensor:
    """A mask with one more position, which every row sees."""
    return torch.cat((mask, mask.new_ones(len(mask), 1)), dim=1)


def _start_token(model: PreTrainedModel) -> int:
    for config in (model.generation_config, model.config):
        start = getattr(config, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    raise BadInput(
        "the model's config names no decoder_start_token_id",
        "add it to the config.json and add the model again",
    )


def _listed(value: int | list[int] | None) -> list[int]:
    return [] if value is None else value if isinstance(value, list) else [value]
