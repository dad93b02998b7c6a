"""What the Compare screen says about answers: a column's heading, its figures, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.runs.fields import FieldInfo
from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import UNICODE, Glyphs, duration
from workbench.tui.present.cells import BAD, QUIET, Row, outside, quiet, score

if TYPE_CHECKING:
    from store.adapters import Adapter
    from workbench.client import Output
    from workbench.link import Sampling

ANSWER_LIMIT = 20_000
"""The most characters of an answer that are shown."""
BASE = "base"
BASE_KEY = ""
"""The key of the bare base in lists whose other keys are adapters' names, which are never empty."""

NO_MODEL = "No model yet: press 2, then a, to add one."
HINT = "Press a to let it answer."
NO_DATA = "No marked adapter was made by a run of this store, so there is no data to take a row from."


@dataclass(frozen=True)
class Answer:
    """What one column shows: the text so far, its figures once it is whole, or why there is none."""

    adapter: str | None
    text: str = ""
    output: Output | None = None
    rouge1: float | None = None


def columns(systems: Sequence[str | None]) -> list[Answer]:
    """Empty columns, one per system."""
    return [Answer(system) for system in systems]


def spoken(answers: Sequence[Answer], pieces: Iterable[tuple[int, str]]) -> list[Answer]:
    """The columns after some more text has come; each piece is a column's number and its text."""
    grown = {at: [answer.text] for at, answer in enumerate(answers)}
    for at, text in pieces:
        grown[at].append(text)
    return [replace(answer, text="".join(grown[at])) for at, answer in enumerate(answers)]


def title(system: str | None, model: str) -> str:
    """The heading of a column: the adapter's name, or the base's."""
    return f"{BASE} {clean(model)}" if system is None else clean(system)


def body(answer: Answer, hint: str = "") -> Content:
    """The text of a column as far as it is spoken; a hint where nothing was asked yet."""
    if answer.output is not None and not answer.output.text.strip():
        return quiet("an empty answer")
    return safe(answer.text, limit=ANSWER_LIMIT) if answer.text else quiet(hint)


def figures(answer: Answer, signs: Glyphs = UNICODE) -> str:
    """Length and pace of a whole answer, and its score where there is a reference."""
    if answer.output is None:
        return ""
    told = [f"{answer.output.tokens} tok"]
    if answer.output.seconds > 0:
        told.append(f"{answer.output.tokens / answer.output.seconds:.2g} tok/s")
    if answer.rouge1 is not None:
        told.insert(0, f"ROUGE-1 {score(answer.rouge1)}")
    return f" {signs.separator} ".join(told)


def waiting(seconds: float, answers: Sequence[Answer], model: str) -> str:
    """What is going on between the question and the last word of the answers."""
    if any(answer.text for answer in answers):
        return f"answering: {duration(seconds)}"
    if seconds < 1:
        return "asking"
    return f"loading {clean(model)} into its server, once: {duration(seconds)}"


def trouble(what: str, remedy: str) -> Content:
    """Why there is no answer, and what to do."""
    return Content.assemble((clean(what), BAD), f"\n{clean(remedy)}")


def choices(model: str, found: Iterable[Adapter]) -> list[Row]:
    """The systems that can answer: the bare base and the adapters made for it."""
    base: Row = (BASE_KEY, (Content.styled(BASE, "bold"), quiet(clean(model))))
    return [base, *((each.name, (outside(each.name), quiet(clean(each.method)))) for each in found)]


def sampling(options: Sampling) -> Content:
    """How tokens are chosen, in one line."""
    how = (
        "greedy" if options.temperature == 0 else f"temperature {options.temperature:g}, seed {options.seed}"
    )
    return Content.assemble((f"at most {options.max_new_tokens} tokens, ", QUIET), how)


def reference(texts: Sequence[str], origin: str) -> Content:
    """The answer that the data holds to the prompt, and which row that is."""
    if not texts:
        return Content("")
    return Content.assemble((f"{clean(origin)}  reference: ", QUIET), clean(texts[0]))


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
