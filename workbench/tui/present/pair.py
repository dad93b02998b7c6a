"""One prediction beside its reference: what each token earned, drawn and in words; it knows no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from workbench.evaluation import bleu, bleu_breakdown, breakdown, orders, rouge, signals
from workbench.evaluation.breakdown import TokenLabel
from workbench.evaluation.words import bleu_words
from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present.cells import STRONG, WARNING, lines, quiet, score
from workbench.tui.present.inspect import NAMES, Metric
from workbench.tui.widgets.token_flow import ViewToken

PROMPT_LIMIT = 400
"""The most characters of a prompt that are shown above its answers."""

MARKS: Mapping[str, str] = {
    "matched": "=",
    "may match": "?",
    "clipped": "~",
    "novel": "+",
    "missed": "-",
    "recalled": "=",
}
"""What stands before a token where there is no colour."""
NOTES: Mapping[str, str] = {
    "matched": "in the reference too",
    "may match": "on some longest common subsequences, not on all",
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
    said: tuple[TokenLabel, ...]
    """A share above 0 is earned of F1; one below is a cost in nats, of which -ln BLEU is made."""
    wanted: tuple[TokenLabel, ...]
    figures: tuple[str, ...]
    """The scores, the one of the metric first."""
    sentence: str
    signals: tuple[str, ...]
    """What is out of the ordinary about the answer, a sentence each."""


def explain(
    system: str,
    prediction: str,
    references: Sequence[str],
    metric: Metric,
    source: str | None = None,
    truncated: bool | None = None,
) -> Explanation:
    """Find what each word of an answer earned; takes milliseconds for long texts, so not on the loop."""
    references = references or ("",)
    order = int(metric[-1]) if metric.startswith("bleu") else 0
    kind = "rouge1" if order else metric
    reference = references[rouge.best_reference(prediction, references, kind)]
    if order:
        parts = _bleu(prediction, reference, references, order)
    else:
        parts = _rouge(prediction, reference, references, metric)
    found = signals.signals(prediction, references, source=source or "", truncated=truncated)
    told = tuple(signal.sentence for signal in found.values() if signal.flagged)
    return Explanation(
        system, prediction, reference, metric, parts.said, parts.wanted, parts.figures, parts.sentence, told
    )


@dataclass(frozen=True)
class _Parts:
    """What a metric has to say about a pair."""

    said: tuple[TokenLabel, ...]
    wanted: tuple[TokenLabel, ...]
    figures: tuple[str, ...]
    sentence: str


def _rouge(prediction: str, reference: str, references: Sequence[str], metric: str) -> _Parts:
    found = breakdown.rouge(prediction, reference, metric=metric)
    figures = (
        f"{NAMES[metric]} {score(found.fmeasure)}",
        f"P {score(found.precision)} R {score(found.recall)}",
        f"BLEU {bleu.sentence(prediction, references):.1f}",
    )
    return _Parts(found.prediction, found.reference, figures, found.sentence)


def _bleu(prediction: str, reference: str, references: Sequence[str], order: int) -> _Parts:
    """BLEU with the labels of the runs of `order` words; the costs of a word are of all orders together."""
    found = bleu_breakdown.explain(prediction, references)
    said, wanted = bleu_words(prediction).keys, bleu_words(reference).keys
    pairs = orders.compare(said, wanted, order).pairs
    there = orders.partners([(j, i) for i, j in pairs], order, len(said))
    back = orders.partners(pairs, order, len(wanted))
    at = order - 1
    labels = tuple(
        TokenLabel(
            each.text,
            each.start,
            each.end,
            each.labels[at],
            partners,
            None if each.loss is None else -each.loss,
            each.without,
        )
        for each, partners in zip(found.prediction, there, strict=True)
    )
    others = tuple(
        TokenLabel(each.text, each.start, each.end, each.labels[at], partners)
        for each, partners in zip(found.references[references.index(reference)], back, strict=True)
    )
    of_order = f"BLEU-{order} {found.matched[at]} of {found.total[at]}"
    figures = (f"BLEU {found.score:.1f}", of_order, f"brevity penalty {found.bp:.3f}")
    return _Parts(labels, others, figures, found.sentence)


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
    most = max((abs(label.share) for label in side.labels if label.share), default=0.0)
    return [_token(text[start:end], label, places, most) for start, end, label in _spans(side)]


def _token(text: str, label: TokenLabel | None, places: Sequence[int], most: float) -> ViewToken:
    if label is None:
        return ViewToken(text)
    partners = tuple(places[at] for at in label.partners)
    name = "may match" if label.path == "may" else label.label
    bar = label.share / most if label.share and most else 0.0
    return ViewToken(text, name, MARKS[name], partners, _note(name, label), bar=bar)


def _note(name: str, label: TokenLabel) -> str:
    """What the cursor's token is, what it earns or costs, and what the score would be without it."""
    told = [NOTES[name]]
    if label.share is not None:
        amount = f"{abs(label.share):.3f}"
        told.append(f"costs {amount} nats" if label.share < 0 else f"earns {amount}")
    if label.without is not None:
        told.append(f"without it {label.without:+.3f}")
    return "; ".join(told)


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
    return Side(of.prediction, of.said), Side(of.reference, of.wanted)


def verdict(of: Explanation, signs: Glyphs = UNICODE) -> Content:
    """A system's scores on one row, in a sentence why, and what is out of the ordinary."""
    heading = Content.assemble((clean(of.system), STRONG), "  ", f" {signs.separator} ".join(of.figures))
    why = [quiet(clean(of.sentence)), *(Content.styled(clean(each), WARNING) for each in of.signals)]
    return lines([heading, *why])


def note(text: str, told: str) -> Content:
    """The token under the cursor, and what there is to say of it."""
    return Content.assemble((clean(text.strip(), 40), STRONG), f"  {told}" if told else "")


def answer_title(metric: Metric) -> str:
    """What the bars under an answer's words say."""
    costs = "cost in BLEU" if metric.startswith("bleu") else f"share of {NAMES[metric]}"
    return f"answer, bars: {costs}"
