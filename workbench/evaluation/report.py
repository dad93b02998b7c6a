"""Rows of predictions and references scored into the one document that commands, files and screens share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from store.errors import BadInput, near
from workbench.evaluation import bleu, breakdown, rouge
from workbench.evaluation.rows import Row, checked
from workbench.evaluation.signals import signals

METRICS = ("rouge", "bleu")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is measured, and how: everything that a score depends on beside the texts."""

    metrics: tuple[str, ...] = METRICS
    tokens: bool = False
    stemmer: bool = False
    tokenize: str = "13a"
    lowercase: bool = False


def score_rows(
    rows: Iterable[Mapping[str, Any]],
    metrics: Sequence[str] = METRICS,
    tokens: bool = False,
    stemmer: bool = False,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> dict[str, Any]:
    """Score rows one by one and together.

    Args:
        rows: Each `{"prediction": str, "reference": str}` or with `"references": [str, ...]`; other keys may
            follow.
        metrics: Any of `METRICS`.
        tokens: Add what each token earned in ROUGE-1, ROUGE-2 and ROUGE-L.
        stemmer: ROUGE compares stems in place of words.
        tokenize: BLEU's tokenizer, one of `bleu.TOKENIZERS`.
        lowercase: BLEU ignores case.

    Returns:
        `{"rows": [{"rouge1": {"precision", "recall", "fmeasure"}, ..., "bleu", "signals", "tokens"}, ...],
        "corpus": {"rouge1": means, ..., "bleu": {"score", "precisions", "bp", "sys_len", "ref_len",
        "signature"}}}`; ROUGE between 0 and 1, BLEU between 0 and 100.

    Raises:
        BadInput: A row has not that shape (all such rows are told, by number from 1), there is none, or a
            choice is unknown.
    """
    choices = Choices(tuple(metrics), tokens, stemmer, bleu.check_tokenizer(tokenize), lowercase)
    _check_metrics(choices.metrics)
    corpus = bleu.Corpus(tokenize=tokenize, lowercase=lowercase)
    means: list[dict[str, rouge.Score]] = []
    scored = []
    for row in checked(rows):
        document: dict[str, Any] = {}
        if "rouge" in choices.metrics:
            means.append(rouge.score(row.prediction, row.references, stemmer=stemmer))
            document |= {kind: asdict(score) for kind, score in means[-1].items()}
        if "bleu" in choices.metrics:
            document["bleu"] = bleu.sentence_of(corpus.add(row.prediction, row.references))
        scored.append(document | _explained(row, choices))
    total: dict[str, Any] = {}
    if means:
        total |= {kind: asdict(score) for kind, score in rouge.mean(means).items()}
    if "bleu" in choices.metrics:
        total["bleu"] = asdict(corpus.score())
    return {"rows": scored, "corpus": total}


def corpus_scores(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, float]:
    """The few figures that tables show.

    Args:
        pairs: A prediction and its references, each.

    Returns:
        Mean F-measure per kind of ROUGE, 0 to 1, and the corpus's `bleu`, 0 to 100.

    Raises:
        BadInput: There are no pairs, or one has no reference.
    """
    corpus = bleu.Corpus()
    scores = []
    for prediction, references in pairs:
        scores.append(rouge.score(prediction, references))
        corpus.add(prediction, references)
    figures = {kind: score.fmeasure for kind, score in rouge.mean(scores).items()}
    return figures | {"bleu": corpus.score().score}


def _check_metrics(names: Sequence[str]) -> None:
    for name in names:
        if name not in METRICS:
            meant = near(name, METRICS)
            hint = f"did you mean {meant!r}? " if meant else ""
            raise BadInput(f"no metric named {name!r}", f"{hint}choose from {', '.join(METRICS)}")
    if not names:
        raise BadInput("no metric was chosen", f"choose from {', '.join(METRICS)}")


def _explained(row: Row, choices: Choices) -> dict[str, Any]:
    found = signals(row.prediction, row.references, stemmer=choices.stemmer)
    document: dict[str, Any] = {"signals": {name: asdict(signal) for name, signal in found.items()}}
    if choices.tokens:
        document["tokens"] = {metric: _tokens(row, metric, choices.stemmer) for metric in breakdown.METRICS}
    return document


def _tokens(row: Row, metric: str, stemmer: bool) -> dict[str, Any]:
    """A breakdown against the reference that the row's score of that metric is taken from."""
    chosen = rouge.best_reference(row.prediction, row.references, metric, stemmer=stemmer)
    found = breakdown.rouge(row.prediction, row.references[chosen], metric=metric, stemmer=stemmer)
    return {"reference_index": chosen} | asdict(found)
