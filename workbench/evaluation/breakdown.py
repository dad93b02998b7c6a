"""What each token of a prediction and of its reference earned in a ROUGE score, and which belong together.

Let H and R be the runs of n words of prediction and reference, c_H(g) and c_R(g) how often g is among them,
m(g) = min(c_H(g), c_R(g)) and m their sum. P = m/|H| and R = m/|R| give F1 = 2m/(|H| + |R|).

*Shares.* Each of the c_H(g) occurrences of g gets m(g)/c_H(g), and each of its n tokens 1/n of that; this is
the only division that treats equal occurrences alike. A token with the credit a has the share 2a/(|H| + |R|).
Summing over tokens undoes the 1/n, over occurrences the 1/c_H(g), over g gives m: the shares add up to F1.
ROUGE-L counts pairs on a longest common subsequence. There can be many; a token's credit is the part of them
that it is on (`paths`). Each of them has exactly l pairs, so the credits add up to l, the shares to F1.
ROUGE-Lsum counts words of the reference that its rule reaches (`union`), none more often than the prediction
has it; the occurrences of a word share its hits equally.

*Losses.* |H| = m + clipped + novel and |R| = m + missed, so 1 - F1 = (clipped + novel + missed)/(|H| + |R|).

*Without it.* What F1 would be without the token, less what it is: another question with other answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate
from typing import Any, NamedTuple

from workbench.evaluation import orders, subsequence, union
from workbench.evaluation.ladder import WordLabel, labelled
from workbench.evaluation.names import unknown
from workbench.evaluation.orders import SAID, WANTED, Label, Order, Pairs
from workbench.evaluation.paths import Participation, Path, participation
from workbench.evaluation.rouge import from_counts
from workbench.evaluation.words import Words, lines_of, rouge_words

METRICS = ("rouge1", "rouge2", "rougeL")
ALL_METRICS = (*METRICS, "rougeLsum")


class TokenLabel(NamedTuple):
    """One token of the raw text: `text` is the text from `start` to `end`, counted in characters.

    `partners` are the indices of the tokens on the other side that it is paired with; with ROUGE-2 a token
    is part of two pairs of words, so there can be two. Of the prediction alone: `share` is what it earned of
    F1, `without` the change of F1 were it not there, `path` whether it is on all longest common subsequences,
    on some or on none (ROUGE-L). Where thousands of words are equal ROUGE-L has no `path` and no `without`,
    and the share is that of the subsequence drawn; very long texts have no `without` in ROUGE-Lsum.
    """

    text: str
    start: int
    end: int
    label: Label
    partners: tuple[int, ...]
    share: float | None = None
    without: float | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A ROUGE score down to the token.

    In the prediction a token is `matched`; `clipped`, when the reference has it and it earned nothing here
    (one repeat too many, or out of order for ROUGE-L); or `novel`, when the reference does not have it. In
    the reference a token is `recalled` or `missed`. With ROUGE-2 a token takes the best label of its two word
    pairs. The four counts are of words, with ROUGE-2 of word pairs: matched + clipped + novel is the
    prediction's length, matched + missed the reference's.
    """

    metric: str
    prediction: tuple[TokenLabel, ...]
    reference: tuple[TokenLabel, ...]
    precision: float
    recall: float
    fmeasure: float
    matched: int
    clipped: int
    novel: int
    missed: int
    sentence: str


@dataclass(frozen=True)
class Sides:
    """A prediction and a reference, raw and cut into words, and their words' common subsequences."""

    prediction: str
    reference: str
    said: Words
    wanted: Words

    @cached_property
    def table(self) -> list[int]:
        return subsequence.rows(self.wanted.keys, self.said.keys)

    @cached_property
    def in_order(self) -> Pairs:
        return subsequence.drawn(self.table, self.wanted.keys, self.said.keys)


def rouge(prediction: str, reference: str, *, metric: str = "rouge1", stemmer: bool = False) -> Breakdown:
    """Break one ROUGE score down to the tokens of both texts.

    Args:
        prediction: What the model wrote.
        reference: The one text it is compared with.
        metric: One of `ALL_METRICS`.
        stemmer: Compare stems in place of words.

    Raises:
        BadInput: There is no such metric here.
    """
    return rouges(prediction, reference, metrics=(metric,), stemmer=stemmer)[metric]


def rouges(
    prediction: str, reference: str, *, metrics: Sequence[str] = METRICS, stemmer: bool = False
) -> dict[str, Breakdown]:
    """Break several ROUGE scores down, as `rouge` does one.

    Raises:
        BadInput: There is no such metric here.
    """
    for metric in metrics:
        if metric not in ALL_METRICS:
            raise unknown("no breakdown of", ALL_METRICS, metric)
    said, wanted = rouge_words(prediction, stemmer=stemmer), rouge_words(reference, stemmer=stemmer)
    sides = Sides(prediction, reference, said, wanted)
    return {metric: _KINDS[metric](sides) for metric in metrics}


def ladder(
    prediction: str, reference: str, *, stemmer: bool = False
) -> tuple[tuple[WordLabel, ...], tuple[WordLabel, ...]]:
    """Label ROUGE's words of prediction and reference by their runs of 1, 2, 3 and 4 words."""
    said, wanted = rouge_words(prediction, stemmer=stemmer), rouge_words(reference, stemmer=stemmer)
    found = [orders.compare(said.keys, wanted.keys, order) for order in range(1, 5)]
    shared = participation(wanted.keys, said.keys)
    paths = shared.paths if shared else None
    return (
        labelled(said, [each.said_ranks for each in found], SAID, paths),
        labelled(wanted, [each.wanted_ranks for each in found], WANTED),
    )


def _by_order(sides: Sides, order: int) -> Breakdown:
    """ROUGE-N."""
    said = sides.said.keys
    found = orders.compare(said, sides.wanted.keys, order, sides.in_order if order == 1 else None)
    lengths = len(found.said), len(found.wanted)
    whole = sum(lengths) or 1
    shares = [2 * credit / whole for credit in orders.credits(found, len(said))]
    changes = _changes(len(found.pairs), lengths, orders.losses_without(found, said))
    return _breakdown(f"rouge{order}", sides, found, (shares, changes, [None] * len(said)))


def _in_order(sides: Sides) -> Breakdown:
    """ROUGE-L."""
    said, wanted = sides.said.keys, sides.wanted.keys
    found = orders.labelled(said, wanted, sides.in_order)
    columns = _on_paths(participation(wanted, said, sides.table), found.pairs, (len(said), len(wanted)))
    return _breakdown("rougeL", sides, found, columns)


def _by_lines(sides: Sides) -> Breakdown:
    """ROUGE-Lsum; of texts of one line each it is ROUGE-L."""
    if "\n" not in sides.prediction and "\n" not in sides.reference:
        return replace(_in_order(sides), metric="rougeLsum")
    said, wanted = lines_of(sides.prediction, sides.said), lines_of(sides.reference, sides.wanted)
    firsts, wanted_firsts = (list(accumulate(map(len, lines), initial=0)) for lines in (said, wanted))
    pairs = [
        (wanted_firsts[line] + i, firsts[other] + j) for (line, i), (other, j) in union.pairs(said, wanted)
    ]
    found = orders.labelled(sides.said.keys, sides.wanted.keys, pairs)
    lengths = len(found.said), len(found.wanted)
    hits = Counter(found.said[j] for _, j in pairs)
    whole = sum(lengths) or 1
    shares = [2 * hits[word] / found.said_counts[word] / whole for word in found.said]
    nothing = [None] * len(found.said)
    hits_without = union.hits_without(said, wanted)
    changes: Sequence[float | None] = nothing
    if hits_without is not None:
        changes = _changes(len(pairs), lengths, [left - len(pairs) for line in hits_without for left in line])
    columns = shares, changes, nothing
    return _breakdown("rougeLsum", sides, found, columns)


_KINDS: dict[str, Callable[[Sides], Breakdown]] = {
    "rouge1": lambda sides: _by_order(sides, 1),
    "rouge2": lambda sides: _by_order(sides, 2),
    "rougeL": _in_order,
    "rougeLsum": _by_lines,
}

Columns = tuple[Sequence[float | None], Sequence[float | None], Sequence[Path | None]]


def _on_paths(shared: Participation | None, pairs: Pairs, lengths: tuple[int, int]) -> Columns:
    whole = sum(lengths) or 1
    if shared is None:
        on_it = {j for _, j in pairs}
        nothing = [None] * lengths[0]
        return [2 / whole if j in on_it else 0.0 for j in range(lengths[0])], nothing, nothing
    changes = _changes(shared.length, lengths, [-1 if path == "must" else 0 for path in shared.paths])
    return [2 * share / whole for share in shared.shares], changes, shared.paths


def _changes(matched: int, lengths: tuple[int, int], lost: Sequence[int]) -> list[float]:
    """The change of F1 per token, from the change of the matches; the prediction is one run shorter."""
    predicted, expected = lengths
    now = from_counts(matched, predicted, expected).fmeasure
    shorter = max(predicted - 1, 0)
    change = {less: from_counts(matched + less, shorter, expected).fmeasure - now for less in set(lost)}
    return [change[less] for less in lost]


def _breakdown(metric: str, sides: Sides, found: Order, columns: Columns) -> Breakdown:
    said, wanted, order = sides.said, sides.wanted, found.order
    score = from_counts(len(found.pairs), len(found.said), len(found.wanted))
    ranks = orders.per_word(found.said_ranks, order, len(said.keys))
    prediction = _tokens(said, ranks, SAID, [(j, i) for i, j in found.pairs], order, columns)
    nothing = [None] * len(wanted.keys)
    ranks = orders.per_word(found.wanted_ranks, order, len(wanted.keys))
    reference = _tokens(wanted, ranks, WANTED, found.pairs, order, (nothing, nothing, nothing))
    counts = {label: found.said_ranks.count(rank) for rank, label in enumerate(SAID)}
    counts["missed"] = found.wanted_ranks.count(2)
    return Breakdown(
        metric=metric,
        prediction=prediction,
        reference=reference,
        precision=score.precision,
        recall=score.recall,
        fmeasure=score.fmeasure,
        matched=counts["matched"],
        clipped=counts["clipped"],
        novel=counts["novel"],
        missed=counts["missed"],
        sentence=_sentence(metric, counts, len(found.said), len(found.wanted)),
    )


def _tokens(
    words: Words,
    ranks: Sequence[int],
    names: Sequence[Label],
    pairs: Pairs,
    order: int,
    columns: Columns,
) -> tuple[TokenLabel, ...]:
    """The words of one side with all that is said of them."""
    rows = zip(
        words.texts,
        words.starts,
        words.ends,
        [names[rank] for rank in ranks],
        orders.partners(pairs, order, len(ranks)),
        *columns,
        strict=True,
    )
    return tuple(map(_TOKEN, rows))


# Thousands are made at a time: three times as fast as by calling the class.
_TOKEN: Callable[[Iterable[Any]], TokenLabel] = partial(tuple.__new__, TokenLabel)


def _sentence(metric: str, counts: Mapping[Label, int], predicted: int, expected: int) -> str:
    """One plain sentence on why the score is what it is."""
    unit = "word pair" if metric == "rouge2" else "word"
    if not predicted or not expected:
        side = "reference" if predicted else "prediction"
        return f"The {side} has no {unit} to compare, so the score is 0."
    where = " in the reference's order" if metric.startswith("rougeL") else ""
    parts = [f"{counts['matched']} of the prediction's {_number(predicted, unit)} matched{where}"]
    if counts["clipped"]:
        reason = (
            "out of its order or repeated" if metric.startswith("rougeL") else "beyond the reference's count"
        )
        parts.append(f"{counts['clipped']} clipped ({reason})")
    if counts["novel"]:
        parts.append(f"{counts['novel']} not in the reference")
    return f"{', '.join(parts)}; {counts['missed']} of the reference's {_number(expected, unit)} missed."


def _number(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
