"""ROUGE-Lsum's matches: of each reference line what its subsequences with all predicted lines cover together.

C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, section 3.2, as the `rouge-score`
package has it: no word counts more often than either side has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from workbench.evaluation import subsequence

MOST_CELLS = 400_000
"""The most words of the one side times words of the other that are looked into."""

Lines = Sequence[Sequence[str]]
Places = dict[int, list[tuple[int, int]]]
"""Per place in a reference line the predicted words, by line and place, that a subsequence pairs it with."""


def hits(said: Lines, wanted: Lines) -> list[tuple[int, int]]:
    """The words of the reference that count, by line and place."""
    return hits_of([covered(said, line) for line in wanted], said, wanted)


def covered(said: Lines, line: Sequence[str]) -> Places:
    """What the subsequences of one reference line with each predicted line cover."""
    found: Places = {}
    for at, other in enumerate(said):
        for i, j in subsequence.pairs(line, other):
            found.setdefault(i, []).append((at, j))
    return found


def hits_of(by_line: Sequence[Iterable[int]], said: Lines, wanted: Lines) -> list[tuple[int, int]]:
    """The words that count, of those that are covered, as long as both sides have them left."""
    left_said, left_wanted = Counter(chain.from_iterable(said)), Counter(chain.from_iterable(wanted))
    found = []
    for at, (line, places) in enumerate(zip(wanted, by_line, strict=True)):
        for i in sorted(places):
            word = line[i]
            if left_said[word] > 0 and left_wanted[word] > 0:
                found.append((at, i))
                left_said[word] -= 1
                left_wanted[word] -= 1
    return found


def pairs(said: Lines, wanted: Lines) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Each word that counts with the predicted word it is drawn with, both by line and place.

    The first one not drawn yet that a subsequence pairs it with, else the first equal one: a choice.
    """
    by_line = [covered(said, line) for line in wanted]
    taken: set[tuple[int, int]] = set()
    found = []
    for at, i in hits_of(by_line, said, wanted):
        word = wanted[at][i]
        equal = ((line, j) for line, words in enumerate(said) for j, each in enumerate(words) if each == word)
        place = next(place for place in chain(by_line[at][i], equal) if place not in taken)
        taken.add(place)
        found.append(((at, i), place))
    return found


def hits_without(said: Lines, wanted: Lines) -> list[list[int]] | None:
    """How many words would count without each predicted word, by line and place.

    Only the subsequences with the word's own line change.

    Returns:
        None for texts so long that it would take seconds.
    """
    if sum(map(len, said)) * sum(map(len, wanted)) > MOST_CELLS:
        return None
    by_line = [covered(said, line) for line in wanted]
    found = []
    for at, words in enumerate(said):
        others = [
            {i for i, paired in places.items() if any(line != at for line, _ in paired)} for places in by_line
        ]
        found.append([_hits_without(said, wanted, others, at, j) for j in range(len(words))])
    return found


def _hits_without(said: Lines, wanted: Lines, others: Sequence[set[int]], at: int, j: int) -> int:
    shorter = [*said[at][:j], *said[at][j + 1 :]]
    by_line = [
        kept | {i for i, _ in subsequence.pairs(line, shorter)}
        for line, kept in zip(wanted, others, strict=True)
    ]
    return len(hits_of(by_line, [*said[:at], shorter, *said[at + 1 :]], wanted))
