"""The document that `workbench score` prints."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from store.errors import BadInput
from workbench.evaluation import bleu, rouge
from workbench.evaluation.report import Choices, corpus_scores, score_rows

Pair = tuple[str, list[str]]


def rows_of(pairs: list[Pair]) -> list[dict[str, Any]]:
    return [{"prediction": prediction, "references": references} for prediction, references in pairs]


def test_the_document_has_exactly_the_promised_keys() -> None:
    document = score_rows([{"prediction": "a b", "reference": "a c", "source": "s"}], Choices(tokens=True))
    assert list(document) == ["rows", "corpus", "signatures", "signals"]
    (row,) = document["rows"]
    assert list(row) == [*rouge.ROUGE, "bleu", "signals", "tokens"]
    assert list(row["rouge1"]) == ["precision", "recall", "fmeasure"]
    assert list(document["corpus"]) == [*rouge.ROUGE, "bleu"]
    assert list(document["corpus"]["bleu"]) == [
        "score",
        "precisions",
        "bp",
        "sys_len",
        "ref_len",
        "signature",
    ]
    assert len(document["corpus"]["bleu"]["precisions"]) == 4
    json.dumps(document, allow_nan=False)


def test_a_repeated_word_shows_one_matched_and_three_clipped_tokens() -> None:
    rows = [{"prediction": "cold cold cold cold", "reference": "it is cold outside"}]
    (row,) = score_rows(rows, Choices(tokens=True))["rows"]
    labels = [token["label"] for token in row["tokens"]["rouge1"]["prediction"]]
    assert sorted(labels) == ["clipped", "clipped", "clipped", "matched"]
    assert row["signals"]["clipping"]["flagged"] is True
    assert row["rouge1"] == {"precision": 0.25, "recall": 0.25, "fmeasure": 0.25}


def test_rows_and_corpus_are_those_of_the_reference_packages(random_pairs: list[Pair]) -> None:
    pairs = [(prediction, references[:1]) for prediction, references in random_pairs[:300]]
    document = score_rows(rows_of(pairs), Choices(stemmer=True, bleu=bleu.Options("intl", lowercase=True)))
    scorer = RougeScorer(list(rouge.ROUGE), use_stemmer=True)
    expected = [scorer.score(references[0], prediction) for prediction, references in pairs]
    for row, scores, (prediction, references) in zip(document["rows"], expected, pairs, strict=True):
        assert {kind: tuple(row[kind].values()) for kind in scores} == {
            k: tuple(s) for k, s in scores.items()
        }
        assert (
            row["bleu"]
            == sacrebleu.sentence_bleu(prediction, references, tokenize="intl", lowercase=True).score
        )
    for kind in rouge.ROUGE:
        mean = math.fsum(scores[kind].fmeasure for scores in expected) / len(expected)
        assert document["corpus"][kind]["fmeasure"] == mean
    whole = sacrebleu.corpus_bleu(
        [prediction for prediction, _ in pairs],
        [[references[0] for _, references in pairs]],
        tokenize="intl",
        lowercase=True,
    )
    assert document["corpus"]["bleu"]["score"] == whole.score


def test_the_tokens_are_those_of_the_reference_that_scored_best() -> None:
    rows = [{"prediction": "a b c", "references": ["x y", "a b c d"]}]
    (row,) = score_rows(rows, Choices(tokens=True))["rows"]
    assert row["tokens"]["rouge1"]["reference_index"] == 1
    assert row["tokens"]["rougeL"]["fmeasure"] == row["rougeL"]["fmeasure"]


@pytest.mark.parametrize(("metric", "other"), [("rouge", "bleu"), ("bleu", "rouge1")])
def test_only_the_chosen_metrics_are_worked_out(metric: str, other: str) -> None:
    document = score_rows([{"prediction": "a", "reference": "a"}], Choices((metric,)))
    assert other not in document["rows"][0]
    assert other not in document["corpus"]


def test_an_unknown_metric_is_refused_before_any_row_is_read() -> None:
    with pytest.raises(BadInput, match=r"no metric named 'rogue'; did you mean 'rouge'\?"):
        Choices(("rogue",))
    with pytest.raises(BadInput, match="no metric was chosen"):
        Choices(())


def test_the_compact_figures_are_those_of_the_document(random_pairs: list[Pair]) -> None:
    document = score_rows(rows_of(random_pairs[:100]))["corpus"]
    expected = {kind: document[kind]["fmeasure"] for kind in rouge.ROUGE}
    assert corpus_scores(random_pairs[:100]) == {**expected, "bleu": document["bleu"]["score"]}
