"""BLEU equals sacrebleu to the last bit, for every option offered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sacrebleu

from store.errors import BadInput
from workbench.evaluation import bleu

Pair = tuple[str, list[str]]


def assert_equal_to_sacrebleu(pairs: Sequence[Pair], **options: Any) -> None:
    corpus = bleu.Corpus(**options)
    for prediction, references in pairs:
        expected = sacrebleu.sentence_bleu(prediction, references, **options).score
        assert bleu.sentence(prediction, references, **options) == expected, (prediction, references)
        assert bleu.sentence_of(corpus.add(prediction, references)) == expected
    metric = sacrebleu.BLEU(**options)
    most = max(len(references) for _, references in pairs)
    # sacrebleu takes streams of references, None where a row has fewer.
    streams = [[refs[k] if k < len(refs) else None for _, refs in pairs] for k in range(most)]
    whole = metric.corpus_score([prediction for prediction, _ in pairs], streams)
    assert corpus.score() == bleu.BleuScore(
        whole.score,
        tuple(whole.precisions),
        whole.bp,
        whole.sys_len,
        whole.ref_len,
        str(metric.get_signature()),
    )


@pytest.mark.parametrize("tokenize", bleu.TOKENIZERS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_random_texts_score_as_sacrebleu_says(
    random_pairs: list[Pair], tokenize: str, lowercase: bool
) -> None:
    assert_equal_to_sacrebleu(random_pairs[:1000], tokenize=tokenize, lowercase=lowercase)


@pytest.mark.parametrize("tokenize", bleu.TOKENIZERS)
def test_real_texts_score_as_sacrebleu_says(real_pairs: list[Pair], tokenize: str) -> None:
    assert_equal_to_sacrebleu(real_pairs[:100], tokenize=tokenize)


def test_published_values_hold(published_bleu: dict[str, Any]) -> None:
    checked = 0
    for case in published_bleu["corpus_bleu"]:
        if not set(case["options"]) <= {"tokenize"}:
            continue
        corpus = bleu.Corpus(**case["options"])
        for prediction, *references in zip(case["hypotheses"], *case["references"], strict=True):
            corpus.add(prediction, references)
        assert corpus.score().score == pytest.approx(case["score"], abs=1e-7)
        checked += 1
    assert checked == 5


def test_the_signature_names_every_choice() -> None:
    corpus = bleu.Corpus(tokenize="intl", lowercase=True)
    corpus.add("a b", ["a b"])
    assert corpus.score().signature == (
        f"nrefs:1|case:lc|eff:no|tok:intl|smooth:exp|version:{sacrebleu.__version__}"
    )
    corpus.add("a b", ["a b", "a c"])
    assert corpus.score().signature.startswith("nrefs:var|")


def test_a_corpus_without_rows_a_row_without_references_and_an_unknown_tokenizer_are_refused() -> None:
    with pytest.raises(BadInput, match="there are no rows to score"):
        bleu.Corpus().score()
    with pytest.raises(BadInput, match="a prediction has no reference"):
        bleu.sentence("a", [])
    with pytest.raises(
        BadInput, match=r"no BLEU tokenizer named '13b'; did you mean '13a'\? choose one of 13a"
    ):
        bleu.Corpus(tokenize="13b")
