"""BLEU equals sacrebleu to the last bit, for every option offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sacrebleu

from store.errors import BadInput
from workbench.evaluation import bleu

Pair = tuple[str, list[str]]
Streams = Callable[[Sequence[Pair]], list[list[str | None]]]


def assert_equal_to_sacrebleu(pairs: Sequence[Pair], streams: Streams, options: bleu.Options) -> None:
    """Rows, corpus and signature, with the very same options."""
    theirs = {
        "tokenize": options.tokenize,
        "lowercase": options.lowercase,
        "smooth_method": options.smooth,
        "smooth_value": options.smooth_value,
    }
    of_rows = sacrebleu.BLEU(**theirs, effective_order=options.effective_order != "never")
    corpus = bleu.Corpus(options)
    for prediction, references in pairs:
        expected = of_rows.sentence_score(prediction, references).score
        assert bleu.sentence(prediction, references, options) == expected, (prediction, references)
        assert bleu.sentence_of(corpus.add(prediction, references), options) == expected
    metric = sacrebleu.BLEU(**theirs, effective_order=options.effective_order == "always")
    whole = metric.corpus_score([prediction for prediction, _ in pairs], streams(pairs))
    assert corpus.score() == bleu.BleuScore(
        whole.score,
        tuple(whole.precisions),
        whole.bp,
        whole.sys_len,
        whole.ref_len,
        str(metric.get_signature()),
        *(corpus.counts.matched, corpus.counts.total),
    )


@pytest.mark.parametrize("tokenize", bleu.TOKENIZERS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_random_texts_score_as_sacrebleu_says(
    random_pairs: list[Pair], streams: Streams, tokenize: str, lowercase: bool
) -> None:
    assert_equal_to_sacrebleu(random_pairs[:500], streams, bleu.Options(tokenize, lowercase))


@pytest.mark.parametrize(
    ("smooth", "value"),
    [
        ("exp", None),
        ("floor", None),
        ("floor", 0.0),
        ("floor", 0.01),
        ("add-k", None),
        ("add-k", 0.5),
        ("none", None),
    ],
)
@pytest.mark.parametrize("effective_order", bleu.EFFECTIVE_ORDERS)
def test_every_smoothing_is_sacrebleus(
    random_pairs: list[Pair], streams: Streams, smooth: Any, value: float | None, effective_order: Any
) -> None:
    options = bleu.Options(smooth=smooth, smooth_value=value, effective_order=effective_order)
    assert_equal_to_sacrebleu(random_pairs[:300], streams, options)


@pytest.mark.parametrize("tokenize", bleu.TOKENIZERS)
def test_real_texts_score_as_sacrebleu_says(real_pairs: list[Pair], streams: Streams, tokenize: str) -> None:
    assert_equal_to_sacrebleu(real_pairs[:100], streams, bleu.Options(tokenize))


def test_published_values_hold(published_bleu: dict[str, Any]) -> None:
    checked = 0
    for case in published_bleu["corpus_bleu"]:
        options = {name.replace("_method", ""): value for name, value in case["options"].items()}
        corpus = bleu.Corpus(bleu.Options(**options))
        for prediction, *references in zip(case["hypotheses"], *case["references"], strict=True):
            corpus.add(prediction, references)
        assert corpus.score().score == pytest.approx(case["score"], abs=1e-7)
        checked += 1
    assert checked == 6


def test_the_signature_names_every_choice() -> None:
    corpus = bleu.Corpus(bleu.Options("intl", lowercase=True))
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
        BadInput, match=r"no BLEU tokenizer named '13b'; did you mean '13a'\? choose from 13a"
    ):
        bleu.Options("13b")
    with pytest.raises(BadInput, match="no BLEU smoothing named 'laplace'"):
        bleu.Options(smooth="laplace")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="the smoothing 'exp' takes no value"):
        bleu.Options(smooth_value=0.1)
