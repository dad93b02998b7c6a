"""What is asked about rows and how it is answered: plain records, light enough for every process.

The process that renders and those that show what it rendered speak in these.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

Role = Literal["prompt", "completion", "special", "padding"]
ProblemKind = Literal[
    "not-rendered",
    "nothing-trained",
    "labels-changed",
    "chat-template-missing",
    "bos-doubled",
    "special-in-data",
    "completion-cut",
    "eos-missing",
    "eos-unknown",
    "prompt-cut",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of one example; a fatal one makes training on it pointless."""

    kind: ProblemKind
    message: str
    remedy: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class PreviewToken:
    """One token of a row; a cut one is shown in its place, though the model never sees it."""

    id: int
    text: str
    role: Role
    trained: bool
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered row; `tokens` and what follows from them is empty without a model.

    `batch` draws the rows that share its batch, a letter per place: trained, context, padding; a bar stands
    between what an encoder reads and a decoder writes. It is empty for a batch of one.
    """

    row: int
    variant: str
    prompt: str
    completion: str
    system: str
    tokens: tuple[PreviewToken, ...] = ()
    length: int = 0
    truncated: bool = False
    problems: tuple[Problem, ...] = ()
    batch: tuple[str, ...] = ()


_of_token = attrgetter(*(field.name for field in fields(PreviewToken)))
_of_problem = attrgetter(*(field.name for field in fields(Problem)))


def to_document(shown: Preview) -> dict[str, Any]:
    """A preview for JSON: tokens and problems as bare lists of their fields, for a row has hundreds."""
    document = {field.name: getattr(shown, field.name) for field in fields(shown)}
    tokens, problems = map(_of_token, shown.tokens), map(_of_problem, shown.problems)
    return document | {"tokens": list(tokens), "problems": list(problems)}


def from_document(document: dict[str, Any]) -> Preview:
    """The preview that `to_document` made a document of."""
    tokens = tuple(PreviewToken(*token) for token in document["tokens"])
    problems = tuple(Problem(*problem) for problem in document["problems"])
    lists = {"tokens": tokens, "problems": problems, "batch": tuple(document["batch"])}
    return Preview(**document | lists)


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A row to show.

    Attributes:
        dataset: Its name.
        split: One of its splits.
        row: The row's number in it.
        model: Whose tokens are shown; None shows the texts alone.
        max_length: The most tokens; None is the default, within what the model takes.
        seed: Of the choice of variants and of few-shot examples.
        text: The template as TOML, saved or not.
        variant: The number of a variant; None is the one that is the row's turn.
        batch: Rows of the batch that the row begins, which decide its padding.
    """

    dataset: str
    split: str
    row: int
    model: str | None
    max_length: int | None
    seed: int
    text: str
    variant: int | None = None
    batch: int = 1


@dataclass(frozen=True, slots=True)
class SurveyRequest:
    """A split to look through; the names are those of `PreviewRequest`."""

    dataset: str
    split: str
    model: str
    max_length: int | None
    seed: int
    text: str
    batch_size: int = 8
