"""chrF and chrF++ of a sentence and of a corpus, equal to `sacrebleu` to the last bit, from counts per row.

M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", 2015, and "chrF++: words helping
character n-grams", 2017. Sacrebleu itself hands out no counts, and without them no corpus can be summed up
row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from store.errors import BadInput
from workbench.evaluation.bleu import reference_counts, sacrebleu_version

CHARACTER_ORDER = 6
BETA_SQUARED = 4
"""Recall counts twice as much as precision."""
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

Counts = tuple[int, ...]
"""Per order three numbers: n-grams of the prediction, of the reference, and of both."""


@dataclass(frozen=True, slots=True)
class Options:
    """`word_order` 0 is chrF, 2 is chrF++; `lowercase` ignores case."""

    word_order: int = 0
    lowercase: bool = False


CHRF, CHRF_PLUS = Options(), Options(word_order=2)


@dataclass(frozen=True, slots=True)
class ChrfScore:
    """A corpus score from 0 to 100 and the signature that names every choice behind it."""

    score: float
    signature: str


def sentence(prediction: str, references: Sequence[str], options: Options = CHRF) -> float:
    """chrF of one prediction, 0 to 100, as `sacrebleu.sentence_chrf`; of several references the best.

    Raises:
        BadInput: There is no reference.
    """
    return score_of(counts(prediction, references, options))


def counts(prediction: str, references: Sequence[str], options: Options = CHRF) -> Counts:
    """Count one row against the reference that it scores best with, the first of equals.

    Raises:
        BadInput: There is no reference.
    """
    if not references:
        raise BadInput("a prediction has no reference", "give at least one reference per row")
    said = _ngrams(prediction, options)
    found = [_shared(said, _ngrams(reference, options)) for reference in references]
    return max(found, key=score_of) if len(found) > 1 else found[0]


def score_of(row: Counts) -> float:
    """The score of a row, or of the sum of several; orders that one side is too short for are left out."""
    precision = recall = 0.0
    orders = 0
    for predicted, expected, matched in zip(row[::3], row[1::3], row[2::3], strict=True):
        if predicted and expected:
            precision += matched / predicted
            recall += matched / expected
            orders += 1
    if not orders:
        return 0.0
    precision /= orders
    recall /= orders
    if not precision + recall:
        return 0.0
    score = (1 + BETA_SQUARED) * precision * recall
    score /= (BETA_SQUARED * precision) + recall
    return 100 * score


class Corpus:
    """Sums the counts of rows, one after another, into a corpus score."""

    def __init__(self, options: Options = CHRF) -> None:
        self.options = options
        self._sums: list[int] = [0] * 3 * (CHARACTER_ORDER + options.word_order)
        self._reference_counts: set[int] = set()

    def add(self, prediction: str, references: Sequence[str]) -> Counts:
        """Add a row and return its own counts."""
        row = counts(prediction, references, self.options)
        self._sums = [a + b for a, b in zip(self._sums, row, strict=True)]
        self._reference_counts.add(len(references))
        return row

    def score(self) -> ChrfScore:
        """The score of all rows so far, as `sacrebleu.corpus_chrf`.

        Raises:
            BadInput: There are no rows.
        """
        if not self._reference_counts:
            raise BadInput("there are no rows to score", "give at least one row")
        choices = (
            f"nrefs:{reference_counts(self._reference_counts)}",
            f"case:{'lc' if self.options.lowercase else 'mixed'}",
            f"eff:yes|nc:{CHARACTER_ORDER}|nw:{self.options.word_order}|space:no",
            f"version:{sacrebleu_version()}",
        )
        return ChrfScore(score_of(tuple(self._sums)), "|".join(choices))


def _ngrams(text: str, options: Options) -> list[Counter[Any]]:
    seen = text.lower() if options.lowercase else text
    letters = "".join(seen.split())
    found: list[Counter[Any]] = [
        Counter([letters[at : at + order] for at in range(len(letters) - order + 1)])
        for order in range(1, CHARACTER_ORDER + 1)
    ]
    words = _words(seen) if options.word_order else []
    if options.word_order:
        found.append(Counter(words))
    if options.word_order > 1:
        found.append(Counter(pairwise(words)))
    return found


def _words(text: str) -> list[str]:
    """Words with one mark of punctuation cut off, behind or else in front."""
    found: list[str] = []
    for word in text.split():
        if len(word) == 1:
            found.append(word)
        elif word[-1] in _PUNCTUATION:
            found += [word[:-1], word[-1]]
        elif word[0] in _PUNCTUATION:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def _shared(said: Sequence[Counter[Any]], wanted: Sequence[Counter[Any]]) -> Counts:
    numbers: list[int] = []
    for found, allowed in zip(said, wanted, strict=True):
        matched = sum([min(found[gram], allowed[gram]) for gram in found.keys() & allowed.keys()])
        # Without n-grams of the reference an order is left out, whatever the prediction has.
        numbers += (found.total() if allowed else 0, allowed.total(), matched)
    return tuple(numbers)
