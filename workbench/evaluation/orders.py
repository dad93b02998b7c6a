"""Two lists of words compared by their runs of n words: which match, repeat too often, or are new.

A run that both sides have several times could be paired in several ways. One is chosen, always the same:
first the pairs on the longest common subsequence, then those that share most context, then the leftmost.
The labels are choices in that sense; counts, shares and scores are not. Orders do not nest: in `x a z a y`
against `x a y` one `a` is a repeat too many, and yet both `x a` and `a y` match. So each order has labels of
its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.evaluation import subsequence

Label = Literal["matched", "clipped", "novel", "recalled", "missed"]
Gram = Hashable
"""A word, or a run of words as a tuple."""
Pairs = list[tuple[int, int]]

SAID: tuple[Label, ...] = ("matched", "clipped", "novel")
"""Labels of the prediction by rank: the lower one is the better one."""
WANTED: tuple[Label, ...] = ("recalled", "recalled", "missed")

CONTEXT = 4
"""Two equal runs are compared by the common words around them, up to this many."""


@dataclass(frozen=True, slots=True)
class Order:
    """All runs of `order` words of both sides, in the texts' order, and how they match.

    `pairs` are (place in the reference, place in the prediction), as many as match. The ranks, per run, are
    places in `SAID` and `WANTED`.
    """

    order: int
    said: Sequence[Gram]
    wanted: Sequence[Gram]
    said_counts: Counter[Gram]
    wanted_counts: Counter[Gram]
    pairs: Pairs
    said_ranks: list[int]
    wanted_ranks: list[int]


def compare(said: Sequence[str], wanted: Sequence[str], order: int, in_order: Pairs | None = None) -> Order:
    """Compare two lists of words by their runs of `order` words.

    Args:
        said: The prediction's words.
        wanted: The reference's.
        order: How many words a run has.
        in_order: The runs' canonical longest common subsequence, where it is known.
    """
    runs, wanted_runs = grams(said, order), grams(wanted, order)
    counts, wanted_counts = Counter(runs), Counter(wanted_runs)
    both = counts.keys() & wanted_counts.keys()
    if all(counts[gram] == 1 == wanted_counts[gram] for gram in both):
        places = {gram: i for i, gram in enumerate(wanted_runs) if gram in both}
        pairs = [(places[gram], j) for j, gram in enumerate(runs) if gram in both]
    else:
        in_order = subsequence.pairs(wanted_runs, runs) if in_order is None else in_order
        pairs = in_order + _rest_of_pairs(wanted_runs, runs, in_order)
    return _labelled(order, (runs, wanted_runs), (counts, wanted_counts), pairs)


def labelled(said: Sequence[str], wanted: Sequence[str], pairs: Pairs) -> Order:
    """Compare two lists of words of which these match, by a rule that is another's."""
    return _labelled(1, (said, wanted), (Counter(said), Counter(wanted)), pairs)


def _labelled(
    order: int,
    runs: tuple[Sequence[Gram], Sequence[Gram]],
    counts: tuple[Counter[Gram], Counter[Gram]],
    pairs: Pairs,
) -> Order:
    (said, wanted), (_, known) = runs, counts
    paired_said, paired_wanted = {j for _, j in pairs}, {i for i, _ in pairs}
    ranks = [0 if j in paired_said else 1 if gram in known else 2 for j, gram in enumerate(said)]
    wanted_ranks = [0 if i in paired_wanted else 2 for i in range(len(wanted))]
    return Order(order, said, wanted, *counts, pairs, ranks, wanted_ranks)


def grams(words: Sequence[str], order: int) -> Sequence[Gram]:
    """Every run of `order` words, in the text's order; of one, the words themselves."""
    return words if order == 1 else list(zip(*[words[start:] for start in range(order)], strict=False))


def per_word(ranks: Sequence[int], order: int, length: int) -> list[int]:
    """The best rank of the runs that each word is in; the worst where a text is too short for a run."""
    if not ranks:
        return [2] * length
    edge = [2] * (order - 1)
    padded = [*edge, *ranks, *edge]
    return list(map(min, *[padded[start : start + length] for start in range(order)])) if edge else padded


def partners(pairs: Iterable[tuple[int, int]], order: int, length: int) -> list[tuple[int, ...]]:
    """Per word the words of the other side that it is paired with: one at most, with longer runs several.

    Args:
        pairs: (place on this side, place on the other), of runs.
        order: How many words a run has.
        length: How many words this side has.
    """
    found: list[tuple[int, ...]] = [()] * length
    if order == 1:
        for here, there in pairs:
            found[here] = (there,)
        return found
    for here, there in sorted(pairs):
        for within in range(order):
            if there + within not in found[here + within]:
                found[here + within] += (there + within,)
    return found


def credits(found: Order, length: int) -> list[float]:
    """How many matches each word of the prediction earned; they add up to the number of matches.

    The occurrences of a run share its matches equally, which alone depends on no choice, and the words of an
    occurrence share that equally.
    """
    if not found.said:
        return [0.0] * length
    weights = {
        gram: min(times, found.wanted_counts[gram]) / times / found.order
        for gram, times in found.said_counts.items()
        if gram in found.wanted_counts
    }
    amounts = [weights.get(gram, 0.0) for gram in found.said]
    return spread(amounts, found.order, length) if found.order > 1 else amounts


def spread(amounts: Sequence[float], order: int, length: int) -> list[float]:
    """Per word the sum of the amounts of all runs that it is in."""
    edge = [0.0] * (order - 1)
    padded = [*edge, *amounts, *edge]
    return [sum(each) for each in zip(*[padded[at : at + length] for at in range(order)], strict=True)]


def losses_without(found: Order, words: Sequence[str]) -> list[int]:
    """By how many the matches change when a word of the prediction is left out, for each word.

    Only the runs through the word go, and those come that its neighbours then form.
    """
    order, length = found.order, len(words)
    known = found.wanted_counts
    if order == 1:
        surplus = {gram for gram, times in found.said_counts.items() if times > known[gram]}
        return [0 if gram in surplus else -1 for gram in found.said]
    gone, come = defaultdict(list), defaultdict(list)
    for start, rank in enumerate(found.said_ranks):
        if rank < 2:
            for within in range(order):
                gone[start + within].append(found.said[start])
    for left_out in range(1, order):
        shifted = [words[shift:] for shift in range(order + 1) if shift != left_out]
        for start, gram in enumerate(zip(*shifted, strict=False)):
            if gram in known:
                come[start + left_out].append(gram)
    changes = [0] * length
    for at in gone.keys() | come.keys():
        changes[at] = _change(found, gone[at], come[at])
    return changes


def _change(found: Order, gone: Sequence[Gram], come: Sequence[Gram]) -> int:
    net = Counter(come)
    net.subtract(gone)
    return sum(
        min(found.said_counts[gram] + more, found.wanted_counts[gram])
        - min(found.said_counts[gram], found.wanted_counts[gram])
        for gram, more in net.items()
        if more
    )


def _rest_of_pairs(wanted: Sequence[Hashable], said: Sequence[Hashable], taken: Pairs) -> Pairs:
    """Pair what the subsequence left over: most context first, then leftmost with leftmost."""
    left_wanted = _left_over(wanted, {i for i, _ in taken})
    left_said = _left_over(said, {j for _, j in taken})
    times, other_times = Counter([said[j] for j in left_said]), Counter([wanted[i] for i in left_wanted])
    both = times.keys() & other_times.keys()
    # Where one is left on each side nothing is to be chosen.
    alone = {run for run in both if times[run] == 1 == other_times[run]}
    places_alone = {wanted[i]: i for i in left_wanted if wanted[i] in alone}
    found: Pairs = [(places_alone[said[j]], j) for j in left_said if said[j] in alone]
    left_wanted = [i for i in left_wanted if wanted[i] in both - alone]
    left_said = [j for j in left_said if said[j] in both - alone]
    used: set[int] = set()
    for width in range(CONTEXT, 0, -1):
        if not left_said:
            break
        shared = set(_spans(wanted, width)) & set(_spans(said, width))
        places: dict[Hashable, deque[int]] = defaultdict(deque)
        for i in left_wanted:
            if shared and i not in used:
                for window in _windows(wanted, i, width, shared):
                    places[window].append(i)
        still_left = []
        for j in left_said:
            free = _free(places, _windows(said, j, width, shared), used) if places else []
            if free:
                found.append((min(free), j))
                used.add(min(free))
            else:
                still_left.append(j)
        left_said = still_left
    return found


def _left_over(runs: Sequence[Hashable], taken: set[int]) -> list[int]:
    return [place for place in range(len(runs)) if place not in taken]


def _spans(runs: Sequence[Hashable], width: int) -> list[tuple[Hashable, ...]]:
    return list(zip(*[runs[start:] for start in range(width)], strict=False))


def _windows(
    runs: Sequence[Hashable], place: int, width: int, shared: set[tuple[Hashable, ...]]
) -> list[Hashable]:
    """Every span through one place that both sides have, with how far into the span the place is."""
    spans = [
        (place - start, tuple(runs[start : start + width]))
        for start in range(max(place - width + 1, 0), min(place, len(runs) - width) + 1)
    ]
    return [span for span in spans if span[1] in shared]


def _free(places: dict[Hashable, deque[int]], windows: list[Hashable], used: set[int]) -> list[int]:
    """Per window the leftmost place that is still free. Used places in front are dropped for good."""
    found = []
    for window in windows:
        queue = places.get(window)
        while queue and queue[0] in used:
            queue.popleft()
        if queue:
            found.append(queue[0])
    return found
