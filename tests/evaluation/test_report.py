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
from workbench.evaluation.meters import Choices
from workbench.evaluation.report import SignalCounts, corpus_scores, score_rows

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
        "matched",
        "total",
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


def test_tokens_are_told_per_metric_and_say_nothing_that_is_not_known() -> None:
    rows = [{"prediction": "it is\ncold", "references": ["cold", "it is cold outside"]}]
    (row,) = score_rows(rows, Choices(tokens=True))["rows"]
    assert list(row["tokens"]) == ["rouge1", "rouge2", "rougeL", "rougeLsum", "words", "bleu"]
    assert list(row["tokens"]["rouge1"]["prediction"][0]) == [
        *("text", "start", "end", "label", "partners", "share", "without")
    ]
    assert row["tokens"]["rougeL"]["prediction"][0]["path"] == "must"
    assert list(row["tokens"]["words"]["prediction"][0]) == [
        "text",
        "start",
        "end",
        "labels",
        "longest",
        "path",
    ]
    assert "loss" in row["tokens"]["bleu"]["prediction"][0]
    assert len(row["tokens"]["bleu"]["references"]) == 2
    only = score_rows(rows, Choices(("bleu",), tokens=True))["rows"][0]
    assert list(only["tokens"]) == ["bleu"]


def test_signals_of_all_rows_are_counted_and_a_collapse_is_told() -> None:
    rows = [{"prediction": "yes yes yes yes", "reference": f"yes {number}"} for number in range(30)]
    rows += [{"prediction": f"answer {number}", "reference": f"answer {number}"} for number in range(30)]
    told = score_rows(rows, Choices(("rouge",)))["signals"]
    assert told["clipping"] == {"flagged": 30, "mean": 0.375}
    assert told["collapse"] == {
        "flagged": 1,
        "mean": 0.5,
        "sentence": "30 of 60 outputs are the very same text.",
    }
    assert told["empty"]["flagged"] == 0


def test_the_commonest_output_is_found_among_more_outputs_than_are_kept() -> None:
    counts = SignalCounts()
    for number in range(3 * SignalCounts.KEPT):
        counts.add("the same" if number % 4 == 0 else f"another {number}", {})
    told = counts.document()["collapse"]
    assert told["flagged"] == 1
    # A lower bound that is wrong by no more than one in as many as are kept.
    assert 0.25 - 1 / SignalCounts.KEPT <= told["mean"] <= 0.25


def test_the_parts_of_bleu_are_told_of_the_corpus() -> None:
    rows = [{"prediction": "it is cold", "reference": "it is cold outside now"}]
    found = score_rows(rows, Choices(("bleu",)))["corpus"]["bleu"]
    assert (found["matched"], found["total"]) == ((3, 2, 1, 0), (3, 2, 1, 0))
    assert (found["sys_len"], found["ref_len"]) == (3, 5)
