"""Rows of predictions and references scored into the one document that commands, files and screens share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from workbench.evaluation import bleu, bleu_breakdown, breakdown, rouge
from workbench.evaluation.bleu_breakdown import BleuBreakdown
from workbench.evaluation.breakdown import Breakdown, TokenLabel
from workbench.evaluation.ladder import WordLabel
from workbench.evaluation.means import exact, mean_of
from workbench.evaluation.meters import METERS, Choices
from workbench.evaluation.rows import Row, checked
from workbench.evaluation.signals import Signal, signals

DEFAULTS = Choices()


class Scorer:
    """Scores rows one after another; what it keeps of them does not grow with their number."""

    def __init__(self, choices: Choices = DEFAULTS) -> None:
        self.choices = choices
        self.rows = 0
        self._meters = [METERS[name](choices) for name in choices.metrics]
        self._odd = SignalCounts()

    def add(self, row: Row) -> dict[str, Any]:
        """Score a row.

        Returns:
            `{"rouge1": {"precision", "recall", "fmeasure"}, ..., "bleu": 0 to 100, "signals": {...}}`, with
            `tokens` where they are asked for.
        """
        self.rows += 1
        document: dict[str, Any] = {}
        for meter in self._meters:
            document |= meter.add(row).document
        choices = self.choices
        found = signals(
            row.prediction,
            row.references,
            stemmer=choices.stemmer,
            source=row.source,
            truncated=row.truncated,
        )
        self._odd.add(row.prediction, found)
        document["signals"] = {name: _plain(signal) for name, signal in found.items()}
        if choices.tokens:
            document["tokens"] = tokens(row, choices)
        return document

    def totals(self) -> dict[str, Any]:
        """What is said of all rows so far.

        Returns:
            `{"corpus": {"rouge1": means, ..., "bleu": {"score", "precisions", "bp", "sys_len", "ref_len",
            "signature", "matched", "total"}}, "signatures": {...}, "signals": {...}}`; ROUGE between 0 and 1,
            BLEU between 0 and 100.

        Raises:
            BadInput: There are no rows.
        """
        corpus: dict[str, Any] = {}
        signatures: dict[str, str] = {}
        for meter in self._meters:
            corpus |= meter.corpus()
            signatures |= meter.signatures()
        return {"corpus": corpus, "signatures": signatures, "signals": self._odd.document()}


def score_rows(rows: Iterable[Mapping[str, Any]], choices: Choices = DEFAULTS) -> dict[str, Any]:
    """Score rows one by one and together.

    Args:
        rows: Each `{"prediction": str, "reference": str}` or with `"references": [str, ...]`; `source`,
            `truncated`, `log_likelihood` and `tokens` are used where they are there, other keys may follow.
        choices: What is measured, and how.

    Returns:
        `{"rows": [what Scorer.add returns, ...], **what Scorer.totals returns}`.

    Raises:
        BadInput: A row has not that shape (such rows are told, by number from 1), or there is none.
    """
    scorer = Scorer(choices)
    return {"rows": [scorer.add(row) for row in checked(rows)], **scorer.totals()}


def corpus_scores(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, float]:
    """The few figures that tables show.

    Args:
        pairs: A prediction and its references, each.

    Returns:
        Mean F-measure per kind of ROUGE, 0 to 1, and the corpus's `bleu`, 0 to 100.

    Raises:
        BadInput: There are no pairs, or one has no reference.
    """
    corpus, means = bleu.Corpus(), rouge.Means()
    for prediction, references in pairs:
        means.add(rouge.score(prediction, references))
        corpus.add(prediction, references)
    return {kind: score.fmeasure for kind, score in means.scores().items()} | {"bleu": corpus.score().score}


def tokens(row: Row, choices: Choices = DEFAULTS) -> dict[str, Any]:
    """What each token earned, per metric that is chosen and has it told.

    Returns:
        Per kind of ROUGE the fields of `Breakdown` and `reference_index`, the reference that its score is
        taken from; as `words` the words of both sides with their labels per order; as `bleu` the fields of
        `BleuBreakdown`.
    """
    found: dict[str, Any] = {}
    if "rouge" in choices.metrics:
        for metric in breakdown.ALL_METRICS:
            found[metric] = _rouge_tokens(row, metric, choices.stemmer)
        reference = row.references[found["rouge1"]["reference_index"]]
        sides = breakdown.ladder(row.prediction, reference, stemmer=choices.stemmer)
        found["words"] = {
            side: [_told(word) for word in words]
            for side, words in zip(("prediction", "reference"), sides, strict=True)
        }
    if "bleu" in choices.metrics:
        explained = bleu_breakdown.explain(row.prediction, row.references, choices.bleu)
        found["bleu"] = _fields(explained) | {
            "prediction": [_told(word) for word in explained.prediction],
            "references": [[_told(word) for word in words] for words in explained.references],
        }
    return found


def _rouge_tokens(row: Row, metric: str, stemmer: bool) -> dict[str, Any]:
    chosen = rouge.best_reference(row.prediction, row.references, metric, stemmer=stemmer)
    made = breakdown.rouge(row.prediction, row.references[chosen], metric=metric, stemmer=stemmer)
    sides = {
        "prediction": [_told(token) for token in made.prediction],
        "reference": [_told(token) for token in made.reference],
    }
    return {"reference_index": chosen} | _fields(made) | sides


class SignalCounts:
    """How often each signal was out of the ordinary, how high it was on average, and the commonest output."""

    KEPT = 1_000
    """Of so many outputs the counts are kept; what makes up more than a part of `KEPT` is among them."""

    def __init__(self) -> None:
        self._rows = 0
        self._flagged: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()
        self._outputs: Counter[str] = Counter()

    def add(self, prediction: str, found: Mapping[str, Signal]) -> None:
        """Add a row's signals."""
        self._rows += 1
        for name, signal in found.items():
            self._flagged[name] += signal.flagged
            self._sums[name] += exact(signal.value)
        # J. Misra and D. Gries, "Finding repeated elements", 1982: a newcomer without room costs all one.
        if prediction in self._outputs or len(self._outputs) < self.KEPT:
            self._outputs[prediction] += 1
        else:
            self._outputs = Counter({text: times - 1 for text, times in self._outputs.items() if times > 1})

    def document(self) -> dict[str, Any]:
        """Per signal how many rows were flagged and its mean; as `collapse` the commonest output's share."""
        told: dict[str, Any] = {
            name: {"flagged": self._flagged[name], "mean": mean_of(total, self._rows)}
            for name, total in self._sums.items()
        }
        _, times = next(iter(self._outputs.most_common(1)), ("", 0))
        flagged = times > 1 and times > COLLAPSED * self._rows
        sentence = f"{times} of {self._rows} outputs are the very same text."
        told["collapse"] = {"flagged": int(flagged), "mean": times / max(self._rows, 1), "sentence": sentence}
        return told


COLLAPSED = 0.1
"""Flagged when more than this share of all outputs is one text."""


def _fields(record: Breakdown | BleuBreakdown) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _plain(signal: Signal) -> dict[str, Any]:
    return {"value": signal.value, "flagged": signal.flagged, "sentence": signal.sentence}


def _told(token: TokenLabel | WordLabel) -> dict[str, Any]:
    """A token as an object, without what there is not to say of it."""
    return {name: value for name, value in token._asdict().items() if value is not None}
