"""What the Compare screen says about answers: who gives them, how far they are, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.evaluation import bleu, rouge
from workbench.runs.fields import FieldInfo
from workbench.tui.clean import clean
from workbench.tui.glyphs import duration
from workbench.tui.present.cells import BAD, QUIET, WARNING, Cell, lines, outside, quiet

if TYPE_CHECKING:
    from workbench.client import Output, Restart
    from workbench.link import Sampling, TokenDetail

BASE = "base"
BASE_KEY = ""
"""The key of the bare base in lists whose other keys are adapters' names, which are never empty."""

NO_MODEL = "No model yet: press {key:app.models}, then {key:models.add}, to add one."
HINT = "Press {key:compare.ask} to let it answer."
NO_DATA = "No dataset fits a template yet, and no marked adapter was made by a run of this store."


@dataclass(frozen=True)
class Speaker:
    """What can answer beside the bare base: an adapter, or the newest checkpoint of a run (`RUN@latest`)."""

    system: str
    note: str
    """How it was made."""


@dataclass(frozen=True)
class DataPrompt:
    """A prompt with the answers that the data holds to it; `origin` says which row it is."""

    prompt: str
    references: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True)
class Scores:
    """What a whole answer earned against the data's own."""

    rouge1: float
    rougeL: float  # noqa: N815 (the metric's name everywhere)
    bleu: float


@dataclass(frozen=True)
class Answer:
    """What one system has said so far.

    Args:
        system: An adapter's name; None is the bare base.
        text: As it came.
        details: Its tokens, where the server tells them.
        tokens: How many there are.
        seconds: For how long it has been speaking.
        output: The whole of it, once it is.
        scores: What the whole earned where the data holds an answer.
    """

    system: str | None
    text: str = ""
    details: tuple[TokenDetail, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    output: Output | None = None
    scores: Scores | None = None


@dataclass(frozen=True)
class Piece:
    """Some more text of one column, `seconds` after the first word of all."""

    column: int
    text: str
    details: tuple[TokenDetail, ...]
    seconds: float


def columns(systems: Sequence[str | None]) -> list[Answer]:
    """Empty columns, one per system."""
    return [Answer(system) for system in systems]


def spoken(answers: Sequence[Answer], pieces: Iterable[Piece]) -> list[Answer]:
    """The columns after some more text has come."""
    came: dict[int, list[Piece]] = {}
    for piece in pieces:
        came.setdefault(piece.column, []).append(piece)
    return [_grown(answer, came[at]) if at in came else answer for at, answer in enumerate(answers)]


def _grown(answer: Answer, pieces: Sequence[Piece]) -> Answer:
    details = tuple(each for piece in pieces for each in piece.details)
    return replace(
        answer,
        text=answer.text + "".join(piece.text for piece in pieces),
        details=answer.details + details,
        # A server that does not tell tokens speaks in pieces of about one.
        tokens=answer.tokens + (len(details) or len(pieces)),
        seconds=pieces[-1].seconds,
    )


def whole(system: str | None, output: Output, references: Sequence[str]) -> Answer:
    """A system's answer at its end, scored where the data holds one; takes a millisecond or so."""
    scores = None
    if references:
        found = rouge.score(output.text, references)
        in_words = bleu.sentence(output.text, references)
        scores = Scores(found["rouge1"].fmeasure, found["rougeL"].fmeasure, in_words)
    return Answer(system, output.text, (), output.tokens, output.seconds, output, scores)


def title(system: str | None, model: str) -> str:
    """The heading of a column: the adapter's name, or the base's."""
    return f"{BASE} {clean(model)}" if system is None else clean(system)


def waiting(seconds: float, answers: Sequence[Answer], model: str) -> str:
    """What is going on between the question and the last word of the answers."""
    if any(answer.text for answer in answers):
        return f"answering: {duration(seconds)}"
    if seconds < 1:
        return "asking"
    return f"loading {clean(model)} into its server, once: {duration(seconds)}"


def restarted(restart: Restart, most: int) -> Content:
    """That the server is gone and comes again, and what it said last."""
    told = f"the model server ended; it is started again ({restart.count} of {most})"
    return Content.assemble((told, WARNING), quiet(f"  {clean(restart.why)}"))


def trouble(what: str, remedy: str) -> Content:
    """Why there is no answer, and what to do."""
    return Content.assemble((clean(what), BAD), f"\n{clean(remedy)}")


def told(facts: Sequence[str]) -> Content:
    """What is worth knowing about answers that are whole, a line each."""
    return lines(Content.styled(clean(fact), WARNING) for fact in facts)


def choice(model: str, speaker: Speaker | None) -> tuple[Cell, ...]:
    """A system that can answer: what was made for a base, or the bare base."""
    if speaker is None:
        return Content.styled(BASE, "bold"), quiet(clean(model))
    return outside(speaker.system), quiet(clean(speaker.note))


def sampling(options: Sampling, *, blind: bool = False) -> Content:
    """How the next answers are asked for, in one line."""
    how = "greedy" if options.temperature == 0 else f"temperature {options.temperature:g}"
    if options.temperature and options.top_p < 1:
        how += f", top_p {options.top_p:g}"
    if options.temperature:
        how += f", seed {options.seed}"
    unnamed = ("  blind: shuffled and unnamed, until a vote", WARNING) if blind else ""
    return Content.assemble((f"at most {options.max_new_tokens} tokens, ", QUIET), how, unnamed)


def reference(given: DataPrompt) -> Content:
    """The answer that the data holds to the prompt, and which row that is."""
    if not given.origin:
        return Content("")
    right = clean(given.references[0]) if given.references else "none"
    return Content.assemble((f"{clean(given.origin)}  reference: ", QUIET), right)


def sampling_fields() -> list[FieldInfo]:
    """The fields of the dialog that sets how tokens are chosen."""
    return [
        _field("max_new_tokens", int, 64, "Longest answer", "tokens", 1, 8192),
        _field("temperature", float, 0.0, "0 takes the likeliest token; more is freer", None, 0, 10),
        _field("seed", int, 0, "The same seed chooses the same tokens", None, 0, 2**63 - 1),
        _field("top_p", float, 1.0, "Choose among the likeliest tokens that share this much", None, 1e-9, 1),
    ]


def _field(
    name: str, kind: type, default: float, help_text: str, unit: str | None, low: float, high: float
) -> FieldInfo:
    return FieldInfo(name, kind, False, default, help_text, unit, low, None, high, None, "")
