"""How fast scoring is beside the packages that it equals, both measured in one run."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.significance import PairedTest

from workbench.evaluation import bleu, breakdown, rouge
from workbench.evaluation.comparison import compare
from workbench.evaluation.meters import Choices
from workbench.evaluation.rows import Row

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


def pairs_per_second(scores: Sequence[Callable[[str, str], object]], pairs: Pairs) -> list[float]:
    """The best of five rounds, in which all take turns, so that other work on the machine hits all alike."""
    best = [float("inf")] * len(scores)
    gc.disable()  # as `timeit` does: the other tests' objects are not what is measured
    for _ in range(5):
        for at, score in enumerate(scores):
            started = time.process_time()
            for prediction, reference in pairs:
                score(prediction, reference)
            best[at] = min(best[at], time.process_time() - started)
    gc.enable()
    return [len(pairs) / seconds for seconds in best]


@pytest.mark.parametrize(
    ("tokens", "count", "least", "least_explained"), [(70, 150, 6.0, 1.0), (600, 8, 25.0, 1.0)]
)
def test_rouge_is_many_times_as_fast_as_rouge_score(
    tokens: int, count: int, least: float, least_explained: float
) -> None:
    pairs = pairs_of(tokens, count)
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"])
    reference, ours, full = pairs_per_second(
        [
            lambda said, wanted: theirs.score(wanted, said),
            lambda said, wanted: rouge.score(said, [wanted]),
            breakdown.rouges,
        ],
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
        started = time.process_time()
        sacrebleu.corpus_bleu([said for said, _ in rows], [[wanted for _, wanted in rows]])
        return time.process_time() - started

    def ours(rows: Pairs) -> float:
        started = time.process_time()
        corpus = bleu.Corpus()
        for said, wanted in rows:
            corpus.add(said, [wanted])
        corpus.score()
        return time.process_time() - started

    ratio = min(map(theirs, sets)) / min(map(ours, sets))
    print(f"\ncorpus BLEU, 70 tokens: {ratio:.2f} x sacrebleu's speed")
    assert ratio >= 1.0


def test_a_million_pairs_take_no_more_memory_than_ten_thousand() -> None:
    """In a process of its own, whose largest size is read early and at the end."""
    script = """
import random, resource
from workbench.evaluation.report import Scorer
from workbench.evaluation.rows import Row

chance, scorer = random.Random(0), Scorer()
words = [f"w{number}" for number in range(20_000)]
for number in range(1_000_000):
    said = chance.choices(words, k=12)
    scorer.add(Row(" ".join(said), (" ".join(chance.choices(said, k=10)),)))
    if number in (10_000, 999_999):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
scorer.totals()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    early, late = map(int, done.stdout.split())
    print(f"\n1,000,000 pairs: {late / 1024:,.0f} MB, {late / early:.2f} x the size after 10,000")
    assert late / early <= 1.1


def test_two_systems_are_compared_as_fast_as_sacrebleu_compares_them() -> None:
    rows = pairs_of(25, 1_000)
    said, wanted = [one for one, _ in rows], [other for _, other in rows]
    system = [" ".join(text.split()[::-1]) if at % 3 else wanted[at] for at, text in enumerate(said)]
    started = time.process_time()
    for kind in ("bs", "ar"):
        metrics = {"BLEU": sacrebleu.BLEU()}
        PairedTest([("a", said), ("b", system)], metrics, [wanted], test_type=kind)()
    theirs = time.process_time() - started
    pairs = [([Row(a, (c,))], [Row(b, (c,))]) for a, b, c in zip(said, system, wanted, strict=True)]
    started = time.process_time()
    compare(pairs, Choices(("bleu",)))
    ratio = theirs / (time.process_time() - started)
    print(f"\npaired bootstrap and swaps of BLEU, 1,000 rows: {ratio:.2f} x sacrebleu's speed")
    assert ratio >= 1.0
