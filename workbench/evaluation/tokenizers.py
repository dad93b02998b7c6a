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
    "[\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u2fff\u3000-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u33ff"
    "\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef]"
)
# Functions in place of templates, and no space among the marks: three to five times as fast, the words stay.
_MARK = re.compile(r"[\{-\~\[-\`!-\&\(-\+\:-\@\/]")
_STOP_AFTER_NO_DIGIT = re.compile(r"([^0-9])([\.,])")
_STOP_BEFORE_NO_DIGIT = re.compile(r"([\.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile("([0-9])-")


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
    return _western(_CHINESE.sub(_apart, text.strip()))


def _western(text: str) -> list[str]:
    text = _MARK.sub(_apart, text)
    if "." in text or "," in text:
        text = _STOP_AFTER_NO_DIGIT.sub(_second_apart, text)
        text = _STOP_BEFORE_NO_DIGIT.sub(_first_apart, text)
    if "-" in text:
        text = _DASH_AFTER_DIGIT.sub(r"\1 - ", text)
    return text.split()


def _cut_international(text: str) -> list[str]:
    before, behind, symbol = _international()
    text = behind.sub(_first_apart, before.sub(_second_apart, text))
    return symbol.sub(_apart, text).split()


@lru_cache(maxsize=1)
def _international() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    # Only the properties of characters that `regex` knows give sacrebleu's words; few need it.
    import regex

    patterns = (r"(\P{N})(\p{P})", r"(\p{P})(\P{N})", r"\p{S}")
    return regex.compile(patterns[0]), regex.compile(patterns[1]), regex.compile(patterns[2])


def _apart(match: re.Match[str]) -> str:
    return f" {match[0]} "


def _first_apart(match: re.Match[str]) -> str:
    return f" {match[1]} {match[2]}"


def _second_apart(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]} "


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
