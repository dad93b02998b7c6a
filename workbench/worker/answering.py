"""Answers of a model in the middle of its training: greedy, batched, with its adapter as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from store.models import Model
from workbench.composing.masking import Codec, prompt_ids
from workbench.composing.template import Example
from workbench.link import Sampling
from workbench.worker.failures import not_numbers
from workbench.worker.generate import Decoder, Voice
from workbench.worker.loading import load_tokenizer
from workbench.worker.openings import NOTHING, Opening, attention_window, lengths_apart, of_model
from workbench.worker.streaming import TextStream

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
        self._base = base
        self._window = attention_window(base)
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
        with torch.no_grad():
            opening = of_model(model)
        # A soft prompt stands in the opening: PEFT's wrapper would put it in again, at every step.
        forward = model if opening is NOTHING else self._base
        texts: dict[int, str] = {}
        for rows in self._batches(opening, questions):
            prompts = [questions[row].ids for row in rows]
            said = self._batch(Voice(forward, (opening,) * len(rows)), prompts)
            texts.update(zip(rows, said, strict=True))
        return [texts[row] for row in range(len(questions))]

    def _batches(self, opening: Opening, questions: Sequence[Question]) -> Iterator[list[int]]:
        """The numbers of questions that are answered together."""
        lengths = [len(question.ids) + opening.virtual_tokens for question in questions]
        prefixes = [opening.prefix_tokens] * len(questions)
        apart = lengths_apart(prefixes, lengths, self._limits.new_tokens, self._window)
        together: dict[int, list[int]] = {}
        for row, length in enumerate(apart):
            together.setdefault(length, []).append(row)
        size = self._limits.batch_size
        for group in together.values():
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _batch(self, voice: Voice, prompts: Sequence[tuple[int, ...]]) -> list[str]:
        streams = [TextStream(self._tokenizer) for _ in prompts]
        for step in self._decoder.decode(voice, prompts, Sampling(self._limits.new_tokens)):
            self._check()
            for said in step:
                if said.broken:
                    raise not_numbers()
                if said.token is not None:
                    streams[said.row].push(said.token)
        return [stream.text() for stream in streams]


def _shown(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n…\n{text[-half:]}"
