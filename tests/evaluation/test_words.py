"""Words point back into the raw text, however it was cut."""

from __future__ import annotations

import sys

import pytest
import sacrebleu

from workbench.evaluation import bleu, rouge
from workbench.evaluation.tokenizers import ENTITIES, REMOVED, tokenizer
from workbench.evaluation.words import Words, bleu_words, rouge_words

Pair = tuple[str, list[str]]
GROWS = "\u0130"
"""The one character that is two in lower case; each of the two can be a word."""


def unseen(gap: str) -> str:
    """What lies between two words, without what 13a takes out."""
    for removed in REMOVED:
        gap = gap.replace(removed, "")
    return gap.strip()


def seen(raw: str) -> str:
    """A word's raw text as 13a sees it."""
    for removed in REMOVED:
        raw = raw.replace(removed, "")
    for entity, character in ENTITIES:
        raw = raw.replace(entity, character)
    return raw


def assert_in_order(text: str, words: Words) -> None:
    end = 0
    for start, stop in zip(words.starts, words.ends, strict=True):
        assert end <= start < stop <= len(text) or text[start] == GROWS
        end = stop


@pytest.mark.parametrize("tokenize", bleu.TOKENIZERS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_words_of_bleu_are_sacrebleus_and_are_the_raw_text(
    random_pairs: list[Pair], tokenize: str, lowercase: bool
) -> None:
    cut = sacrebleu.BLEU(tokenize=tokenize).tokenizer
    for text, _ in random_pairs[:1500]:
        words = bleu_words(text, tokenize=tokenize, lowercase=lowercase)
        assert words.keys == cut((text.lower() if lowercase else text).rstrip()).split()
        assert_in_order(text, words)
        gaps = zip([0, *words.ends], [*words.starts, len(text)], strict=True)
        assert not any(unseen(text[start:end]) for start, end in gaps)
        for key, start, end in zip(words.keys, words.starts, words.ends, strict=True):
            raw = seen(text[start:end]) if tokenize == "13a" else text[start:end]
            # In lower case a sigma depends on its neighbours, and one character can be two words.
            if not lowercase or not {GROWS, "Σ"} & set(raw):
                assert (raw.lower() if lowercase else raw) == key


@pytest.mark.parametrize("stemmer", [False, True])
def test_words_of_rouge_are_the_raw_text(random_pairs: list[Pair], stemmer: bool) -> None:
    for text, _ in random_pairs[:1500]:
        words = rouge_words(text, stemmer=stemmer)
        assert words.keys == rouge.tokenize(text, stemmer=stemmer)
        assert_in_order(text, words)
        raw = [text[start:end] for start, end in zip(words.starts, words.ends, strict=True)]
        assert ["".join(rouge.tokenize(each, stemmer=stemmer)) for each in raw] == words.keys


def test_what_is_taken_out_stays_inside_the_word_that_it_joined() -> None:
    text = "ab<skipped>cd -\nef x&amp;quot;y &amp;lt;"
    words = bleu_words(text)
    raw = [text[start:end] for start, end in zip(words.starts, words.ends, strict=True)]
    assert words.keys == ["abcd", "ef", "x", "&", "quot", ";", "y", "<"]
    assert raw == ["ab<skipped>cd", "ef", "x", "&amp;", "quot", ";", "y", "&amp;lt;"]


def test_every_character_is_chinese_to_us_that_is_to_sacrebleu() -> None:
    cut, theirs = tokenizer("zh"), sacrebleu.BLEU(tokenize="zh").tokenizer
    # All that 16 bits hold, and samples of what is beyond.
    for first in (*range(0, 0x10000, 256), *range(0x10000, sys.maxunicode, 0x3300)):
        text = "".join(f"x{chr(code)}x " for code in range(first, first + 256))
        assert cut(text.rstrip()) == theirs(text.rstrip()).split(), hex(first)
