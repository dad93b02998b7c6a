"""chrF and TER of rows and corpora equal sacrebleu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sacrebleu

from store.errors import BadInput
from workbench.evaluation import chrf, ter

Pair = tuple[str, list[str]]
Streams = Callable[[Sequence[Pair]], list[list[str | None]]]


@pytest.mark.parametrize("word_order", [0, 1, 2])
@pytest.mark.parametrize("lowercase", [False, True])
def test_a_corpus_has_sacrebleus_chrf_and_signature(
    random_pairs: list[Pair], streams: Streams, word_order: int, lowercase: bool
) -> None:
    pairs = random_pairs[:300]
    metric = sacrebleu.CHRF(word_order=word_order, lowercase=lowercase)
    corpus = chrf.Corpus(chrf.Options(word_order, lowercase))
    for prediction, references in pairs:
        expected = metric.sentence_score(prediction, references).score
        assert chrf.score_of(corpus.add(prediction, references)) == expected
    whole = metric.corpus_score([prediction for prediction, _ in pairs], streams(pairs))
    assert corpus.score() == chrf.ChrfScore(whole.score, str(metric.get_signature()))


def test_a_corpus_has_sacrebleus_ter_and_signature(random_pairs: list[Pair], streams: Streams) -> None:
    pairs = [(prediction, references) for prediction, references in random_pairs if len(prediction) < 60][
        :120
    ]
    metric, corpus = sacrebleu.TER(), ter.Corpus()
    for prediction, references in pairs:
        assert corpus.add(prediction, references).score == metric.sentence_score(prediction, references).score
    whole = metric.corpus_score([prediction for prediction, _ in pairs], streams(pairs))
    assert corpus.score() == ter.TerScore(whole.score, str(metric.get_signature()))


@pytest.mark.parametrize("corpus", [chrf.Corpus(), ter.Corpus()])
def test_no_rows_and_no_reference_are_refused(corpus: Any) -> None:
    with pytest.raises(BadInput, match="there are no rows to score"):
        corpus.score()
    with pytest.raises(BadInput, match="a prediction has no reference"):
        corpus.add("a", [])
