"""What each word of a prediction costs in BLEU, and what the brevity penalty takes.

With p_n = m_n/t_n, N orders, and the lengths c of the prediction and r of the reference,
-ln BLEU = max(0, r/c - 1) + sum over n of -(1/N) ln p_n. So orders and brevity add up already.

*An order's loss* -(1/N) ln p_n is owed by the t_n - m_n runs that do not match: were a set S of them mended,
(1/N) ln((m_n + |S|)/t_n) would be reached, and since only how many matters, the Shapley value gives each an
equal part. Of a run g that the prediction has c_H(g) times, m(g) of them matching, each occurrence is
1 - m(g)/c_H(g) of an unmatched run, and each of its n words bears 1/n. Summing over words, occurrences and
runs gives (t_n - m_n) parts, the whole loss. Where p_n is smoothed, the smoothed p_n is taken.

*Brevity*, where c < r, is r - c missing words at 1/c each: a bill beside the words that stand there.

So the words' losses and the bill add up to -ln BLEU. The runs are the players of that game; what the score
would be without a word is another question, which `without` answers by counting again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.evaluation import bleu, orders
from workbench.evaluation.bleu import DEFAULTS, MAX_ORDER, Counts, Options, Parts
from workbench.evaluation.ladder import WordLabel, labelled
from workbench.evaluation.orders import SAID, WANTED, Gram, Order
from workbench.evaluation.words import bleu_words


@dataclass(frozen=True, slots=True)
class BleuBreakdown:
    """BLEU of one row down to the word.

    `score` is 0 to 100; `precisions` are smoothed, `matched` and `total` are counts per order; `orders` tells
    how many orders make the score. `loss` is -ln(score/100), None for a score of 0, and `brevity_loss` the
    part that length takes; `missing_words` more would remove it, and the score without it is `unbrief_score`.
    """

    prediction: tuple[WordLabel, ...]
    references: tuple[tuple[WordLabel, ...], ...]
    score: float
    precisions: tuple[float, ...]
    matched: tuple[int, ...]
    total: tuple[int, ...]
    orders: int
    bp: float
    loss: float | None
    brevity_loss: float
    missing_words: int
    unbrief_score: float
    sentence: str


@dataclass(frozen=True, slots=True)
class _Row:
    said: list[str]
    wanted: list[list[str]]
    counts: Counts
    parts: Parts
    by_order: list[list[Order]]
    """Per order 1..4 the comparison with each reference."""


def explain(prediction: str, references: Sequence[str], options: Options = DEFAULTS) -> BleuBreakdown:
    """Break the BLEU of one row down to its words.

    Raises:
        BadInput: There is no reference.
    """
    counts = bleu.counts(prediction, references, options)
    cut = [
        bleu_words(text, tokenize=options.tokenize, lowercase=options.lowercase)
        for text in (prediction, *references)
    ]
    said, wanted = cut[0].keys, [words.keys for words in cut[1:]]
    parts = bleu.parts(counts, options, effective=options.effective_order != "never")
    by_order = [[orders.compare(said, each, order) for each in wanted] for order in range(1, MAX_ORDER + 1)]
    row = _Row(said, wanted, counts, parts, by_order)
    ranks = [_ranks(found) for found in by_order]
    losses, without = _losses(row), _without(row, options)
    brevity = max(counts.expected / counts.predicted - 1, 0.0) if counts.predicted else math.inf
    return BleuBreakdown(
        prediction=labelled(cut[0], [said for said, _ in ranks], SAID, None, losses, without),
        references=tuple(
            labelled(words, [wanted[at] for _, wanted in ranks], WANTED) for at, words in enumerate(cut[1:])
        ),
        score=parts.score,
        precisions=parts.precisions,
        matched=counts.matched,
        total=counts.total,
        orders=parts.orders,
        bp=parts.bp,
        loss=-math.log(parts.score / 100) if parts.score > 0 else None,
        brevity_loss=brevity if counts.predicted else 0.0,
        missing_words=max(counts.expected - counts.predicted, 0),
        unbrief_score=parts.score / parts.bp if parts.bp > 0 else 0.0,
        sentence=_sentence(counts, parts),
    )


def order_losses(counts: Counts, parts: Parts) -> list[float]:
    """What each unmatched run costs in nats, per order that makes the score; 0 where all match.

    Args:
        counts: Of a row or summed over a corpus.
        parts: The score of these counts, which is above 0.
    """
    return [
        -math.log(precision / 100) / parts.orders / (total - matched) if total > matched else 0.0
        for precision, matched, total in zip(
            parts.precisions[: parts.orders], counts.matched, counts.total, strict=False
        )
    ]


def _losses(row: _Row) -> list[float] | None:
    """Nats per word of the prediction; None where the score is 0."""
    if row.parts.score <= 0:
        return None
    found = [0.0] * len(row.said)
    for price, compared in zip(order_losses(row.counts, row.parts), row.by_order, strict=False):
        if not price:
            continue
        first = compared[0]
        allowed = _allowed(compared)
        owed = {
            gram: price * (1 - min(times, allowed[gram]) / times) / first.order
            for gram, times in first.said_counts.items()
        }
        spread = orders.spread([owed[gram] for gram in first.said], first.order, len(row.said))
        found = [before + more for before, more in zip(found, spread, strict=True)]
    return found


def _without(row: _Row, options: Options) -> list[float]:
    """By how much BLEU changes without each word of the prediction."""
    matched = [
        [before + change for change in orders.losses_without(_merged(compared), row.said)]
        for before, compared in zip(row.counts.matched, row.by_order, strict=True)
    ]
    lengths = [len(each) for each in row.wanted]
    effective = options.effective_order != "never"
    seen: dict[tuple[int, ...], float] = {}
    for each in set(zip(*matched, strict=True)):
        counts = bleu.counted(len(row.said) - 1, lengths, each)
        seen[each] = bleu.parts(counts, options, effective=effective).score - row.parts.score
    return [seen[each] for each in zip(*matched, strict=True)]


def _allowed(compared: Sequence[Order]) -> Counter[Gram]:
    """How often each run may match: as often as the reference has it that has it most often."""
    allowed = compared[0].wanted_counts
    for each in compared[1:]:
        allowed = allowed | each.wanted_counts
    return allowed


def _merged(compared: Sequence[Order]) -> Order:
    """One comparison with all references together, for counting."""
    first = compared[0]
    if len(compared) == 1:
        return first
    allowed = _allowed(compared)
    ranks = [1 if gram in allowed else 2 for gram in first.said]
    return Order(first.order, first.said, (), first.said_counts, allowed, [], ranks, [])


def _ranks(compared: Sequence[Order]) -> tuple[list[int], list[list[int]]]:
    """The ranks of the runs of the prediction, and of each reference.

    A run is paired within the reference that has it most often, the first of several.
    """
    if len(compared) == 1:
        return compared[0].said_ranks, [compared[0].wanted_ranks]
    allowed = _allowed(compared)
    said = [1 if gram in allowed else 2 for gram in compared[0].said]
    wanted = [[2] * len(each.wanted) for each in compared]
    for at, each in enumerate(compared):
        for i, j in each.pairs:
            gram = each.said[j]
            before = [other.wanted_counts[gram] for other in compared[:at]]
            if each.wanted_counts[gram] == allowed[gram] and allowed[gram] not in before:
                said[j] = wanted[at][i] = 0
    return said, wanted


def _sentence(counts: Counts, parts: Parts) -> str:
    """One plain sentence on why the score is what it is."""
    if not counts.predicted:
        return "The prediction has no word, so the score is 0."
    if not any(counts.matched):
        return "No word of the prediction is in a reference, so the score is 0."
    told = ", ".join(
        f"{matched} of {total} runs of {order}" if order > 1 else f"{matched} of {total} words"
        for order, (matched, total) in enumerate(zip(counts.matched, counts.total, strict=True), 1)
        if total
    )
    if parts.bp == 1:
        return f"{told} match; the length costs nothing."
    missing = counts.expected - counts.predicted
    return (
        f"{told} match; {missing} more words would lift the brevity penalty of {parts.bp:.3f}, "
        f"which takes {100 * (1 - parts.bp):.1f} % of the score."
    )
