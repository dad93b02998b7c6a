"""Answers of a model in the middle of its training: greedy, batched, with its adapter as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from store.models import Model
from workbench.composing.masking import Codec, prompt_ids
from workbench.composing.template import Example
from workbench.link import Sampling
from workbench.worker.generate import Decoder, TextStream, Voice, batches
from workbench.worker.loading import load_tokenizer

SHOWN_CHARACTERS = 10_000
"""Of a prompt that is kept beside its answers; a longer one loses its middle."""


@dataclass(frozen=True)
class Question:
    """One prompt as the model is shown it and as people read it, and what would be right."""

    ids: tuple[int, ...]
    prompt: str
    reference: str


@dataclass(frozen=True)
class Limits:
    """How much is spoken.

    Args:
        max_length: Most tokens of prompt and answer together; of each where an encoder reads the prompt.
        new_tokens: Most tokens of an answer.
        batch_size: Prompts decoded together.
    """

    max_length: int
    new_tokens: int
    batch_size: int


class Speaker:
    """Speaks with one base, whatever lies over it.

    Args:
        base: The loaded base; adapters may be laid over it later.
        record: Its record.
        codec: How its tokenizer encodes.
        limits: How much is spoken.
        check: Called between tokens; may raise to end.
    """

    def __init__(
        self,
        base: PreTrainedModel,
        record: Model,
        codec: Codec,
        limits: Limits,
        check: Callable[[], None],
    ) -> None:
        self._decoder = Decoder(base, record, codec, in_training=True)
        self._tokenizer = load_tokenizer(record)
        self._codec = codec
        self._limits = limits
        self._check = check

    def question(self, example: Example) -> Question:
        """Make a question of an example; its prompt is cut as in training, with room left for an answer."""
        most = self._limits.max_length
        if self._decoder.causal:
            most = max(most - self._limits.new_tokens, most // 2)
        chat = self._decoder.causal and self._codec.chat is not None
        asked = example.asked(causal=self._decoder.causal, chat=chat)
        return Question(tuple(prompt_ids(example, self._codec, most)), _shown(asked), example.completion)

    def answers(self, model: torch.nn.Module, questions: Sequence[Question]) -> list[str]:
        """Answer each question; the model is left in evaluation mode.

        Args:
            model: The model being trained, or the bare base.
            questions: What is asked.

        Raises:
            BadInput: The model's scores are not numbers.
        """
        model.eval()
        voice, pads = _voice(model, causal=self._decoder.causal)
        prompts = [question.ids for question in questions]
        texts = [""] * len(prompts)
        for batch in batches(prompts, self._limits.batch_size, pads=pads):
            streams = [TextStream(self._tokenizer) for _ in batch]
            sampling = Sampling(self._limits.new_tokens)
            for events in self._decoder.decode(voice, [prompts[row] for row in batch], sampling):
                self._check()
                for index, token in events:
                    if token is not None:
                        streams[index].push(token)
            for row, stream in zip(batch, streams, strict=True):
                texts[row] = stream.text()
        return texts


def _voice(model: torch.nn.Module, *, causal: bool) -> tuple[Voice, bool]:
    """The model's two calls, and whether prompts of different lengths may share a batch."""
    if not isinstance(model, PeftModel) or not model.active_peft_config.is_prompt_learning:
        return Voice(model, model), True
    # After the first pass the soft prompt stands in the cache: the wrapper would put it in again.
    virtual = model.active_peft_config.num_virtual_tokens if causal else 0
    return Voice(model, model.get_base_model(), virtual_tokens=virtual), not causal


def _shown(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n…\n{text[-half:]}"
