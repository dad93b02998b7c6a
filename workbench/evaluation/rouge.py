"""ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, equal to the `rouge-score` package (0.1.2) to the last bit.

C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004. Not here: what each token earned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from store.errors import BadInput
from workbench.evaluation import subsequence, union
from workbench.evaluation.means import exact, mean_of
from workbench.evaluation.overlap import matches
from workbench.evaluation.porter import stem

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")
EQUALS = "equals:rouge-score-0.1.2"

TOKEN = re.compile("[a-z0-9]+")
STEMMED_FROM = 4
"""Shorter words are never stemmed."""


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and their harmonic mean, each between 0 and 1."""

    precision: float
    recall: float
    fmeasure: float


def score(prediction: str, references: Sequence[str], *, stemmer: bool = False) -> dict[str, Score]:
    """Score one prediction by every kind of ROUGE.

    Args:
        prediction: What the model wrote.
        references: One or more texts that would have been right.
        stemmer: Compare stems in place of words.

    Returns:
        A score per name of `ROUGE`; of several references the one with the best F-measure counts, per kind.

    Raises:
        BadInput: There is no reference.
    """
    if not references:
        raise BadInput("a prediction has no reference", "give at least one reference per row")
    per_reference = [_score_one(prediction, reference, stemmer) for reference in references]
    return {kind: max((scores[kind] for scores in per_reference), key=_fmeasure) for kind in ROUGE}


def best_reference(prediction: str, references: Sequence[str], kind: str, *, stemmer: bool = False) -> int:
    """Index of the reference whose score `score` reports for that kind; the first of equals."""
    if len(references) == 1:
        return 0
    fmeasures = [_score_one(prediction, reference, stemmer)[kind].fmeasure for reference in references]
    return fmeasures.index(max(fmeasures))


class Means:
    """The plain mean over rows of precision, recall and F-measure, each by itself, of any number of rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._sums: dict[str, list[int]] = {}

    def add(self, scores: Mapping[str, Score]) -> None:
        """Add the scores of a row."""
        self.rows += 1
        for kind, one in scores.items():
            sums = self._sums.setdefault(kind, [0, 0, 0])
            sums[0] += exact(one.precision)
            sums[1] += exact(one.recall)
            sums[2] += exact(one.fmeasure)

    def scores(self) -> dict[str, Score]:
        """The means so far.

        Raises:
            BadInput: There are no rows.
        """
        if not self.rows:
            raise BadInput("there are no rows to average", "give at least one row")
        return {
            kind: Score(*[mean_of(total, self.rows) for total in sums]) for kind, sums in self._sums.items()
        }


def signature(references: str, *, stemmer: bool = False) -> str:
    """Every choice behind a ROUGE, so that another can repeat it.

    Args:
        references: How many references the rows have, `var` where their number varies.
        stemmer: Whether stems are compared.
    """
    stems = "porter-nltk" if stemmer else "no"
    return f"nrefs:{references}|refs:best|case:lc|tok:a-z0-9|stem:{stems}|lsum:newline|mean:plain|{EQUALS}"


def tokenize(text: str, *, stemmer: bool = False) -> list[str]:
    """ROUGE's words: lower-case runs of ASCII letters and digits; all else divides."""
    words = TOKEN.findall(text.lower())
    return [normal(word) for word in words] if stemmer else words


def normal(word: str) -> str:
    """The stem that ROUGE compares in place of a lower-case word."""
    return stem(word) if len(word) >= STEMMED_FROM else word


def from_counts(matched: int, predicted: int, expected: int) -> Score:
    """Score from counts of n-grams: how many matched, are in the prediction, are in the reference."""
    precision = matched / max(predicted, 1)
    recall = matched / max(expected, 1)
    both = precision + recall
    # Not 2m/(h+r), which is the same number but not always the same last bit.
    return Score(precision, recall, 2 * precision * recall / both if both > 0 else 0.0)


def _score_one(prediction: str, reference: str, stemmer: bool) -> dict[str, Score]:
    said, wanted = tokenize(prediction, stemmer=stemmer), tokenize(reference, stemmer=stemmer)
    in_order = from_counts(subsequence.length(wanted, said), len(said), len(wanted))
    return {
        "rouge1": from_counts(matches(said, wanted), len(said), len(wanted)),
        "rouge2": from_counts(
            matches(list(pairwise(said)), list(pairwise(wanted))),
            max(len(said) - 1, 0),
            max(len(wanted) - 1, 0),
        ),
        "rougeL": in_order,
        # The union of one sentence's subsequence with nothing else is that subsequence.
        "rougeLsum": _by_sentence(prediction, reference, stemmer)
        if "\n" in prediction or "\n" in reference
        else in_order,
    }


def _by_sentence(prediction: str, reference: str, stemmer: bool) -> Score:
    said = [tokenize(line, stemmer=stemmer) for line in prediction.split("\n")]
    wanted = [tokenize(line, stemmer=stemmer) for line in reference.split("\n")]
    return from_counts(len(union.hits(said, wanted)), sum(map(len, said)), sum(map(len, wanted)))


def _fmeasure(one: Score) -> float:
    return one.fmeasure
