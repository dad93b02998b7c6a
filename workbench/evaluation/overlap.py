"""How much two sequences have in common, whatever the order: the one number that most scores begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def matches(said: Sequence[Hashable], wanted: Sequence[Hashable]) -> int:
    """How many of one side are on the other too, each no more often than there."""
    different, expected = set(said), set(wanted)
    shared = different & expected
    # Where one side has nothing twice, nothing matches twice: no need to count, as for most longer runs.
    if not shared or len(different) == len(said) or len(expected) == len(wanted):
        return len(shared)
    found, allowed = Counter(said), Counter(wanted)
    return sum([min(found[each], allowed[each]) for each in shared])
