"""Porter's stemmer as NLTK extends it, the one that the `rouge-score` package uses; no other language.

M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, 130-137, with the changes of NLTK's
`NLTK_EXTENSIONS` mode. NLTK itself would load numpy, which the light processes must not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

Condition = Callable[[str], bool]
Rule = tuple[str, str, Condition | None]

_VOWELS = frozenset("aeiou")
# Words that the rules get wrong, as collected by Martin Porter over the years.
_IRREGULAR = {
    "sky": "sky",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "news": "news",
    "innings": "inning",
    "inning": "inning",
    "outings": "outing",
    "outing": "outing",
    "cannings": "canning",
    "canning": "canning",
    "howe": "howe",
    "proceed": "proceed",
    "exceed": "exceed",
    "succeed": "succeed",
}


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Strip a word's suffixes.

    Args:
        word: A word in lower case.

    Returns:
        The stem that NLTK's `PorterStemmer().stem(word)` gives.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    for step in (_plural, _past, _final_y, _double_suffix, _apply_step_3, _apply_step_4, _final_e, _final_ll):
        word = step(word)
    return word


def _plural(word: str) -> str:  # step 1a
    if word.endswith("ies") and len(word) == 4:
        return word[:-1]
    return _first_rule(word, _STEP_1A)


def _past(word: str) -> str:  # step 1b
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        stripped = word.removesuffix(suffix)
        if stripped != word and not all(_consonants(stripped)):
            return _restore_ending(stripped)
    return word


def _restore_ending(stripped: str) -> str:
    if stripped.endswith(("at", "bl", "iz")):
        return stripped + "e"
    if len(stripped) >= 2 and stripped[-1] == stripped[-2] and _consonants(stripped)[-1]:
        return stripped if stripped[-1] in "lsz" else stripped[:-1]
    if _measure(stripped) == 1 and _ends_short(stripped):
        return stripped + "e"
    return stripped


def _final_y(word: str) -> str:  # step 1c
    if word.endswith("y") and len(word) > 2 and _consonants(word[:-1])[-1]:
        return word[:-1] + "i"
    return word


def _double_suffix(word: str) -> str:  # step 2
    if word.endswith("alli") and _positive(word[:-4]):
        return _double_suffix(word[:-2])
    return _first_rule(word, _STEP_2)


def _apply_step_3(word: str) -> str:
    return _first_rule(word, _STEP_3)


def _apply_step_4(word: str) -> str:
    return _first_rule(word, _STEP_4)


def _final_e(word: str) -> str:  # step 5a
    if not word.endswith("e"):
        return word
    measure = _measure(word[:-1])
    return word[:-1] if measure > 1 or (measure == 1 and not _ends_short(word[:-1])) else word


def _final_ll(word: str) -> str:  # step 5b
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _first_rule(word: str, rules: tuple[Rule, ...]) -> str:
    """The first suffix that fits decides, even where its condition then fails."""
    for suffix, replacement, condition in rules:
        if word.endswith(suffix):
            stripped = word[: len(word) - len(suffix)]
            return stripped + replacement if condition is None or condition(stripped) else word
    return word


def _consonants(word: str) -> list[bool]:
    """For each letter: is it a consonant? A `y` is one unless a consonant stands before it."""
    flags: list[bool] = []
    for letter in word:
        flags.append(letter not in _VOWELS and not (letter == "y" and bool(flags) and flags[-1]))
    return flags


def _measure(word: str) -> int:
    """Porter's m: how often a vowel is followed by a consonant."""
    flags = _consonants(word)
    return sum(1 for before, after in pairwise(flags) if after and not before)


def _ends_short(word: str) -> bool:
    """Porter's *o: consonant, vowel, consonant but w, x, y. NLTK adds two letters, vowel and consonant."""
    flags = _consonants(word)
    if len(word) == 2:
        return flags == [False, True]
    return flags[-3:] == [True, False, True] and word[-1] not in "wxy"


def _positive(stripped: str) -> bool:
    return _measure(stripped) > 0


def _above_one(stripped: str) -> bool:
    return _measure(stripped) > 1


def _above_one_after_s_or_t(stripped: str) -> bool:
    return _above_one(stripped) and stripped[-1] in "st"


def _positive_with_l(stripped: str) -> bool:
    # The `l` of `logi` counts with the stem, so that `geologi` and `theologi` lose theirs too.
    return _positive(stripped + "l")


_STEP_1A: tuple[Rule, ...] = (("sses", "ss", None), ("ies", "i", None), ("ss", "ss", None), ("s", "", None))

_STEP_2: tuple[Rule, ...] = (
    ("ational", "ate", _positive),
    ("tional", "tion", _positive),
    ("enci", "ence", _positive),
    ("anci", "ance", _positive),
    ("izer", "ize", _positive),
    ("bli", "ble", _positive),
    ("alli", "al", _positive),
    ("entli", "ent", _positive),
    ("eli", "e", _positive),
    ("ousli", "ous", _positive),
    ("ization", "ize", _positive),
    ("ation", "ate", _positive),
    ("ator", "ate", _positive),
    ("alism", "al", _positive),
    ("iveness", "ive", _positive),
    ("fulness", "ful", _positive),
    ("ousness", "ous", _positive),
    ("aliti", "al", _positive),
    ("iviti", "ive", _positive),
    ("biliti", "ble", _positive),
    ("fulli", "ful", _positive),
    ("logi", "log", _positive_with_l),
)

_STEP_3: tuple[Rule, ...] = (
    ("icate", "ic", _positive),
    ("ative", "", _positive),
    ("alize", "al", _positive),
    ("iciti", "ic", _positive),
    ("ical", "ic", _positive),
    ("ful", "", _positive),
    ("ness", "", _positive),
)

_STEP_4: tuple[Rule, ...] = (
    *((suffix, "", _above_one) for suffix in ("al", "ance", "ence", "er", "ic", "able", "ible", "ant")),
    *((suffix, "", _above_one) for suffix in ("ement", "ment", "ent")),
    ("ion", "", _above_one_after_s_or_t),
    *((suffix, "", _above_one) for suffix in ("ou", "ism", "ate", "iti", "ous", "ive", "ize")),
)
