"""Texts cut into the words that a score compares, each with its place in the raw text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, pairwise

from workbench.evaluation.rouge import TOKEN, normal
from workbench.evaluation.tokenizers import ENTITIES, REMOVED, tokenizer

_REPLACEMENTS = (*((removed, "") for removed in REMOVED), ("\n", " "), *ENTITIES)
"""What `13a` replaces, in its order, before it puts spaces in."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one text: `keys` are compared, `texts`, the raw text from `starts` to `ends`, are shown.

    Places count characters. Between two words lie only white space and what the score does not see.
    """

    keys: list[str]
    texts: list[str]
    starts: list[int]
    ends: list[int]


def rouge_words(text: str, *, stemmer: bool = False) -> Words:
    """The words of ROUGE, as `rouge.tokenize` cuts them."""
    lowered = text.lower()
    found = list(TOKEN.finditer(lowered))
    keys = [match[0] for match in found]
    starts, ends = [match.start() for match in found], [match.end() for match in found]
    if len(lowered) != len(text):
        origin = _origin_of_lowered(text)
        starts, ends = [origin[at] for at in starts], [origin[at - 1] + 1 for at in ends]
    return _words(text, [normal(key) for key in keys] if stemmer else keys, starts, ends)


def lines_of(text: str, words: Words) -> list[list[str]]:
    """The words by the lines of their text; a line without words is an empty one."""
    found: list[list[str]] = [[] for _ in range(text.count("\n") + 1)]
    at = line = 0
    for key, start in zip(words.keys, words.starts, strict=True):
        line += text.count("\n", at, start)
        at = start
        found[line].append(key)
    return found


def bleu_words(text: str, *, tokenize: str = "13a", lowercase: bool = False) -> Words:
    """The words of BLEU, as `bleu.words` cuts them.

    A tokenizer only puts spaces in, after replacements. So the words' characters in a row are the replaced
    text without its white space, and each word begins at the next place where it is found.

    Raises:
        BadInput: No such tokenizer.
    """
    seen = (text.lower() if lowercase else text).rstrip()
    keys = tokenizer(tokenize)(seen)
    origin = _origin_of_lowered(text) if len(seen) > len(text.rstrip()) else None
    origin_ends = [at + 1 for at in origin] if origin else None
    if tokenize == "13a":
        seen, origin, origin_ends = _replaced(seen, origin, origin_ends)
    starts, ends, at = [], [], 0
    for key in keys:
        start = seen.index(key, at)
        at = start + len(key)
        starts.append(start)
        ends.append(at)
    if origin and origin_ends:
        starts, ends = [origin[at] for at in starts], [origin_ends[at - 1] for at in ends]
    return _words(text, keys, starts, ends)


def _words(text: str, keys: list[str], starts: list[int], ends: list[int]) -> Words:
    return Words(keys, [text[start:end] for start, end in zip(starts, ends, strict=True)], starts, ends)


def _origin_of_lowered(text: str) -> list[int]:
    """Per character of the text in lower case the place it comes from: U+0130, alone, becomes two."""
    return [place for place, character in enumerate(text) for _ in character.lower()]


def _replaced(
    text: str, starts: list[int] | None, ends: list[int] | None
) -> tuple[str, list[int] | None, list[int] | None]:
    """Replace as `13a` does; per character left, where in the raw text it starts and ends."""
    for old, new in _REPLACEMENTS:
        if old not in text:
            continue
        if len(old) > 1:
            starts = starts or list(range(len(text)))
            ends = ends or list(range(1, len(text) + 1))
            places = [match.start() for match in re.finditer(re.escape(old), text)]
            starts = _kept(starts, places, len(old), 0 if new else None)
            ends = _kept(ends, places, len(old), len(old) - 1 if new else None)
        text = text.replace(old, new)
    return text, starts, ends


def _kept(origin: list[int], places: list[int], width: int, kept: int | None) -> list[int]:
    """Cut `width` entries out at each place, all but the one at `kept`."""
    edges = [0, *chain.from_iterable((place, place + width) for place in places), len(origin)]
    found: list[int] = []
    for number, (start, end) in enumerate(pairwise(edges)):
        if number % 2 == 0:
            found += origin[start:end]
        elif kept is not None:
            found.append(origin[start + kept])
    return found
