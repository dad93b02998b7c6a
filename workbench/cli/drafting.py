"""`workbench template suggest` and `library`: templates that need not be written from nothing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from store.errors import BadInput
from store.templates import Template
from workbench.cli.output import Column, cell, colour, facts, table
from workbench.cli.session import Session, json_option, pass_session
from workbench.composing import library, shapes
from workbench.composing.shapes import Suggestion
from workbench.composing.template import validate
from workbench.text import clean

LIBRARY_COLUMNS = (
    Column("NAME", lambda template: cell(template.name)),
    Column("TASK", lambda template: cell(template.task), shrinks=True),
    Column("VARIANTS", lambda template: str(len(template.variants)), right=True),
    Column("READS", lambda template: cell(", ".join(library.columns_of(template.name))), shrinks=True),
)
SUGGESTION_COLUMNS = (
    Column("#", lambda numbered: str(numbered[0]), right=True),
    Column("TASK", lambda numbered: cell(numbered[1].task)),
    Column("TEMPLATE", lambda numbered: cell(numbered[1].template)),
    Column("WHY", lambda numbered: cell(numbered[1].why), shrinks=True),
)

_add_option = click.option("--add", "adds", is_flag=True, help="Put it into the store.")
_name_option = click.option("--name", metavar="N", help="With --add: its name in the store.")


@click.command("library")
@click.argument("entry", required=False)
@_add_option
@_name_option
@json_option
@pass_session
def show_library(session: Session, entry: str | None, adds: bool, name: str | None) -> None:
    """List the templates that come with the workbench; show one, or add it to the store."""
    if entry is None:
        templates = library.library()
        session.show([_about(each) for each in templates], table(LIBRARY_COLUMNS, templates, empty="none"))
        return
    text, template = library.entry(entry)
    document = {**_about(template), "text": text}
    if adds:
        document["name"] = _add(session, text, f"library/{entry}", name).name
        session.show(document, f"added template {cell(document['name'])}")
    else:
        session.show(document, clean(text, limit=len(text) * 8, keep_newlines=True).rstrip("\n"))


@click.command("suggest")
@click.option("--dataset", required=True, metavar="D", help="The dataset to find templates for.")
@click.option("--split", metavar="S", help="The split to look at; otherwise the first.")
@click.option("--pick", type=click.IntRange(1), metavar="K", help="Show the K-th suggestion, whole.")
@_add_option
@_name_option
@json_option
@pass_session
def suggest(
    session: Session, dataset: str, split: str | None, pick: int | None, adds: bool, name: str | None
) -> None:
    """Suggest templates for a dataset by its columns and rows; --add takes the best, or the one picked."""
    with session.open_store() as store:
        data = store.datasets.get(dataset)
        rows = list(islice(store.datasets.rows(data.name, split), shapes.SEEN_ROWS))
    found = shapes.recognise(data.columns, rows)
    if not found:
        raise BadInput(
            f"no template is known for the columns {', '.join(data.columns)}",
            "start from one of `workbench template library`",
        )
    if pick is None and not adds:
        documents = [_document(at, each) for at, each in enumerate(found, start=1)]
        session.show(documents, table(SUGGESTION_COLUMNS, list(enumerate(found, start=1)), empty=""))
        return
    number = pick or 1
    if number > len(found):
        raise BadInput(f"there are {len(found)} suggestions, not {number}", "leave --pick out to see them")
    chosen = found[number - 1]
    text = shapes.draft(chosen, name or chosen.template)
    document = {**_document(number, chosen), "text": text}
    if adds:
        document["name"] = _add(session, text, f"suggested for {data.name}", name).name
        session.show(document, f"added template {cell(document['name'])}: {cell(chosen.why)}")
        return
    notes = facts([("why", cell(chosen.why)), *(("check", cell(note, limit=400)) for note in chosen.notes)])
    shown = clean(text, limit=len(text) * 8, keep_newlines=True).rstrip("\n")
    session.show(document, f"{shown}\n{colour('---', 'quiet')}\n{notes}")


def _add(session: Session, text: str, origin: str, name: str | None) -> Template:
    with session.open_store() as store:
        return store.templates.add_text(text, origin, name=name, accept=validate)


def _about(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "task": template.task,
        "variants": len(template.variants),
        "columns": library.columns_of(template.name),
    }


def _document(number: int, of: Suggestion) -> dict[str, Any]:
    return {
        "number": number,
        "task": of.task,
        "template": of.template,
        "columns": of.mapping,
        "why": of.why,
        "score": of.score,
        "choices": of.choices,
        "notes": of.notes,
    }
