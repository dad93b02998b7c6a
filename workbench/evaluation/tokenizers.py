"""The ways in which BLEU cuts a text into words: sacrebleu's, to the last character, without its caches.

Sacrebleu keeps the last 65,536 lines of every tokenizer, which is a gigabyte where lines are long. Each
tokenizer only puts spaces into a text, after a few replacements that `prepared` tells; `words` relies on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from workbench.evaluation.names import unknown

Cut = Callable[[str], list[str]]

ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
REMOVED = ("<skipped>", "-\n")

# What sacrebleu takes for Chinese. Its ranges for the planes above 16 bits are compared as texts of two
# characters, which makes punctuation, arrows and signs of 2001-2A6D Chinese and leaves Extension B out.
_CHINESE = re.compile(
    "([\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u2fff\u3000-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u33ff"
    "\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef])"
)
_WESTERN = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def tokenizer(name: str) -> Cut:
    """The function that cuts a text, whose end was stripped, into words.

    Raises:
        BadInput: No such tokenizer.
    """
    if name not in _CUTS:
        raise unknown("no BLEU tokenizer named", _CUTS, name)
    return _CUTS[name]


def _cut_13a(text: str) -> list[str]:
    for removed in REMOVED:
        text = text.replace(removed, "")
    text = text.replace("\n", " ")
    if "&" in text:
        for entity, character in ENTITIES:
            text = text.replace(entity, character)
    return _western(f" {text} ")


def _cut_chinese(text: str) -> list[str]:
    return _western(_CHINESE.sub(r" \1 ", text.strip()))


def _western(text: str) -> list[str]:
    for pattern, spaced in _WESTERN:
        text = pattern.sub(spaced, text)
    return text.split()


def _cut_international(text: str) -> list[str]:
    for pattern, spaced in _international():
        text = pattern.sub(spaced, text)
    return text.split()


@lru_cache(maxsize=1)
def _international() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Only the properties of characters that `regex` knows give sacrebleu's words; few need it.
    import regex

    return (
        (regex.compile(r"(\P{N})(\p{P})"), r"\1 \2 "),
        (regex.compile(r"(\p{P})(\P{N})"), r" \1 \2"),
        (regex.compile(r"(\p{S})"), r" \1 "),
    )


def _cut_characters(text: str) -> list[str]:
    return [character for character in text if not character.isspace()]


_CUTS: dict[str, Cut] = {
    "13a": _cut_13a,
    "intl": _cut_international,
    "zh": _cut_chinese,
    "char": _cut_characters,
    "none": str.split,
}
TOKENIZERS = tuple(_CUTS)
"""Those of sacrebleu's tokenizers that need no download and no dictionary."""
