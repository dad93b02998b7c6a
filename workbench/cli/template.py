"""`workbench template`: instruction templates, and what they make of a dataset's rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from store.templates import Template
from workbench.cli import drafting, rendering
from workbench.cli.output import Column, cell, table
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session
from workbench.composing.template import validate
from workbench.text import clean

COLUMNS = (
    Column("NAME", lambda template: cell(template.name)),
    Column("TASK", lambda template: cell(template.task), shrinks=True),
    Column("VARIANTS", lambda template: str(len(template.variants)), right=True),
    Column("HASH", lambda template: template.hash[:12]),
)


@click.group()
def command() -> None: ...


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="N", help="Its name in the store; otherwise the one in the file.")
@json_option
@pass_session
def add(session: Session, file: Path, name: str | None) -> None:
    """Bring in a template: a TOML file with a name, a task and variants in Jinja2."""
    with session.open_store() as store:
        template = store.templates.add(file, name=name, accept=validate)
    variants = f"{len(template.variants)} variant" + "s" * (len(template.variants) != 1)
    session.show(_document(template), f"added template {cell(template.name)}: {variants}")


@command.command("list")
@json_option
@pass_session
def list_templates(session: Session) -> None:
    """List the templates."""
    with session.open_store() as store:
        templates = store.templates.list()
    empty = "no templates yet: workbench template add FILE.toml"
    session.show([_document(template) for template in templates], table(COLUMNS, templates, empty=empty))


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show a template: its TOML file as it stands."""
    with session.open_store() as store:
        template, text = store.templates.get(name), store.templates.text(name)
        document = {**_document(template), "path": store.templates.path(name), "text": text}
    session.show(document, clean(text, limit=len(text) * 8, keep_newlines=True).rstrip("\n"))


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a template and its file from the store."""
    with session.open_store() as store:
        store.templates.remove(name)
        show_removed(session, store, "template", name, name)


def _document(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "task": template.task,
        "system": template.system,
        "choices": template.choices,
        "separator": template.separator,
        "loss": template.loss,
        "hash": template.hash,
        "variants": list(template.variants),
    }


command.add_command(rendering.render_rows)
command.add_command(rendering.check_rows)
command.add_command(drafting.suggest)
command.add_command(drafting.show_library)
