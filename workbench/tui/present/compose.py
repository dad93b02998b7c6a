"""What the Compose screen says: templates, variants, a rendered row, and which of its tokens are trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean, safe
from workbench.tui.present.cells import BAD, QUIET, Row, lines, number_of, outside, quiet
from workbench.tui.widgets.token_view import ViewToken

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.templates import Template
    from workbench.composing.checks import Problem
    from workbench.composing.masking import Tokens
    from workbench.composing.template import Example

FILE_HELP = "A name, a task, and [[variants]] with name, prompt and completion."
LEARNED = "bold $accent"
TEXT_LIMIT = 20_000
"""The most characters of a rendered prompt or completion that are shown."""

STYLES: Mapping[tuple[bool, bool], str] = {
    (True, False): "completion",
    (True, True): "completion",
    (False, False): "prompt",
    (False, True): "special",
}
"""How a token is drawn, by whether it is trained and whether it is a special one."""

EMPTY = (
    "No templates yet.\n\n"
    "Press a and give a TOML file: a name, a task, and one or more [[variants]]\n"
    "with a prompt and a completion over the columns of your dataset."
)


@dataclass(frozen=True)
class Subject:
    """What is on show: a variant by its place, a row of a split, and the model whose tokens are shown."""

    template: str = ""
    variant: int = 0
    dataset: str = ""
    split: str = ""
    row: int = 0
    rows: int = 0
    model: str = ""


def table(found: Iterable[Template]) -> list[Row]:
    """The template list."""
    return [
        (
            template.name,
            (outside(template.name), outside(template.task), str(len(template.variants))),
        )
        for template in found
    ]


def subject(template: Template, on: Subject) -> Content:
    """The line that says what is on show."""
    variant = template.variants[on.variant % len(template.variants)]
    row = f"{on.row:,}/{on.rows:,} of {clean(on.dataset)} {clean(on.split)}"
    parts = [
        ("variant ", f"{clean(variant.name)} {on.variant + 1}/{len(template.variants)}"),
        ("row ", row if on.dataset else "of no dataset: press r"),
        ("tokens ", f"of {clean(on.model)}" if on.model else "of no model: press m"),
    ]
    return Content("  ").join([Content.assemble((label, QUIET), text) for label, text in parts])


def body(template: Template, on: Subject, made: Example | None) -> Content:
    """A rendered row: the prompt, then the completion that is learned; the variant itself without a row."""
    variant = template.variants[on.variant % len(template.variants)]
    prompt, completion = (made.prompt, made.completion) if made else (variant.prompt, variant.completion)
    return lines(
        [
            quiet("prompt" if made else "prompt, not rendered"),
            safe(prompt, limit=TEXT_LIMIT),
            quiet("\ncompletion" if made else "\ncompletion, not rendered"),
            safe(completion, LEARNED, limit=TEXT_LIMIT),
        ]
    )


def trouble(error: StoreError) -> Content:
    """What is wrong with the row, and what to do."""
    return Content.assemble((clean(error.what), BAD), f": {clean(error.remedy)}")


def tokens(masked: Tokens, texts: Sequence[str]) -> list[ViewToken]:
    """An example as the trainer sees it, token by token: what is learned, and what is only shown.

    Args:
        masked: Its ids in reading order, and which of them are trained.
        texts: What each id writes.
    """
    kinds = [span.kind for span in masked.spans for _ in range(span.start, span.end)]
    return [
        ViewToken(
            text,
            STYLES[trained, kind == "special"],
            "=" if trained else "",
            note=f"id {token}: {kind}, {'trained' if trained else 'shown, not trained'}",
        )
        for text, token, trained, kind in zip(texts, masked.ids, masked.trained, kinds, strict=True)
    ]


def summary(masked: Tokens, problems: Sequence[Problem]) -> Content:
    """How many tokens are trained, what was cut off, and what is wrong with the row."""
    told = [f"{number_of(len(masked.ids), 'token')}", f"{sum(masked.trained):,} trained"]
    if masked.truncated_prompt:
        told.append(f"{masked.truncated_prompt:,} cut from the prompt")
    if masked.truncated_completion:
        told.append(f"{masked.truncated_completion:,} cut from the completion")
    wrong = [Content.assemble((clean(each.message), BAD), f": {clean(each.remedy)}") for each in problems]
    return lines([Content(", ".join(told)), *wrong])
