"""One prediction beside its reference: what each token earned, drawn and in words; it knows no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.evaluation import bleu, breakdown, rouge, signals
from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present.cells import STRONG, WARNING, lines, quiet, score
from workbench.tui.present.inspect import NAMES, Metric
from workbench.tui.widgets.token_view import ViewToken

if TYPE_CHECKING:
    from workbench.evaluation.breakdown import Breakdown, TokenLabel

PROMPT_LIMIT = 400
"""The most characters of a prompt that are shown above its answers."""

MARKS: Mapping[str, str] = {"matched": "=", "clipped": "~", "novel": "+", "missed": "-", "recalled": "="}
"""What stands before a token where there is no colour."""
NOTES: Mapping[str, str] = {
    "matched": "in the reference too",
    "clipped": "one too many, or out of order",
    "novel": "not in the reference",
    "missed": "not in the answer",
    "recalled": "in the answer too",
}


@dataclass(frozen=True)
class Explanation:
    """One system's answer to one row, against the reference that it matches best."""

    system: str
    prediction: str
    reference: str
    metric: Metric
    breakdown: Breakdown
    bleu: float
    signals: tuple[str, ...]
    """What is out of the ordinary about the answer, a sentence each."""


def explain(system: str, prediction: str, references: Sequence[str], metric: Metric) -> Explanation:
    """Find what each word of an answer earned; takes milliseconds for long texts, so not on the loop."""
    reference = references[rouge.best_reference(prediction, references, metric)]
    found = signals.signals(prediction, references)
    return Explanation(
        system,
        prediction,
        reference,
        metric,
        breakdown.rouge(prediction, reference, metric=metric),
        bleu.sentence(prediction, references),
        tuple(signal.sentence for signal in found.values() if signal.flagged),
    )


@dataclass(frozen=True)
class Side:
    """One of the two texts of a pair, with its scored tokens in order."""

    text: str
    labels: Sequence[TokenLabel]


def tokens(side: Side, other: Side) -> list[ViewToken]:
    """One side as tokens to draw: scored tokens in their colour, what lies between as it is.

    Args:
        side: The side to draw.
        other: The side that its tokens are paired with.
    """
    text, places = side.text, _places(other)
    return [_token(text[start:end], label, places) for start, end, label in _spans(side)]


def _token(text: str, label: TokenLabel | None, places: Sequence[int]) -> ViewToken:
    if label is None:
        return ViewToken(text)
    partners = tuple(places[at] for at in label.partners)
    return ViewToken(text, label.label, MARKS[label.label], partners, NOTES[label.label])


def _spans(side: Side) -> list[tuple[int, int, TokenLabel | None]]:
    """The text cut into scored tokens and what lies between; each carries the white space after it."""
    text = side.text
    cuts: list[tuple[int, TokenLabel | None]] = []
    end = 0
    for start, label in [*((label.start, label) for label in side.labels), (len(text), None)]:
        between = text[end:start]
        if between.strip() or (between and not cuts):
            space = len(between) - len(between.lstrip())
            cuts.append((end + space if cuts else 0, None))
        if label is not None:
            cuts.append((start, label))
            end = label.end
    ends = [start for start, _ in cuts[1:]] + [len(text)] if cuts else []
    return [(start, stop, label) for (start, label), stop in zip(cuts, ends, strict=True)]


def _places(side: Side) -> list[int]:
    """Where each scored token stands among the drawn ones."""
    return [at for at, (_, _, label) in enumerate(_spans(side)) if label is not None]


def asked(prompt: str) -> Content:
    """The prompt as one quiet line; there is none for pairs of a file."""
    return quiet(clean(prompt, PROMPT_LIMIT))


def sides(of: Explanation) -> tuple[Side, Side]:
    """The answer and its reference, to be drawn."""
    return Side(of.prediction, of.breakdown.prediction), Side(of.reference, of.breakdown.reference)


def verdict(of: Explanation, signs: Glyphs = UNICODE) -> Content:
    """A system's scores on one row, in a sentence why, and what is out of the ordinary."""
    found = of.breakdown
    told = [
        f"{NAMES[of.metric]} {score(found.fmeasure)}",
        f"P {score(found.precision)} R {score(found.recall)}",
        f"BLEU {of.bleu:.1f}",
    ]
    heading = Content.assemble((clean(of.system), STRONG), "  ", f" {signs.separator} ".join(told))
    why = [quiet(clean(found.sentence)), *(Content.styled(clean(each), WARNING) for each in of.signals)]
    return lines([heading, *why])
