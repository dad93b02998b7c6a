"""The shipped model: small, safetensors only, read by plain transformers, and worth asking."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from workbench.starter import DEMO_DATASET, DEMO_TEMPLATE, EXAMPLE_PROMPTS, FOLDER, generator, instructions
from workbench.starter.tokenizer import build_tokenizer

MODEL = FOLDER / "model"
TOKENIZER_SEED = 7


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForSeq2SeqLM

    return AutoModelForSeq2SeqLM.from_pretrained(MODEL, trust_remote_code=False).eval()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(MODEL, trust_remote_code=False)


def answers(model: Any, tokenizer: Any, prompts: list[str]) -> list[str]:
    """Greedy answers of the base, in one batch."""
    batch = tokenizer(prompts, padding=True, return_tensors="pt")
    generated = model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, do_sample=False, max_new_tokens=48
    )
    return list(tokenizer.batch_decode(generated, skip_special_tokens=True))


def test_the_weights_are_safetensors_of_at_most_eight_megabytes() -> None:
    suffixes = {path.suffix for path in MODEL.iterdir()}
    assert suffixes == {".json", ".safetensors"}
    assert sum(path.stat().st_size for path in MODEL.glob("*.safetensors")) <= 8_000_000


def test_the_base_answers_its_own_instructions_on_rows_it_never_saw(model: Any, tokenizer: Any) -> None:
    pairs = [pair for known in instructions.tuned() for pair in instructions.held_out(*known)[:4]]
    given = answers(model, tokenizer, [prompt for prompt, _ in pairs])
    right = sum(answer == wanted for answer, (_, wanted) in zip(given, pairs, strict=True))
    assert right / len(pairs) >= 0.85


def test_the_base_does_not_summarise_dialogues_yet(model: Any, tokenizer: Any) -> None:
    pairs = instructions.held_out(DEMO_DATASET, instructions.read_template(DEMO_TEMPLATE))[:24]
    given = answers(model, tokenizer, [prompt for prompt, _ in pairs])
    assert not [answer for answer, (_, wanted) in zip(given, pairs, strict=True) if answer == wanted]


def test_the_base_answers_the_examples_shown_to_a_newcomer(model: Any, tokenizer: Any) -> None:
    assert answers(model, tokenizer, list(EXAMPLE_PROMPTS)) == [
        "tool",
        "positive",
        "Mia is looking for her keys.",
        "Tom will go swimming at the lake on Sunday.",
        "in the forest",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Mia: Hi Tom!\nTom: I can't, it's 7.30.",
        'A "quote", a\ttab, {braces} and <tags>.',
        "two\n\nparagraphs\n",
        "naïve café, Ελλάδα, 日本, 🙂",
    ],
)
def test_any_text_comes_back_from_its_tokens_unchanged(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_the_shipped_tokenizer_is_what_the_generated_text_makes() -> None:
    made = build_tokenizer(instructions.sample_texts(TOKENIZER_SEED))
    assert Tokenizer.from_file(str(MODEL / "tokenizer.json")).get_vocab() == made.get_vocab()


def test_every_word_of_the_data_is_one_token(tokenizer: Any) -> None:
    texts = [
        text
        for name in generator.SIZES
        for row in generator.splits(name)["test"]
        for column, text in row.items()
        if column != "id"
    ]
    words = {word for text in texts for word in re.findall("[A-Za-z]{2,}", text)}
    assert not [word for word in words if len(tokenizer.tokenize(word)) > 1]


def test_the_folder_names_no_code_to_run() -> None:
    assert "auto_map" not in (MODEL / "config.json").read_text("utf-8")
    assert not list(Path(MODEL).glob("*.py"))
