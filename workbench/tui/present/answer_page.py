"""An answer as its column shows it: words that differ, or tokens by their probability, over its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from workbench.tui.clean import visible
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present import chances
from workbench.tui.present.cells import GOOD, QUIET, STRONG, WARNING, quiet, score
from workbench.tui.present.compare import Answer, Scores
from workbench.tui.present.verdicts import NO_SHIFT, Verdict
from workbench.tui.widgets.answer_view import Mark, Page

ANSWER_LIMIT = 20_000
"""The most characters of an answer that are shown."""
CHANGED = "underline $accent"
GAP = "reverse $warning"
"""The space where words are missing; underline and reverse are seen without colour too."""


@dataclass(frozen=True)
class Look:
    """How an answer is shown.

    Args:
        hint: What stands there before anything was asked.
        blind: Nothing may tell whose answer it is.
        detail: Show tokens by their probability.
        verdict: How it differs from the answer that it is compared with.
        compared: It is the one that the others are compared with.
        best: Names of the scores that none of the others surpasses, where they differ.
    """

    hint: str = ""
    blind: bool = False
    detail: bool = False
    verdict: Verdict | None = None
    compared: bool = False
    best: frozenset[str] = frozenset()


def shown_text(answer: Answer) -> str:
    """An answer's text as it is drawn."""
    return visible(answer.text, ANSWER_LIMIT)


def page(answer: Answer, look: Look, signs: Glyphs = UNICODE) -> Page:
    """What an answer's column shows."""
    foot = foot_of(answer, look, signs)
    if answer.output is not None and not answer.text.strip():
        return _quiet("an empty answer", foot)
    if not answer.text:
        return _quiet(look.hint, foot)
    if look.detail:
        return _by_chance(answer, foot)
    return Page(shown_text(answer), _differences(look.verdict), (), foot, answer.output is None)


def _quiet(text: str, foot: tuple[tuple[Content, ...], ...]) -> Page:
    return Page(text, (Mark(0, len(text), QUIET),), (), foot)


def _by_chance(answer: Answer, foot: tuple[tuple[Content, ...], ...]) -> Page:
    if not answer.details:
        return Page(shown_text(answer), (), (), foot, answer.output is None)
    text, places, marks = chances.laid_out(answer.details, ANSWER_LIMIT)
    return Page(text, tuple(marks), tuple(places), foot, answer.output is None)


def _differences(verdict: Verdict | None) -> tuple[Mark, ...]:
    if verdict is None:
        return ()
    marks = [Mark(start, end, CHANGED) for start, end in verdict.changed]
    marks += [Mark(start - 1, start, GAP) for start in verdict.gaps if start]
    return tuple(sorted(marks))


def foot_of(answer: Answer, look: Look, signs: Glyphs = UNICODE) -> tuple[tuple[Content, ...], ...]:
    """The lines under an answer, the most important first; none of a column that says nothing yet."""
    if not answer.tokens:
        return ()
    if look.blind:
        return ((quiet("whole" if answer.output is not None else "speaking"),),)
    found: list[tuple[Content, ...]] = []
    if answer.scores is not None:
        found.append(_scores(answer.scores, look.best, signs))
    found.append(_length(answer, signs))
    if look.verdict is not None:
        idle = look.verdict.shift is not None and look.verdict.shift < NO_SHIFT
        style = WARNING if idle else QUIET
        forms = (look.verdict.told, look.verdict.brief or look.verdict.told)
        found.append(tuple(Content.styled(form, style) for form in forms))
    elif look.compared:
        found.append((quiet("what the others are compared with"), quiet("compared with")))
    return tuple(found)


def _scores(scores: Scores, best: frozenset[str], signs: Glyphs) -> tuple[Content, ...]:
    told = {
        "rouge1": ("ROUGE-1", "R1", score(scores.rouge1)),
        "rougeL": ("ROUGE-L", "RL", score(scores.rougeL)),
        "bleu": ("BLEU", "BLEU", f"{scores.bleu:.1f}"),
    }

    def form(short: int, names: Sequence[str]) -> Content:
        return Content(f" {signs.separator} ").join(
            Content.assemble(
                quiet(f"{told[name][short]} "), (told[name][2], f"{STRONG} {GOOD}" if name in best else "")
            )
            for name in names
        )

    return form(0, tuple(told)), form(1, tuple(told)), form(1, ("rougeL", "bleu")), form(1, ("rougeL",))


def _length(answer: Answer, signs: Glyphs) -> tuple[Content, ...]:
    length = f"{answer.tokens} tok"
    if not pace(answer):
        return (quiet(length),)
    return quiet(f"{length} {signs.separator} {pace(answer)} tok/s"), quiet(f"{length} {pace(answer)}/s")


def pace(answer: Answer) -> str:
    """Tokens per second; of an answer that is still spoken, since the first word of all."""
    if answer.seconds <= 0 or (answer.output is None and answer.tokens < 2):
        return ""
    rate = answer.tokens / answer.seconds
    return f"{rate:.1f}" if rate < 10 else f"{rate:,.0f}"


def best(answers: Sequence[Answer]) -> list[frozenset[str]]:
    """For each answer the names of the scores in which no other surpasses it; none where all are equal."""
    names = ("rouge1", "rougeL", "bleu")
    scored = [answer.scores for answer in answers if answer.scores is not None]
    highest = {
        name: max(getattr(each, name) for each in scored)
        for name in names
        if len({getattr(each, name) for each in scored}) > 1
    }
    return [
        frozenset(
            name
            for name, value in highest.items()
            if answer.scores is not None and getattr(answer.scores, name) == value
        )
        for answer in answers
    ]
