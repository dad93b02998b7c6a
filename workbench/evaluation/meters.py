"""One meter per metric: it scores rows one by one and sums them up, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from store.errors import BadInput
from workbench.evaluation import agreement, bleu, chrf, rouge, ter
from workbench.evaluation.means import exact, mean_of
from workbench.evaluation.names import unknown
from workbench.evaluation.rows import Row
from workbench.evaluation.significance import Numbers

DEFAULT_METRICS = ("rouge", "bleu")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is measured, and how: everything that a score depends on beside the texts."""

    metrics: tuple[str, ...] = DEFAULT_METRICS
    tokens: bool = False
    stemmer: bool = False
    bleu: bleu.Options = field(default_factory=bleu.Options)

    def __post_init__(self) -> None:
        """Raises: BadInput: A metric is unknown, or there is none."""
        for name in self.metrics:
            if name not in METERS:
                raise unknown("no metric named", METERS, name)
        if not self.metrics:
            raise BadInput("no metric was chosen", f"choose from {', '.join(METERS)}")


@dataclass(frozen=True, slots=True)
class Measured:
    """A row's part of the document, its scores by name, and the numbers whose sums give a corpus's."""

    document: dict[str, Any]
    scores: dict[str, float]
    numbers: dict[str, Numbers]


class Meter(Protocol):
    """What every metric does."""

    def add(self, row: Row) -> Measured:
        """Measure a row and add it to the sums."""

    def corpus(self) -> dict[str, Any]:
        """The document's part on all rows so far."""

    def signatures(self) -> dict[str, str]:
        """Every choice behind the scores, by name."""

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:
        """The score of that name from sums of a row's `numbers`."""


class RougeMeter:
    """ROUGE-1, -2, -L and -Lsum; of a corpus the means."""

    def __init__(self, choices: Choices) -> None:
        self._stemmer = choices.stemmer
        self._means = rouge.Means()
        self._references: set[int] = set()

    def add(self, row: Row) -> Measured:
        """Measure a row and add it to the means."""
        scores = rouge.score(row.prediction, row.references, stemmer=self._stemmer)
        self._means.add(scores)
        self._references.add(len(row.references))
        return Measured(
            {kind: _parts(score) for kind, score in scores.items()},
            {kind: score.fmeasure for kind, score in scores.items()},
            {kind: (exact(score.fmeasure),) for kind, score in scores.items()},
        )

    def corpus(self) -> dict[str, Any]:
        """Mean precision, recall and F-measure per kind."""
        return {kind: _parts(score) for kind, score in self._means.scores().items()}

    def signatures(self) -> dict[str, str]:
        """One for all kinds."""
        references = bleu.reference_counts(self._references)
        return {"rouge": rouge.signature(references, stemmer=self._stemmer)}

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (all alike)
        """The mean F-measure."""
        return mean_of(sums[0], rows)


def _parts(score: rouge.Score) -> dict[str, float]:
    return {"precision": score.precision, "recall": score.recall, "fmeasure": score.fmeasure}


class BleuMeter:
    """BLEU of rows and of the corpus."""

    def __init__(self, choices: Choices) -> None:
        self._options = choices.bleu
        self._corpus = bleu.Corpus(choices.bleu)

    def add(self, row: Row) -> Measured:
        """Measure a row and add its counts."""
        counts = self._corpus.add(row.prediction, row.references)
        score = bleu.sentence_of(counts, self._options)
        return Measured({"bleu": score}, {"bleu": score}, {"bleu": counts.flat})

    def corpus(self) -> dict[str, Any]:
        """Score, precisions, brevity penalty, lengths and signature."""
        return {"bleu": asdict(self._corpus.score())}

    def signatures(self) -> dict[str, str]:
        """That of the corpus's score, and that of the rows'."""
        when = self._options.effective_order
        return {
            "bleu": self._corpus.signature(effective=when == "always"),
            "bleu (rows)": self._corpus.signature(effective=when != "never"),
        }

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (one name alone)
        """The corpus's BLEU."""
        effective = self._options.effective_order == "always"
        return bleu.parts(bleu.Counts.of(sums), self._options, effective=effective).score


class ChrfMeter:
    """chrF or chrF++ of rows and of the corpus."""

    def __init__(self, name: str, options: chrf.Options) -> None:
        self._name = name
        self._corpus = chrf.Corpus(options)

    def add(self, row: Row) -> Measured:
        """Measure a row and add its counts."""
        counts = self._corpus.add(row.prediction, row.references)
        score = chrf.score_of(counts)
        return Measured({self._name: score}, {self._name: score}, {self._name: counts})

    def corpus(self) -> dict[str, Any]:
        """Score and signature."""
        return {self._name: asdict(self._corpus.score())}

    def signatures(self) -> dict[str, str]:
        """That of the score."""
        return {self._name: self._corpus.score().signature}

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (one name alone)
        """The corpus's chrF."""
        return chrf.score_of(tuple(sums))


class TerMeter:
    """TER of rows and of the corpus."""

    def __init__(self) -> None:
        self._corpus = ter.Corpus()

    def add(self, row: Row) -> Measured:
        """Measure a row and add its edits."""
        edits = self._corpus.add(row.prediction, row.references)
        numbers = (edits.edits, exact(edits.length))
        return Measured({"ter": edits.score}, {"ter": edits.score}, {"ter": numbers})

    def corpus(self) -> dict[str, Any]:
        """Score and signature."""
        return {"ter": asdict(self._corpus.score())}

    def signatures(self) -> dict[str, str]:
        """That of the score."""
        return {"ter": self._corpus.score().signature}

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (one name alone)
        """The corpus's TER."""
        return ter.rate(sums[0], mean_of(sums[1], 1))


class MeanMeter:
    """A score from 0 to 1 per row, and its mean."""

    def __init__(self, name: str, score: Callable[[str, Sequence[str]], float], signature: str) -> None:
        self._name, self._score, self._signature = name, score, signature
        self._sum = self._rows = 0

    def add(self, row: Row) -> Measured:
        """Measure a row and add it to the mean."""
        score = self._score(row.prediction, row.references)
        self._sum += exact(score)
        self._rows += 1
        return Measured({self._name: score}, {self._name: score}, {self._name: (exact(score),)})

    def corpus(self) -> dict[str, Any]:
        """The mean."""
        return {self._name: mean_of(self._sum, self._rows)}

    def signatures(self) -> dict[str, str]:
        """How answers are compared."""
        return {self._name: self._signature}

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (one name alone)
        """The mean."""
        return mean_of(sums[0], rows)


class LabelsMeter(MeanMeter):
    """Answers as labels: accuracy of rows; accuracy, macro-F1 and Matthews correlation of all."""

    def __init__(self) -> None:
        self._labels = agreement.Labels()
        super().__init__(
            "accuracy", self._labels.add, "case:mixed|space:stripped|f1:macro|matthews:multiclass"
        )

    def corpus(self) -> dict[str, Any]:
        """The three scores."""
        return asdict(self._labels.scores())


class PerplexityMeter:
    """Perplexity from the log-likelihoods that the rows bring along."""

    def __init__(self) -> None:
        self._log_likelihood, self._tokens = 0.0, 0

    def add(self, row: Row) -> Measured:
        """Take a row's figures.

        Raises:
            BadInput: The row has none.
        """
        if row.log_likelihood is None or row.log_likelihood > 0 or not row.tokens:
            raise BadInput(
                "a row has no log-likelihood of its reference's tokens",
                'write rows like {…, "log_likelihood": -12.5, "tokens": 9}',
            )
        self._log_likelihood += row.log_likelihood
        self._tokens += row.tokens
        score = agreement.perplexity(row.log_likelihood, row.tokens)
        numbers = (exact(-row.log_likelihood), row.tokens)
        return Measured({"perplexity": score}, {"perplexity": score}, {"perplexity": numbers})

    def corpus(self) -> dict[str, Any]:
        """Of all tokens alike."""
        return {"perplexity": agreement.perplexity(self._log_likelihood, self._tokens)}

    def signatures(self) -> dict[str, str]:
        """That tokens count, not rows."""
        return {"perplexity": "mean:tokens|log:natural"}

    def of_sums(self, name: str, sums: Sequence[int], rows: int) -> float:  # noqa: ARG002 (one name alone)
        """Of all tokens alike."""
        return agreement.perplexity(-mean_of(sums[0], 1), sums[1])


_SQUAD = "case:lc|punct:no|articles:no|refs:best|mean:plain"
METERS: dict[str, Callable[[Choices], Meter]] = {
    "rouge": RougeMeter,
    "bleu": BleuMeter,
    "chrf": lambda choices: ChrfMeter("chrf", chrf.Options(0, choices.bleu.lowercase)),
    "chrf++": lambda choices: ChrfMeter("chrf++", chrf.Options(2, choices.bleu.lowercase)),
    "ter": lambda _: TerMeter(),
    "exact-match": lambda _: MeanMeter("exact_match", agreement.exact_match, _SQUAD),
    "token-f1": lambda _: MeanMeter("token_f1", agreement.token_f1, _SQUAD),
    "labels": lambda _: LabelsMeter(),
    "perplexity": lambda _: PerplexityMeter(),
}
METRICS = tuple(METERS)
LOWER_IS_BETTER = frozenset({"ter", "perplexity"})
"""By the names of scores; all others are the better the higher."""
