"""How fast scoring is beside the packages that it equals, both measured in one run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from workbench.evaluation import bleu, breakdown, rouge

pytestmark = pytest.mark.benchmark

Pairs = Sequence[tuple[str, str]]


def pairs_of(tokens: int, count: int) -> Pairs:
    """Pairs of texts with Zipf-like words, of which about half are shared."""
    chance = random.Random(tokens)
    vocabulary = [f"w{number}" for number in range(2_000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]

    def text() -> str:
        return " ".join(chance.choices(vocabulary, weights, k=chance.randrange(tokens // 2, tokens * 3 // 2)))

    return [(text(), text()) for _ in range(count)]


def pairs_per_second(score: Callable[[str, str], object], pairs: Pairs) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for prediction, reference in pairs:
            score(prediction, reference)
        best = min(best, time.perf_counter() - started)
    return len(pairs) / best


@pytest.mark.parametrize(
    ("tokens", "count", "least", "least_explained"), [(70, 150, 6.0, 0.4), (600, 8, 25.0, 1.5)]
)
def test_rouge_is_many_times_as_fast_as_rouge_score(
    tokens: int, count: int, least: float, least_explained: float
) -> None:
    pairs = pairs_of(tokens, count)
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"])
    reference = pairs_per_second(lambda said, wanted: theirs.score(wanted, said), pairs)
    ours = pairs_per_second(lambda said, wanted: rouge.score(said, [wanted]), pairs)
    full = pairs_per_second(
        breakdown.rouges,
        pairs,
    )
    print(f"\nROUGE-1+2+L, {tokens} tokens: rouge-score {reference:,.0f} pairs/s", end="")
    print(f", scores {ours / reference:.1f} x, with every token explained {full / reference:.1f} x")
    assert ours / reference >= least
    assert full / reference >= least_explained


def test_bleu_is_as_fast_as_sacrebleu() -> None:
    # A new set each time, since sacrebleu remembers the lines it has cut.
    sets = [pairs_of(tokens, 300) for tokens in range(68, 73)]

    def theirs(rows: Pairs) -> float:
        started = time.perf_counter()
        sacrebleu.corpus_bleu([said for said, _ in rows], [[wanted for _, wanted in rows]])
        return time.perf_counter() - started

    def ours(rows: Pairs) -> float:
        started = time.perf_counter()
        corpus = bleu.Corpus()
        for said, wanted in rows:
            corpus.add(said, [wanted])
        corpus.score()
        return time.perf_counter() - started

    ratio = min(map(theirs, sets)) / min(map(ours, sets))
    print(f"\ncorpus BLEU, 70 tokens: {ratio:.2f} x sacrebleu's speed")
    assert ratio >= 0.9
