"""Which scripts the letters of a text are of, by the names that Unicode gives them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_ASCII_LETTERS = re.compile("[A-Za-z]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
# One language writes with all of these.
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "IDEOGRAPHIC"})


def letters_by_script(text: str) -> Counter[str]:
    """Count the letters of each script, such as `LATIN`, `CYRILLIC` or `CJK`."""
    found: Counter[str] = Counter()
    latin = len(_ASCII_LETTERS.findall(text))
    if latin:
        found["LATIN"] = latin
    if not text.isascii():
        for character in _BEYOND_ASCII.findall(text):
            script = _script(character)
            if script:
                found[script] += 1
    return found


@lru_cache(maxsize=1 << 14)
def _script(character: str) -> str:
    """The script of a letter; empty for what is none."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").partition(" ")[0]
    if first == "FULLWIDTH":
        return "LATIN"
    return "CJK" if first in _EAST_ASIAN else first
