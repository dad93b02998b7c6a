"""TER, the edits that turn a prediction into its reference: sacrebleu's own, summed up row by row.

M. Snover and others, "A study of translation edit rate with targeted human annotation", 2006. Slow: some
25 rows a second of 70 words, seconds for one of 600.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from store.errors import BadInput
from workbench.evaluation.bleu import reference_counts, sacrebleu_version


@dataclass(frozen=True, slots=True)
class TerScore:
    """A corpus score, 0 for equal texts and upwards, and the signature that names every choice behind it."""

    score: float
    signature: str


@dataclass(frozen=True, slots=True)
class Edits:
    """A row's score, its edits against the nearest reference, and the mean length of the references."""

    score: float
    edits: int
    length: float


class Corpus:
    """Sums edits and lengths of rows, one after another, into a corpus score; case is ignored."""

    def __init__(self) -> None:
        self._edits, self._length = 0, 0.0
        self._reference_counts: set[int] = set()

    def add(self, prediction: str, references: Sequence[str]) -> Edits:
        """Add a row and return its own score, as `sacrebleu.sentence_ter`.

        Raises:
            BadInput: There is no reference.
        """
        if not references:
            raise BadInput("a prediction has no reference", "give at least one reference per row")
        found = _ter().sentence_score(prediction, references)
        self._edits += found.num_edits
        self._length += found.ref_length
        self._reference_counts.add(len(references))
        return Edits(float(found.score), found.num_edits, found.ref_length)

    def score(self) -> TerScore:
        """The score of all rows so far, as `sacrebleu.corpus_ter`.

        Raises:
            BadInput: There are no rows.
        """
        if not self._reference_counts:
            raise BadInput("there are no rows to score", "give at least one row")
        references = reference_counts(self._reference_counts)
        choices = f"nrefs:{references}|case:lc|tok:tercom|norm:no|punct:yes|asian:no"
        return TerScore(rate(self._edits, self._length), f"{choices}|version:{sacrebleu_version()}")


def rate(edits: int, length: float) -> float:
    """Edits per 100 words of the references; 100 where there are none and yet something is to be cut."""
    return 100 * (edits / length if length > 0 else float(edits > 0))


@lru_cache(maxsize=1)
def _ter() -> Any:
    # A fifth of a second to import: only those who ask for TER pay it.
    from sacrebleu.metrics.ter import TER

    return TER()
