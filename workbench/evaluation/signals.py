"""Signs that a score is being gamed or that an output went wrong, each with one plain sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.evaluation.rouge import best_reference, tokenize

REPEATED = 0.5
"""A prediction whose words are for more than this share repeats of earlier ones is flagged."""
CLIP_GAP = 0.25
"""Flagged when clipping takes more than this from the share of words that the reference has."""
SHORT, LONG = 0.5, 2.0
"""Flagged when the prediction is outside these multiples of the reference's length."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One measure of an output: its value, whether it is out of the ordinary, and what it means."""

    value: float
    flagged: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Pair:
    prediction: str
    said: list[str]
    wanted: list[str]


def signals(prediction: str, references: Sequence[str], *, stemmer: bool = False) -> dict[str, Signal]:
    """Measure one output against the reference that ROUGE-1 is taken from.

    Args:
        prediction: What the model wrote.
        references: One or more texts that would have been right.
        stemmer: Compare stems in place of words.

    Returns:
        A signal per name: `empty`, `clipping`, `repetition` and `length`.
    """
    reference = references[best_reference(prediction, references, "rouge1", stemmer=stemmer)]
    pair = _Pair(prediction, tokenize(prediction, stemmer=stemmer), tokenize(reference, stemmer=stemmer))
    return {name: measure(pair) for name, measure in _MEASURES.items()}


def _empty(pair: _Pair) -> Signal:
    if pair.said:
        return Signal(0.0, False, "The prediction has words.")
    if pair.prediction.strip():
        return Signal(1.0, True, "ROUGE sees only the letters a-z and digits, and the prediction has none.")
    return Signal(1.0, True, "The prediction is empty.")


def _clipping(pair: _Pair) -> Signal:
    """How much precision clipping takes away: without it, repeating one right word would score 1."""
    said, wanted = Counter(pair.said), Counter(pair.wanted)
    shared = sum(times for word, times in said.items() if word in wanted)
    surplus = {word: times - wanted[word] for word, times in said.items() if 0 < wanted[word] < times}
    if not surplus:
        return Signal(0.0, False, "No word is repeated beyond the reference's count.")
    worst = max(surplus, key=surplus.__getitem__)
    clipped, length = sum(surplus.values()), len(pair.said)
    repeats = "is a repeat" if surplus[worst] == 1 else "are repeats"
    return Signal(
        clipped / length,
        clipped / length > CLIP_GAP,
        f"{surplus[worst]} of {shared} word matches {repeats} of '{worst}'; "
        f"unclipped precision would be {shared / length:.2f}, clipped is {(shared - clipped) / length:.2f}.",
    )


def _repetition(pair: _Pair) -> Signal:
    """Share of words that stood before in the prediction (1 - distinct-1)."""
    if not pair.said:
        return Signal(0.0, False, "There is no word that could repeat.")
    different, length = len(set(pair.said)), len(pair.said)
    share = 1 - different / length
    return Signal(share, share > REPEATED, f"The prediction's {length} words hold {different} distinct ones.")


def _length(pair: _Pair) -> Signal:
    if not pair.wanted:
        return Signal(0.0, False, "The reference has no word to compare the length with.")
    ratio = len(pair.said) / len(pair.wanted)
    return Signal(
        ratio,
        not SHORT <= ratio <= LONG,
        f"The prediction is {ratio:.2f} times as long as the reference "
        f"({len(pair.said)} against {len(pair.wanted)} words).",
    )


_MEASURES: dict[str, Callable[[_Pair], Signal]] = {
    "empty": _empty,
    "clipping": _clipping,
    "repetition": _repetition,
    "length": _length,
}
