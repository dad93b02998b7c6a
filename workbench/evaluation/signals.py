"""Signs that a score is being gamed or that an output went wrong, each with one plain sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from workbench.evaluation import subsequence
from workbench.evaluation.overlap import matches
from workbench.evaluation.rouge import best_reference, tokenize
from workbench.evaluation.scripts import letters_by_script

REPEATED = 0.5
"""A prediction whose words are for more than this share repeats of earlier ones is flagged."""
CLIP_GAP = 0.25
"""Flagged when clipping takes more than this from the share of words that the reference has."""
SHORT, LONG = 0.5, 2.0
"""Flagged when the prediction is outside these multiples of the reference's length."""
LOOP_WORDS = 4
"""Flagged when a passage of so many words comes again, which in the reference none of the length does."""
SCRAMBLED, SCRAMBLED_WORDS = 0.4, 4
"""Flagged when more than this share of at least so many matched words is out of the reference's order."""
COPIED, COPIED_MORE, COPIED_RUN = 0.8, 0.25, 3
"""Flagged when more than this share of the runs of three words is the source's, and so much more than of the
reference's runs: a summary may copy where its reference does."""
FOREIGN = 0.3
"""Flagged when more than this share of the letters is of scripts that the references do not use."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One measure of an output: its value, whether it is out of the ordinary, and what it means."""

    value: float
    flagged: bool
    sentence: str


@dataclass(frozen=True)
class _Output:
    """A prediction with what it is measured against, all cut into ROUGE's words once."""

    prediction: str
    references: Sequence[str]
    source: str
    truncated: bool | None
    said: list[str]
    wanted: list[str]

    @cached_property
    def source_runs(self) -> set[tuple[str, ...]]:
        return set(_runs(tokenize(self.source)))


def signals(
    prediction: str,
    references: Sequence[str],
    *,
    stemmer: bool = False,
    source: str = "",
    truncated: bool | None = None,
) -> dict[str, Signal]:
    """Measure one output against the reference that ROUGE-1 is taken from.

    Args:
        prediction: What the model wrote.
        references: One or more texts that would have been right.
        stemmer: Compare stems in place of words.
        source: What the model was given to work on, where that is known.
        truncated: Whether the output ended at the limit of its tokens; None where nobody knows.

    Returns:
        A signal per name: `empty`, `clipping`, `repetition`, `loop`, `scramble`, `length`, `copying`,
        `truncated` and `script`.
    """
    reference = references[best_reference(prediction, references, "rouge1", stemmer=stemmer)]
    said, wanted = tokenize(prediction, stemmer=stemmer), tokenize(reference, stemmer=stemmer)
    output = _Output(prediction, references, source, truncated, said, wanted)
    return {name: measure(output) for name, measure in _MEASURES.items()}


def _empty(output: _Output) -> Signal:
    if output.said:
        return Signal(0.0, False, "The prediction has words.")
    if output.prediction.strip():
        return Signal(1.0, True, "ROUGE sees only the letters a-z and digits, and the prediction has none.")
    return Signal(1.0, True, "The prediction is empty.")


def _clipping(output: _Output) -> Signal:
    """How much precision clipping takes away: without it, repeating one right word would score 1."""
    said, wanted = Counter(output.said), Counter(output.wanted)
    shared = sum(times for word, times in said.items() if word in wanted)
    surplus = {word: times - wanted[word] for word, times in said.items() if 0 < wanted[word] < times}
    if not surplus:
        return Signal(0.0, False, "No word is repeated beyond the reference's count.")
    worst = max(surplus, key=surplus.__getitem__)
    clipped, length = sum(surplus.values()), len(output.said)
    repeats = "is a repeat" if surplus[worst] == 1 else "are repeats"
    return Signal(
        clipped / length,
        clipped / length > CLIP_GAP,
        f"{surplus[worst]} of {shared} word matches {repeats} of '{worst}'; "
        f"unclipped precision would be {shared / length:.2f}, clipped is {(shared - clipped) / length:.2f}.",
    )


def _repetition(output: _Output) -> Signal:
    """Share of words that stood before in the prediction (1 - distinct-1)."""
    if not output.said:
        return Signal(0.0, False, "There is no word that could repeat.")
    different, length = len(set(output.said)), len(output.said)
    share = 1 - different / length
    return Signal(share, share > REPEATED, f"The prediction's {length} words hold {different} distinct ones.")


def _loop(output: _Output) -> Signal:
    """How many words the longest passage has that comes again."""
    passage = longest_repeat(output.said)
    if not passage:
        return Signal(0.0, False, "No word comes twice.")
    width = len(passage)
    flagged = width >= LOOP_WORDS and width > len(longest_repeat(output.wanted))
    shown = " ".join(passage[:8]) + (" …" if width > 8 else "")
    return Signal(
        float(width), flagged, f"The longest passage that comes again has {_words(width)}: '{shown}'."
    )


def _scramble(output: _Output) -> Signal:
    """Share of the matched words that are off the longest common subsequence: right words, wrong order."""
    matched = matches(output.said, output.wanted)
    if not matched:
        return Signal(0.0, False, "No word is the reference's, so none is out of its order.")
    off = matched - subsequence.length(output.wanted, output.said)
    return Signal(
        off / matched,
        off / matched > SCRAMBLED and matched >= SCRAMBLED_WORDS,
        f"{off} of {matched} matched words {'is' if off == 1 else 'are'} out of the reference's order.",
    )


def _length(output: _Output) -> Signal:
    if not output.wanted:
        return Signal(0.0, False, "The reference has no word to compare the length with.")
    ratio = len(output.said) / len(output.wanted)
    return Signal(
        ratio,
        not SHORT <= ratio <= LONG,
        f"The prediction is {ratio:.2f} times as long as the reference "
        f"({len(output.said)} against {len(output.wanted)} words).",
    )


def _copying(output: _Output) -> Signal:
    """Share of the prediction's runs of three words that the source has too."""
    said = _runs(output.said)
    if not output.source or not said:
        told = "The prediction is too short to tell." if output.source else "No source is given to copy from."
        return Signal(0.0, False, told)
    copied = sum(run in output.source_runs for run in said)
    wanted = _runs(output.wanted)
    usual = sum(run in output.source_runs for run in wanted) / len(wanted) if wanted else 0.0
    share = copied / len(said)
    return Signal(
        share,
        share > COPIED and share > usual + COPIED_MORE,
        f"{copied} of {len(said)} runs of three words are copied from the source; "
        f"of the reference's {usual:.0%} are.",
    )


def _truncated(output: _Output) -> Signal:
    if output.truncated is None:
        return Signal(0.0, False, "Nobody noted whether the output ended by itself.")
    if output.truncated:
        return Signal(1.0, True, "The output was cut off at the limit of its tokens.")
    return Signal(0.0, False, "The output ended by itself.")


def _script(output: _Output) -> Signal:
    """Share of the letters that are of a script which none of the references uses."""
    said = letters_by_script(output.prediction)
    expected: set[str] = set().union(*map(letters_by_script, output.references))
    letters = said.total()
    if not letters or not expected:
        return Signal(0.0, False, "There are no letters to compare the scripts of.")
    foreign = {script: count for script, count in said.items() if script not in expected}
    if not foreign:
        return Signal(0.0, False, "All letters are of scripts that the references use.")
    worst = max(foreign, key=foreign.__getitem__)
    share = sum(foreign.values()) / letters
    return Signal(
        share,
        share > FOREIGN,
        f"{foreign[worst]} of {letters} letters are {worst.title()}, which no reference uses.",
    )


def longest_repeat(words: Sequence[str]) -> tuple[str, ...]:
    """The longest passage that stands in a text at two places, which may overlap; the first of equals."""
    low, high = 0, len(words) - 1
    found: tuple[str, ...] = ()
    # Where a passage repeats, each shorter part of it does.
    while low < high:
        width = (low + high + 1) // 2
        repeated = _repeated(words, width)
        if repeated:
            low, found = width, repeated
        else:
            high = width - 1
    return found


def _repeated(words: Sequence[str], width: int) -> tuple[str, ...]:
    seen: set[tuple[str, ...]] = set()
    for at in range(len(words) - width + 1):
        passage = tuple(words[at : at + width])
        if passage in seen:
            return passage
        seen.add(passage)
    return ()


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*[words[start:] for start in range(COPIED_RUN)], strict=False))


def _words(count: int) -> str:
    return "1 word" if count == 1 else f"{count} words"


_MEASURES: dict[str, Callable[[_Output], Signal]] = {
    "empty": _empty,
    "clipping": _clipping,
    "repetition": _repetition,
    "loop": _loop,
    "scramble": _scramble,
    "length": _length,
    "copying": _copying,
    "truncated": _truncated,
    "script": _script,
}
