"""The stemmer is NLTK's."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from workbench.evaluation.porter import stem

ENDINGS = """
    ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness fulness ousness
    aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement
    ment ent ion ou ism ate iti ous ive ize ies ied eed ed ing y sses ss s e ll ly
""".split()  # noqa: SIM905 - one ending a line would fill a screen


def words() -> set[str]:
    """Every word of this project and its tests, and 60,000 of random letters and the rules' own endings."""
    root = Path(__file__).parents[2]
    found: set[str] = set()
    for path in [*root.glob("store/**/*.py"), *root.glob("workbench/**/*.py"), *root.glob("tests/**/*.py")]:
        found.update(re.findall("[a-z0-9]+", path.read_text(encoding="utf-8").lower()))
    chance = random.Random(0)
    for _ in range(60_000):
        stem_letters = "".join(chance.choices("aeiouybcdlstwxz0", k=chance.randrange(7)))
        found.add(stem_letters + "".join(chance.choices(ENDINGS, k=chance.randrange(3))))
    return found


def test_every_word_has_the_stem_that_nltk_gives() -> None:
    nltk = pytest.importorskip("nltk.stem.porter").PorterStemmer()
    differing = [(word, stem(word), nltk.stem(word)) for word in words() if stem(word) != nltk.stem(word)]
    assert differing == []


def test_the_irregular_and_extended_cases_of_nltk_hold() -> None:
    expected = {"skies": "sky", "news": "news", "dying": "die", "this": "thi", "died": "die", "flies": "fli"}
    assert {word: stem(word) for word in expected} == expected
