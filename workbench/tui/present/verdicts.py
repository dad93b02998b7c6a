"""How one answer differs from another: word by word, in a sentence, and whether an adapter does anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.evaluation import subsequence
from workbench.tui.clean import clean
from workbench.tui.glyphs import number_text
from workbench.tui.present.cells import number_of

if TYPE_CHECKING:
    from workbench.tui.present.compare import Answer

WORDS = 5_000
"""Longer answers are told apart, but not word by word."""
NO_SHIFT = 1e-4
"""Probabilities closer than this are equal: the same row, computed beside other ones, differs by as much."""


@dataclass(frozen=True)
class Verdict:
    """One answer against another.

    Args:
        same: Both say the same, word for word.
        changed: Where the words stand that the other lacks.
        gaps: Where the other has words that are not here: the characters between which they would stand.
        told: The difference in a few words.
        brief: The same in fewer.
        shift: The largest difference between the probabilities of their tokens, where they are the same and
            both have them.
    """

    same: bool
    changed: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    told: str
    brief: str = ""
    shift: float | None = None


def verdict(text: str, other: str) -> Verdict:
    """Compare an answer with another one, by the longest sequence of words that they share."""
    places = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
    said = [text[start:end] for start, end in places]
    others = other.split()
    if said == others:
        return Verdict(True, (), (), "the same words")
    if max(len(said), len(others)) > WORDS:
        return Verdict(False, (), (), "not the same words")
    shared = subsequence.pairs(others, said)
    kept = {at for _, at in shared}
    changed = tuple(place for at, place in enumerate(places) if at not in kept)
    gaps = _gaps(shared, len(others), len(said))
    missing = len(others) - len(shared)
    told = [f"{len(changed)} of {number_of(len(said), 'word')} new"] if changed else []
    brief = [f"{len(changed)} new"] if changed else []
    lacking = [f"{missing} missing"] if missing else []
    starts = tuple(places[at][0] for at in gaps if at < len(said))
    return Verdict(False, changed, starts, ", ".join(told + lacking), ", ".join(brief + lacking))


def _gaps(shared: Sequence[tuple[int, int]], others: int, said: int) -> list[int]:
    """The words before which words of the other are missing, and nothing stands instead."""
    bounds = [(-1, -1), *shared, (others, said)]
    return [
        here
        for (there_before, here_before), (there, here) in pairwise(bounds)
        if there - there_before > 1 and here - here_before == 1
    ]


def against(answer: Answer, other: Answer, shown: tuple[str, str]) -> Verdict:
    """Compare two whole answers; where their words are the same, the probabilities behind them too.

    Args:
        answer: The one that is judged.
        other: What it is compared with.
        shown: Their texts as they are drawn.
    """
    found = verdict(*shown)
    shift = shift_of(answer, other) if found.same else None
    if shift is None:
        return found
    if shift < NO_SHIFT:
        return Verdict(True, (), (), "no effect", shift=shift)
    differ = f"chances differ by {shift:.1%}"
    return Verdict(True, (), (), f"the same words, {differ}", f"chances differ {shift:.0%}", shift)


def shift_of(answer: Answer, other: Answer) -> float | None:
    """The largest difference between the probabilities of the same tokens; None for other tokens."""
    ids = [[each.id for each in one.details] for one in (answer, other)]
    if not ids[0] or ids[0] != ids[1]:
        return None
    pairs = zip(answer.details, other.details, strict=True)
    return max(abs(one.chance - two.chance) for one, two in pairs)


@dataclass(frozen=True)
class Sameness:
    """What an adapter has said beside its base: on how many prompts the same, and how alike at the least."""

    prompts: int = 0
    same: int = 0
    shift: float | None = None

    def after(self, found: Verdict) -> Sameness:
        """The same after one more prompt."""
        known = [each for each in (self.shift, found.shift) if each is not None]
        return Sameness(self.prompts + 1, self.same + found.same, max(known, default=None))


def suspicion(adapter: str, known: Sameness, reasons: Sequence[str]) -> str | None:
    """Whether an adapter seems to do nothing, in sentences; None where it has shown that it does.

    Args:
        adapter: Its name.
        known: What it has said beside its base.
        reasons: Why that may be so, as far as the store tells.
    """
    if not known.prompts or known.same < known.prompts:
        return None
    on = "" if known.prompts == 1 else f" on all {known.prompts} prompts"
    why = f" {' '.join(clean(each) for each in reasons)}"
    if known.shift is None:
        return f"{clean(adapter)} answers like the base{on}.{why}"
    if known.shift < NO_SHIFT:
        return f"{clean(adapter)} has no effect: words and probabilities are the base's{on}.{why}"
    differ = number_text(known.shift * 100)
    return (
        f"{clean(adapter)} says what the base says{on}, but its probabilities differ by up to {differ} %: it "
        f"has learned something that the likeliest token does not show.{why}"
    )
