"""What the Compose screen says of a template and one row: its text, its tokens, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean, safe
from workbench.tui.present.cells import BAD, QUIET, WARNING, Row, lines, number_of, outside, quiet
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.token_flow import ViewToken

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.templates import Template
    from workbench.composing.shown import Preview, PreviewToken

FILE_HELP = "A name, a task, and [[variants]] with name, prompt and completion."
LEARNED = "bold $accent"
TEXT_LIMIT = 20_000
"""The most characters of a rendered prompt or completion that are shown."""
PADDING = "·"
CUT_SHOWN = 1000
"""Tokens at each end of a long stretch that is cut off."""
MARKS: Mapping[str, str] = {"trained": "=", "cut off": "!", "padding": ""}
"""The sign before a token where there is no colour; padding is a sign already, and context has none."""

EMPTY = (
    "No templates yet.\n\n"
    "Press {key:compose.new_template}: your dataset's columns suggest some.\n"
    "Or press {key:compose.add} and give a TOML file with\n"
    "a name, a task and [[variants]]."
)
NO_DATA = (
    "No templates yet, and no dataset.\n\n"
    "Press {key:app.datasets}, then {key:datasets.add}, and give a JSONL, CSV or\n"
    "Parquet file; then {key:compose.new_template} here suggests templates."
)


@dataclass(frozen=True)
class Subject:
    """What is on show: a variant of a template, a row of a split, and the model whose tokens are shown."""

    template: str = ""
    variant: int | None = None
    """Its place; None is the one that is the row's turn."""
    dataset: str = ""
    split: str = ""
    row: int = 0
    rows: int = 0
    model: str = ""
    max_length: int | None = None
    """Where rows are cut off; None is the default of a run, within what the model takes."""
    batch: int = 1
    """Rows of the batch that the row is shown in."""


def recalled(saved: Saved) -> Subject:
    """What was on show in an earlier session."""
    variant, length = saved.get("variant"), saved.get("max_length")
    return Subject(
        template=chosen(saved, "template", str, ""),
        variant=variant if type(variant) is int and variant >= 0 else None,
        dataset=chosen(saved, "dataset", str, ""),
        split=chosen(saved, "split", str, ""),
        row=max(chosen(saved, "row", int, 0), 0),
        rows=max(chosen(saved, "rows", int, 0), 0),
        model=chosen(saved, "model", str, ""),
        max_length=length if type(length) is int and length > 0 else None,
        batch=min(max(chosen(saved, "batch", int, 1), 1), 64),
    )


def table(found: Iterable[Template], faults: Mapping[str, StoreError]) -> list[Row]:
    """The template list: the good ones with their task, the broken ones with their fault."""
    rows: dict[str, Row] = {
        template.name: (
            template.name,
            (outside(template.name), outside(template.task, QUIET), str(len(template.variants))),
        )
        for template in found
    }
    for name, fault in faults.items():
        rows[name] = (name, (outside(name, BAD), outside(fault.what.partition(": ")[2], BAD), "!"))
    return [rows[name] for name in sorted(rows)]


def subject(
    on: Subject, shown: Preview | None, variants: Sequence[str], length: int, keyed: Callable[[str], str]
) -> Content:
    """The line that says what is on show.

    Args:
        on: What was asked for.
        shown: What was made of it.
        variants: The names of the template's variants.
        length: Where rows are cut off.
        keyed: Writes a key for its marker.
    """
    row = f"{on.row:,}/{on.rows:,} {clean(on.dataset)} {clean(on.split)}"
    name = shown.variant if shown is not None else ""
    place = f" {variants.index(name) + 1}/{len(variants)}" if name in variants else ""
    turn = ", its own" if on.variant is None else ""
    parts = [
        ("row ", row if on.dataset else keyed("of no dataset: press {key:app.datasets}")),
        ("variant ", f"{clean(name)}{place}{turn}" if name else "none yet"),
        (
            "by ",
            f"{clean(on.model)}, cut at {length:,}"
            if on.model
            else keyed("no model: press {key:app.models}"),
        ),
    ]
    return Content("  ").join([Content.assemble((label, QUIET), text) for label, text in parts])


def body(on: Subject, shown: Preview | None, template: Template | None) -> Content:
    """A rendered row as text, for want of a model; the variant itself, for want of a row."""
    if shown is None:
        if template is None:
            return quiet("choose a template, or press {key:compose.new_template} for a new one")
        variant = template.variants[(on.variant or 0) % len(template.variants)]
        if variant.messages is not None:
            return quiet(f"the conversation in the column {clean(variant.messages)!r}")
        parts = [("prompt, not rendered", variant.prompt), ("completion, not rendered", variant.completion)]
    else:
        parts = [("prompt", shown.prompt), ("completion", shown.completion)]
        if shown.system:
            parts.insert(0, ("system", shown.system))
    told: list[Content] = []
    for label, text in parts:
        style = LEARNED if label.startswith("completion") else ""
        told += [quiet(f"\n{label}" if told else label), safe(text, style, limit=TEXT_LIMIT)]
    return lines(told)


def tokens(shown: Sequence[PreviewToken]) -> list[ViewToken]:
    """A row as the trainer will have it, token by token: trained, context, padding, or cut off.

    Of a long stretch that is cut off only both ends are shown: a row of a book shall not hold up the screen.
    """
    found: list[ViewToken] = []
    for cut, run in groupby(shown, key=lambda token: token.cut):
        part = list(run)
        left_out = len(part) - 2 * CUT_SHOWN
        if not cut or left_out <= 0:
            found += map(_token, part)
            continue
        note = f"{left_out:,} tokens more are cut off here"
        found += map(_token, part[:CUT_SHOWN])
        found.append(ViewToken(f"\n[{left_out:,} more]\n", "cut off", MARKS["cut off"], note=note))
        found += map(_token, part[-CUT_SHOWN:])
    return found


def _token(token: PreviewToken) -> ViewToken:
    if token.cut:
        kind, note = "cut off", "cut off: the model never sees it"
    elif token.trained:
        kind, note = "trained", "trained: the loss is computed on it"
    elif token.role == "padding":
        kind, note = "padding", "padding: masked, neither read nor trained"
    elif token.role == "special":
        kind, note = "special", "context: shown, not trained"
    else:
        kind, note = "context", "context: shown, not trained"
    text = PADDING if token.role == "padding" else token.text
    told = f"id {token.id}, {token.role}, {note}" if token.role != "padding" else f"id {token.id}, {note}"
    return ViewToken(text, kind, MARKS.get(kind, ""), note=told, label=f"‹{token.id}›")


def totals(shown: Preview) -> Content:
    """How many tokens the row has, by what is done with them."""
    counted = {
        "trained": sum(token.trained for token in shown.tokens),
        "cut off": sum(token.cut for token in shown.tokens),
        "padding": sum(token.role == "padding" for token in shown.tokens),
    }
    styles = {"trained": LEARNED, "cut off": BAD, "padding": QUIET}
    told = [Content(number_of(shown.length, "token"))]
    told += [
        Content.styled(f"{count:,} {name}", styles[name])
        for name, count in counted.items()
        if count or name == "trained"
    ]
    return Content(", ").join(told)


def problems(shown: Preview) -> Content:
    """What is wrong with the row, each with what to do."""
    return lines(
        Content.assemble(
            (f"{'✗' if each.fatal else '!'} {clean(each.message)}", BAD if each.fatal else WARNING),
            (f": {clean(each.remedy)}", QUIET),
        )
        for each in shown.problems
    )


def trouble(error: StoreError) -> Content:
    """What is wrong with the template or the row, and what to do."""
    return Content.assemble((clean(error.what), BAD), f": {clean(error.remedy)}")


def row_fault(text: str, rows: int) -> str | None:
    """Why a text is no number of a row; None when it is."""
    number = text.strip().replace(",", "")
    if number.isdigit() and int(number) < rows:
        return None
    return f"a number from 0 to {rows - 1:,}"


def length_fault(text: str) -> str | None:
    """Why a text is no length to cut rows at; None when it is, or when it is nothing: the default."""
    number = text.strip().replace(",", "")
    if not number or (number.isdigit() and int(number) >= 2):
        return None
    return "a number of tokens from 2 on, or nothing for the default"
