"""How the tasks of a mixture share the draws, and in what order they come: pure arithmetic, without a state.

A draw is one example; the draws of a run are numbered from 0. What draw k is depends on the sizes, the
shares, the seed and k alone: a run that is resumed at k, or made longer, goes on exactly.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from store.mixtures import Mixture

BLOCK_DRAWS = 64
"""Draws that are shuffled among each other. Before that their tasks are spread as evenly as can be."""

_SCALE = 1 << 40
_ROUNDS = 6
_WORD = (1 << 64) - 1


def shares(mixture: Mixture, rows: Sequence[int]) -> list[float]:
    """The share of the examples that each task gets; they add up to 1.

    Proportional: rates go with weight * min(rows, cap), FLAN's examples-proportional mixing with a cap
    (Wei et al. 2021, section 2.1). Temperature: with weight * min(rows, cap) ** (1 / temperature), as in T5
    (Raffel et al. 2020, section 3.5.2). Fixed: with the weight alone.

    Args:
        mixture: Says how.
        rows: Of each task, at least 1.
    """
    counted = [_counted(mixture, each) for each in rows]
    most = max(counted, default=1)
    # Relative to the largest, so that no power of a low temperature overflows.
    power = {"proportional": 1.0, "temperature": 1 / mixture.temperature, "fixed": 0.0}[mixture.mixing]
    rates = [task.weight * (each / most) ** power for task, each in zip(mixture.tasks, counted, strict=True)]
    total = sum(rates)
    return [rate / total for rate in rates]


def epoch_rows(mixture: Mixture, rows: Sequence[int]) -> int:
    """The draws of one pass: as many as the tasks have rows, none of them counted beyond the cap.

    With proportional mixing and equal weights one pass draws from each task just that many different rows.
    Otherwise it draws as many examples in all, and divides them by the shares.
    """
    return sum(_counted(mixture, each) for each in rows)


class Order:
    """The endless order of a mixture's draws.

    After any whole number of blocks each task has been drawn as often as its share says, give or take two at
    most: the counts do not drift, as those of a lottery would. The rows of a task come in a shuffled order,
    each once before any comes again, shuffled anew each time.

    Args:
        sizes: Rows of each task, at least 1.
        shares: Of each task, above 0; they need not add up to 1.
        seed: Another seed is another order.
    """

    def __init__(self, sizes: Sequence[int], shares: Sequence[float], seed: int) -> None:
        self._sizes = tuple(sizes)
        self._seed = seed
        self._tree = _tree(shares)

    def __getitem__(self, draw: int) -> tuple[int, int]:
        """The task and the row of a draw, both from 0."""
        task, turn = self._turn(draw)
        size = self._sizes[task]
        key = _key(f"{self._seed}/rows/{task}/{turn // size}")
        return task, _shuffled(turn % size, size, key)

    def counts(self, draws: int) -> list[int]:
        """How often each task comes among the first so many draws."""
        whole = draws - draws % BLOCK_DRAWS
        counts = [0] * len(self._sizes)
        for task, count in _divided(self._tree, whole):
            counts[task] = count
        for draw in range(whole, draws):
            counts[self._turn(draw)[0]] += 1
        return counts

    def _turn(self, draw: int) -> tuple[int, int]:
        """The task of a draw, and how often that task came before it (blocks taken unshuffled)."""
        block, place = divmod(draw, BLOCK_DRAWS)
        key = _key(f"{self._seed}/block/{block}")
        turn, node = block * BLOCK_DRAWS + _shuffled(place, BLOCK_DRAWS, key), self._tree
        while isinstance(node, _Node):
            before, after = node.lefts(turn), node.lefts(turn + 1)
            turn, node = (before, node.left) if after > before else (turn - before, node.right)
        return node, turn


@dataclass(frozen=True, slots=True)
class _Node:
    """Two groups of tasks that divide the draws of both between them; a group of one is a task's number."""

    weight: int
    left_weight: int
    left: _Node | int
    right: _Node | int

    def lefts(self, draws: int) -> int:
        """How many of the first so many draws go left: the share, rounded. One more draw adds 0 or 1."""
        return (2 * draws * self.left_weight + self.weight) // (2 * self.weight)


def _tree(shares: Sequence[float]) -> _Node | int:
    """Join the two lightest groups until there is one (Huffman): frequent tasks are found in few steps.

    Of two levels in turn the second has at most half the weight of the first, so that what rounding errs on
    the way down stays below 1 + 1/2 + 1/4 + ... = 2. Whole numbers as weights, so that a draw is the same on
    every machine, however far on.
    """
    total = sum(shares)
    groups: list[tuple[int, int, _Node | int]] = [
        (max(1, round(share / total * _SCALE)), task, task) for task, share in enumerate(shares)
    ]
    heapq.heapify(groups)
    while len(groups) > 1:
        weight, first, right = heapq.heappop(groups)
        more, second, left = heapq.heappop(groups)
        joined = _Node(weight + more, more, left, right)
        heapq.heappush(groups, (weight + more, min(first, second), joined))
    return groups[0][2]


def _divided(node: _Node | int, draws: int) -> Iterator[tuple[int, int]]:
    if isinstance(node, int):
        yield node, draws
    else:
        lefts = node.lefts(draws)
        yield from _divided(node.left, lefts)
        yield from _divided(node.right, draws - lefts)


def _counted(mixture: Mixture, rows: int) -> int:
    return rows if mixture.cap is None else min(rows, mixture.cap)


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _shuffled(index: int, size: int, key: int) -> int:
    """The index's place in a shuffled range of `size`, without making the whole of it.

    A Feistel network over the next power of four, walked until the place is inside the range (Black and
    Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). It is a shuffle, not a secret.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    low = (1 << half) - 1
    place = index
    while True:
        left, right = place >> half, place & low
        for turn in range(_ROUNDS):
            left, right = right, left ^ (_mixed(right + (turn << 32) ^ key) & low)
        place = left << half | right
        if place < size:
            return place


def _mixed(word: int) -> int:
    """The finaliser of splitmix64: every bit of the word moves every bit of the result."""
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31
