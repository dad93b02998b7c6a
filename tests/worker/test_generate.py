"""Decoding: equal to transformers' own, stopped where it must stop, and streamed in whole characters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from store import Store
from store.errors import BadInput
from workbench.composing.masking import load_codec
from workbench.link import Sampling
from workbench.worker.generate import Decoder, Said, Voice
from workbench.worker.loading import load_model, load_tokenizer
from workbench.worker.streaming import TextStream

PROMPTS = (
    "Anna: Do you bring bread?",
    "Question: What does Ben bring? Answer:",
    "Summarise this dialogue in one sentence: Anna and Ben meet.",
)
GREEDY = Sampling(max_new_tokens=16)


class Base:
    """A tiny base with its decoder, and shortcuts to both ways of decoding."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.record = store.models.add(str(folder), name="tiny")
        self.model = load_model(self.record)
        self.codec = load_codec(self.record.path, self.record.family)
        self.decoder = Decoder(self.model, self.record, self.codec)
        self.voice = Voice(self.model)

    def ours(self, prompts: list[list[int]], sampling: Sampling = GREEDY) -> list[list[int]]:
        rows: list[list[int]] = [[] for _ in prompts]
        for step in self.decoder.decode(self.voice, prompts, sampling):
            for said in step:
                if said.token is not None:
                    rows[said.row].append(said.token)
        return rows

    def theirs(self, ids: list[int], **options: Any) -> list[int]:
        prompt = torch.tensor([ids])
        made = self.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=16,
            do_sample=False,
            **options,
        )
        spoken = made[0, 1:] if self.record.family == "seq2seq" else made[0, len(ids) :]
        ended: list[int] = spoken.tolist()
        return ended[: ended.index(2)] if 2 in ended else ended


@pytest.fixture(params=["causal", "seq2seq"])
def base(request: pytest.FixtureRequest, store: Store) -> Base:
    return Base(store, request.getfixturevalue(f"tiny_{request.param}"))


@pytest.fixture
def causal(store: Store, tiny_causal: Path) -> Base:
    return Base(store, tiny_causal)


def test_greedy_tokens_equal_transformers_own(base: Base) -> None:
    for prompt in PROMPTS:
        ids = base.decoder.encode(prompt)
        assert base.ours([ids]) == [base.theirs(ids)]


def test_a_row_of_a_padded_batch_speaks_as_it_does_alone(base: Base) -> None:
    prompts = [base.decoder.encode(prompt) for prompt in PROMPTS]
    assert len({len(prompt) for prompt in prompts}) > 1
    assert base.ours(prompts) == [base.theirs(prompt) for prompt in prompts]


def test_the_models_own_rules_of_generation_are_kept(base: Base) -> None:
    """A model whose config forbids repetition or words is held to it, as `generate` does."""
    ids = base.decoder.encode(PROMPTS[0])
    free = base.theirs(ids)
    config = base.model.generation_config
    config.update(no_repeat_ngram_size=2, repetition_penalty=1.3, bad_words_ids=[[free[0]]], min_length=4)
    assert base.ours([ids]) == [base.theirs(ids)] != [free]


def test_a_row_ends_at_eos_and_the_others_go_on(base: Base) -> None:
    prompts = [base.decoder.encode(prompt) for prompt in PROMPTS]
    free = base.ours(prompts)
    end = free[0][3]
    base.decoder = Decoder(base.model, base.record, dataclasses.replace(base.codec, eos=end))
    expected = [row[: row.index(end)] if end in row else row for row in free]
    assert base.ours(prompts) == expected
    assert len(expected[0]) <= 3


def test_no_more_tokens_than_asked_for(base: Base) -> None:
    ids = base.decoder.encode(PROMPTS[0])
    steps = list(base.decoder.decode(base.voice, [ids], Sampling(max_new_tokens=3)))
    assert [len(step) for step in steps] == [1, 1, 2]
    assert steps[-1][-1] == Said(0, None)


def test_a_causal_answer_stops_at_the_models_last_position(causal: Base) -> None:
    ids = causal.decoder.encode(PROMPTS[2])
    causal.decoder.limit = len(ids) + 5
    assert len(causal.ours([ids])[0]) == 5


def test_a_prompt_too_long_is_refused_or_cut_as_in_training(causal: Base) -> None:
    long = "bread " * 400
    with pytest.raises(BadInput, match="the model takes 255"):
        causal.decoder.encode(long)
    cut = causal.decoder.encode(long, cut_for=16)
    assert len(cut) == 256 - 16
    assert cut[-20:] == causal.codec.encode(long)[-20:]


def test_tokens_that_the_weights_do_not_know_are_refused(base: Base) -> None:
    """A tokenizer may have more of them than the model; such padding is as good as any."""
    known = base.model.get_input_embeddings().num_embeddings
    with pytest.raises(BadInput, match=f"the prompt has token {known}, the model knows {known}"):
        base.decoder.checked([5, known, 6])
    prompts = [base.decoder.encode(prompt) for prompt in PROMPTS]
    expected = base.ours(prompts)
    base.decoder = Decoder(base.model, base.record, dataclasses.replace(base.codec, pad=known))
    assert base.ours(prompts) == expected


def test_a_sampled_row_depends_on_its_seed_alone(base: Base) -> None:
    """The same seed gives the same text in whatever batch the row stands."""
    prompts = [base.decoder.encode(prompt) for prompt in PROMPTS]
    hot = Sampling(max_new_tokens=16, temperature=1.0, seed=7, top_p=0.9)
    alone = [base.ours([prompt], hot)[0] for prompt in prompts]
    assert base.ours(prompts, hot) == alone
    assert base.ours(prompts, dataclasses.replace(hot, seed=8)) != alone


def test_the_smallest_nucleus_is_greedy(base: Base) -> None:
    ids = base.decoder.encode(PROMPTS[0])
    assert base.ours([ids], Sampling(16, temperature=1.0, top_p=1e-6)) == base.ours([ids])


@pytest.mark.parametrize("temperature", [1e-45, 1e-38, 1e-7])
def test_a_temperature_of_almost_nothing_is_greedy(base: Base, temperature: float) -> None:
    ids = base.decoder.encode(PROMPTS[0])
    assert base.ours([ids], Sampling(16, temperature=temperature)) == base.ours([ids])


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_whose_scores_are_no_numbers_ends_alone(causal: Base, value: float, temperature: float) -> None:
    """Here from a token on that only one row is shown."""
    prompts = [causal.decoder.encode(prompt) for prompt in PROMPTS]
    sampling = Sampling(8, temperature=temperature)
    expected = causal.ours(prompts, sampling)
    odd = 383
    assert not any(odd in ids for ids in (*prompts, *expected))
    with torch.no_grad():
        causal.model.get_input_embeddings().weight[odd] = value
    steps = list(causal.decoder.decode(causal.voice, [*prompts, [5, odd, 6]], sampling))
    assert [said for step in steps for said in step if said.row == 3] == [Said(3, None, broken=True)]
    rows = [[said.token for step in steps for said in step if said.row == row] for row in range(3)]
    assert rows == [[*row, None] for row in expected]


def test_closing_the_iterator_stops_the_model(causal: Base) -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    causal.model.register_forward_hook(count)
    steps = causal.decoder.decode(
        causal.voice, [causal.decoder.encode(PROMPTS[0])], Sampling(max_new_tokens=100)
    )
    next(steps)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert calls == 2
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    "text", ["Grüße aus Köln: 你好, 🙂👩‍👩‍👧 — naïve", "plain words only", "  two  blanks ", "\n\nlines\n"]
)
def test_streamed_pieces_are_whole_characters_and_add_up(store: Store, tiny_causal: Path, text: str) -> None:
    tokenizer = load_tokenizer(store.models.add(str(tiny_causal)))
    stream = TextStream(tokenizer)
    pieces = [stream.push(token) for token in tokenizer(text, add_special_tokens=False).input_ids]
    pieces.append(stream.rest())
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) == stream.text() == text


def test_half_a_character_at_the_end_is_shown_as_one(store: Store, tiny_causal: Path) -> None:
    tokenizer = load_tokenizer(store.models.add(str(tiny_causal)))
    stream = TextStream(tokenizer)
    ids = tokenizer("a🙂", add_special_tokens=False).input_ids
    assert [stream.push(token) for token in ids[:-1]][1:] == [""] * (len(ids) - 2)
    assert stream.rest() == "\ufffd"


def test_sentencepiece_blanks_survive_streaming(shared_models: Path) -> None:
    """Such a tokenizer drops a text's first blank, so a token decoded alone would lose its own."""
    tokenizer = AutoTokenizer.from_pretrained(shared_models / "stories260K")
    stream = TextStream(tokenizer)
    text = "Once upon a time, there was a little girl named Lily. Ünïcode 你 too."
    pieces = [stream.push(token) for token in tokenizer(text, add_special_tokens=False).input_ids]
    assert "".join([*pieces, stream.rest()]) == stream.text()
    assert "there was a little girl" in stream.text()


def test_random_tokens_stream_to_what_decoding_them_gives(store: Store, tiny_causal: Path) -> None:
    tokenizer = load_tokenizer(store.models.add(str(tiny_causal)))
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        stream = TextStream(tokenizer)
        ids = torch.randint(0, 384, (40,), generator=generator).tolist()
        assert "".join([*(stream.push(token) for token in ids), stream.rest()]) == stream.text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_new_tokens": 0},
        {"max_new_tokens": 1.5},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"seed": -1},
        {"seed": 2**63},
        {"max_new_tokens": True},
    ],
)
def test_sampling_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        Sampling(**wrong)


def test_prompts_are_encoded_as_in_training(base: Base, plain_answer: Callable[..., list[int]]) -> None:
    ids = base.decoder.encode(PROMPTS[0])
    opening = [1] if base.record.family == "causal" and base.codec.bos is not None else []
    closing = [base.codec.eos] if base.record.family == "seq2seq" and base.codec.ends_prompt else []
    assert ids == [*opening, *base.codec.encode(PROMPTS[0]), *closing]
    assert base.ours([ids]) == [plain_answer(base.record.path, None, ids)]


def test_a_loaded_base_is_what_transformers_loads(causal: Base) -> None:
    theirs = AutoModelForCausalLM.from_pretrained(causal.record.path).state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in causal.model.state_dict().items())
