"""Rows to tensors: transformers' own ids, padding that hides no EOS, and nothing left out unsaid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from store.errors import BadInput
from store.models import Family
from store.templates import Template, Variant
from workbench.composing import masking
from workbench.composing.template import Composer
from workbench.worker.batches import TokenRows, collator, tokenise

TEXTS = (
    "Anna: Are you coming?\nBen: Yes!",
    "  two blanks, a tab\tand an umlaut: Grüße",
    "emoji 🎉 and 漢字, <s> and </s> as text",
    "",
)
TEMPLATE = Template("t", "test", (Variant("only", "{{ a }}:", "{{ b }}"),), separator="")


def no_check() -> None:
    """Nobody asks to stop."""


def make_codec(family: Family = "causal", encode: Callable[[str], list[int]] | None = None) -> masking.Codec:
    """One id for each character; EOS and padding are the same id."""
    return masking.Codec(encode or (lambda text: [ord(letter) for letter in text]), None, 2, 2, family)


@pytest.mark.parametrize("name", ["stories260K", "aren-transliteration"])
def test_the_light_tokenizer_gives_transformers_ids(shared_models: Path, name: str) -> None:
    """Training encodes without transformers; users generate with it."""
    family: Family = "causal" if name == "stories260K" else "seq2seq"
    agree(shared_models / name, family)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_the_light_tokenizer_agrees_on_made_models(
    tiny_causal: Path, tiny_seq2seq: Path, family: Family
) -> None:
    """Also where no real model is at hand."""
    agree(tiny_causal if family == "causal" else tiny_seq2seq, family)


def agree(folder: Path, family: Family) -> None:
    """Both encode and mask every text alike."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    light = masking.load_codec(folder, family)
    assert light.eos == tokenizer.eos_token_id
    for text in TEXTS:
        assert light.encode(text) == tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = masking.prompt_ids(TEXTS[0], light)
    if family == "seq2seq" or tokenizer(TEXTS[0])["input_ids"][-1] != tokenizer.eos_token_id:
        assert whole == tokenizer(TEXTS[0])["input_ids"]


def test_rows_come_back_as_they_were_masked(tmp_path: Path) -> None:
    """Prompt ignored, completion and EOS learned; read from a file that nobody sees."""
    rows = tokenise(
        [{"a": "x", "b": "yz"}, {"a": "longer", "b": "w"}],
        Composer(TEMPLATE, 0),
        make_codec(),
        max_length=64,
        folder=tmp_path,
        check=no_check,
    )
    assert list(tmp_path.iterdir()) == []
    assert rows[0]["input_ids"].tolist() == [ord("x"), ord(":"), ord("y"), ord("z"), 2]
    assert rows[0]["labels"].tolist() == [-100, -100, ord("y"), ord("z"), 2]
    assert (len(rows), len(rows[1]["input_ids"])) == (2, 9)


def test_many_rows_pass_through_the_file(tmp_path: Path) -> None:
    """Two million numbers, written in pieces, in order."""
    rows = TokenRows(tmp_path)
    for number in range(20_000):
        rows.add([number] * 50, [number, *[-100] * 49])
    rows.close()
    assert len(rows) == 20_000
    for number in (0, 1, 10_485, 10_486, 19_999):
        assert rows[number]["input_ids"].tolist() == [number] * 50
        assert rows[number]["labels"].tolist() == [number] + [-100] * 49


def test_rows_that_teach_nothing_are_left_out_and_told(tmp_path: Path) -> None:
    """Counted, with the number and the reason of the first few."""
    rows = tokenise(
        [{"a": "x", "b": "y"}, {"a": "x", "b": " "}, {"b": "y"}],
        Composer(TEMPLATE, 0),
        make_codec(),
        max_length=64,
        folder=tmp_path,
        check=no_check,
    )
    assert (len(rows), rows.skipped) == (1, 2)
    assert rows.reasons[0].startswith("row 1: ") and rows.reasons[1].startswith("row 2: ")


def test_a_split_that_teaches_nothing_is_refused(tmp_path: Path) -> None:
    """With the reason of the last row."""
    with pytest.raises(BadInput, match=r"no row can be trained on \(.*empty"):
        tokenise(
            [{"a": "x", "b": ""}],
            Composer(TEMPLATE, 0),
            make_codec(),
            max_length=64,
            folder=tmp_path,
            check=no_check,
        )


def test_padding_is_ignored_and_the_end_is_learned_though_both_are_one_id() -> None:
    """The mask and the labels go by place."""
    rows = [
        {"input_ids": torch.tensor([5, 6, 2]), "labels": torch.tensor([-100, 6, 2])},
        {"input_ids": torch.tensor([7]), "labels": torch.tensor([7])},
    ]
    batch = collator(2)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 2], [7, 2, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 2], [7, -100, -100]]
    assert collator(2, multiple_of=8)(rows)["input_ids"].shape == (2, 8)


@pytest.mark.parametrize("multiple_of", [1, 8])
def test_a_batch_is_what_the_preview_shows_of_it(multiple_of: int) -> None:
    """`masking.collate`, which no torch is needed for, fills the same places with the same ids."""
    rows = [([5, 6, 2], [-100, 6, 2]), ([7], [7]), (list(range(9)), [-100] * 4)]
    tensors = [{"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)} for ids, labels in rows]
    expected, batch = (
        masking.collate(rows, 3, multiple_of=multiple_of),
        collator(3, multiple_of=multiple_of)(tensors),
    )
    for name in ("input_ids", "attention_mask", "labels"):
        assert batch[name].tolist() == getattr(expected, name)


def test_shapes_follow_the_longest_row_of_each_side(tmp_path: Path) -> None:
    """An encoder's prompt and a decoder's completion are padded apart."""
    rows = tokenise(
        [{"a": "abc", "b": "y"}, {"a": "x", "b": "12345"}],
        Composer(TEMPLATE, 0),
        make_codec("seq2seq"),
        max_length=64,
        folder=tmp_path,
        check=no_check,
    )
    batch = collator(0)([rows[0], rows[1]])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, len("abc:") + 1)
    assert batch["labels"].shape == (2, len("12345") + 1)
