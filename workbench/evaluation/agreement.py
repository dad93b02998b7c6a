"""Scores of short answers: exact match, token F1, accuracy, macro-F1, Matthews correlation; and perplexity.

Exact match and token F1 compare answers as SQuAD's script does (P. Rajpurkar and others, 2016): without case,
ASCII punctuation, articles and spare white space, against the reference that fits best. Accuracy, macro-F1
and Matthews take answers for labels, compared as they are but for white space around them.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.errors import BadInput
from workbench.evaluation.overlap import matches
from workbench.evaluation.rouge import from_counts

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

MOST_LABELS = 1_000
"""Answers of more kinds than this are no labels."""


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Each 0 to 1, Matthews -1 to 1; macro-F1 is the mean over the labels of predictions and references."""

    accuracy: float
    macro_f1: float
    matthews: float


def normalized(answer: str) -> str:
    """An answer as exact match and token F1 compare it."""
    plain = _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION))
    return " ".join(plain.split())


def exact_match(prediction: str, references: Sequence[str]) -> float:
    """1 where the prediction is one of the references, else 0.

    Raises:
        BadInput: There is no reference.
    """
    _need(references)
    said = normalized(prediction)
    return float(any(said == normalized(reference) for reference in references))


def token_f1(prediction: str, references: Sequence[str]) -> float:
    """F1 of the words in common with the reference that fits best; two answers without words agree.

    Raises:
        BadInput: There is no reference.
    """
    _need(references)
    return max(_f1(normalized(prediction).split(), normalized(each).split()) for each in references)


class Labels:
    """Counts how often each label was answered where each was right."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._labels: set[str] = set()

    def add(self, prediction: str, references: Sequence[str]) -> float:
        """Add a row and return 1 where the label is right, else 0; the first reference is the right one."""
        _need(references)
        said, accepted = prediction.strip(), [each.strip() for each in references]
        right = said if said in accepted else accepted[0]
        if len(self._labels) <= MOST_LABELS:
            self._labels |= {said, right}
            self._counts[right, said] += 1
        return float(said == right)

    def scores(self) -> LabelScores:
        """The scores of all rows so far.

        Raises:
            BadInput: There are no rows, or answers of more kinds than labels have.
        """
        if not self._counts:
            raise BadInput("there are no rows to score", "give at least one row")
        return label_scores(self._counts)


def label_scores(counts: Mapping[tuple[str, str], int]) -> LabelScores:
    """Scores of labels from how often each answer was given where each was right.

    Args:
        counts: (right label, answered label) and how often.

    Raises:
        BadInput: There are more than `MOST_LABELS` labels.
    """
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for (wanted, answer), times in counts.items():
        right[wanted] += times
        said[answer] += times
        agreed[wanted] += times if wanted == answer else 0
    labels = right.keys() | said.keys()
    if len(labels) > MOST_LABELS:
        raise BadInput(
            f"the answers are of more than {MOST_LABELS:,} kinds, which are no labels",
            "score texts with rouge or bleu",
        )
    rows, correct = right.total(), agreed.total()
    f1 = [from_counts(agreed[label], said[label], right[label]).fmeasure for label in labels]
    return LabelScores(correct / rows, math.fsum(f1) / len(labels), _matthews(right, said, correct))


def perplexity(log_likelihood: float, tokens: int) -> float:
    """How many tokens the model wavered between on average.

    Args:
        log_likelihood: Sum over the tokens of the logarithm of their probability, in nats.
        tokens: How many.

    Raises:
        BadInput: There are no tokens.
    """
    if tokens <= 0:
        raise BadInput("there is no token to take the perplexity of", "give the number of tokens")
    try:
        return math.exp(-log_likelihood / tokens)
    except OverflowError:
        return math.inf


def _matthews(right: Counter[str], said: Counter[str], correct: int) -> float:
    """J. Gorodkin's correlation for any number of labels, 2004; 0 where one side has a single label."""
    rows = right.total()
    covariance = correct * rows - sum(right[label] * said[label] for label in right)
    spread_right = rows**2 - sum(times**2 for times in right.values())
    spread_said = rows**2 - sum(times**2 for times in said.values())
    product = spread_right * spread_said
    return covariance / math.sqrt(product) if product else 0.0


def _f1(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return from_counts(matches(said, wanted), len(said), len(wanted)).fmeasure


def _need(references: Sequence[str]) -> None:
    if not references:
        raise BadInput("a prediction has no reference", "give at least one reference per row")
