"""Every answer of an evaluation scored once, and the scores kept, so that rows are sorted without scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.row_scores import METRICS
from workbench.evaluation import bleu, rouge
from workbench.evaluation.rouge import best_reference, tokenize
from workbench.evaluation.signals import signals

if TYPE_CHECKING:
    from store import Store
    from store.evaluations import EvaluationRow

FREQUENCIES = ((1, 1), (2, 3), (4, 10), (11, 100), (101, None))
"""How often a word stands in the references: from, to."""
BINS = 10
"""Into so many parts scores are counted by their height."""
WORDS_OF_ROWS = 10_000
"""Words are counted in so many rows."""


def top_of(name: str) -> float:
    """The greatest score there can be."""
    return 100.0 if name == "bleu" else 1.0


def scores_of(row: EvaluationRow) -> dict[str, float]:
    """Score one answer by every name that is kept; against no reference it scores 0."""
    references = row.references or ("",)
    found = rouge.score(row.prediction, references)
    measured = signals(row.prediction, references, source=row.source or "", truncated=row.truncated)
    best = references[best_reference(row.prediction, references, "rouge1")]
    scores = {name: found[name].fmeasure for name in METRICS if name in found}
    scores["bleu"] = bleu.sentence(row.prediction, references)
    scores["words"] = len(tokenize(row.prediction))
    scores["reference_words"] = len(tokenize(best))
    scores["flags"] = sum(signal.flagged for signal in measured.values())
    return scores | {name: signal.value for name, signal in measured.items()}


def fill(store: Store, ids: Sequence[str], most: int | None = None) -> int:
    """Score the rows that have no scores yet and keep them, some hundred at a time.

    Args:
        store: Of the evaluations.
        ids: The evaluations.
        most: Stop after so many rows; left out, all are scored.

    Returns:
        How many rows were scored.
    """
    done = 0
    for id in ids:
        # Looking for rows without scores takes many times as long as counting those that have some.
        if not unscored_rows(store, [id]):
            continue
        last = -1
        while rows := store.row_scores.unscored(id, last):
            last = rows[-1].index
            store.row_scores.put(id, [(row, scores_of(row)) for row in rows])
            done += len(rows)
            if most is not None and done >= most:
                return done
    return done


def unscored_rows(store: Store, ids: Sequence[str]) -> int:
    """Count the rows that have no scores yet."""
    return sum(store.evaluations.get(id).rows for id in ids) - sum(store.row_scores.counts(ids))


@dataclass(frozen=True, slots=True)
class Recalled:
    """Words of the references that stand there from `least` to `most` times, and how many were recalled."""

    least: int
    most: int | None
    words: int
    recalled: int


def by_frequency(pairs: Iterable[tuple[str, Sequence[str]]]) -> list[Recalled]:
    """Tell how well rare and common words are recalled, as sums over all rows.

    Args:
        pairs: Answers with their references; the one that ROUGE-1 is taken from counts.
    """
    wanted_in_all: Counter[str] = Counter()
    recalled: Counter[str] = Counter()
    for prediction, references in pairs:
        if not references:
            continue
        wanted = Counter(tokenize(references[best_reference(prediction, references, "rouge1")]))
        # Not by `+=`, which looks through all words for each row.
        wanted_in_all.update(wanted)
        recalled.update(wanted & Counter(tokenize(prediction)))
    found = []
    for least, most in FREQUENCIES:
        words = [word for word, times in wanted_in_all.items() if least <= times <= (most if most else times)]
        if words:
            sums = [sum(counts[word] for word in words) for counts in (wanted_in_all, recalled)]
            found.append(Recalled(least, most, sums[0], sums[1]))
    return found
