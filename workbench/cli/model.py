"""`workbench model`: base models of the store."""

from __future__ import annotations

import click

from store.models import Model
from workbench.cli import figures
from workbench.cli.output import Column, cell, facts, table
from workbench.cli.session import Session, json_option, pass_session

COLUMNS = (
    Column("NAME", lambda model: cell(model.name)),
    Column("FAMILY", lambda model: model.family),
    Column("ARCHITECTURE", lambda model: cell(model.architecture), shrinks=True),
    Column("PARAMETERS", lambda model: figures.count(model.parameters), right=True),
    Column("SIZE", lambda model: figures.size(model.bytes), right=True),
    Column("DTYPE", lambda model: cell(model.dtype)),
    Column("ADDED", lambda model: figures.ago(model.created), right=True),
)


@click.group()
def command() -> None: ...


@command.command()
@click.argument("source")
@click.option("--name", metavar="N", help="Its name in the store; otherwise the source's own.")
@click.option("--revision", metavar="R", help="Branch, tag or commit of a Hub model.")
@json_option
@pass_session
def add(session: Session, source: str, name: str | None, revision: str | None) -> None:
    """Bring in a base model: a local transformers folder with safetensors weights, or a Hub id."""
    with session.open_store() as store:
        model = store.models.add(source, name=name, revision=revision)
    session.show(
        model, f"added model {cell(model.name)}: {figures.count(model.parameters)} parameters, {model.family}"
    )


@command.command("list")
@json_option
@pass_session
def list_models(session: Session) -> None:
    """List the base models."""
    with session.open_store() as store:
        models = store.models.list()
    session.show(models, table(COLUMNS, models, empty="no models yet: workbench model add SOURCE"))


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show one base model."""
    with session.open_store() as store:
        model = store.models.get(name)
    session.show(model, facts(_described(model)))


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a base model and its files from the store."""
    with session.open_store() as store:
        store.models.remove(name)
    session.show({"removed": name}, f"removed model {cell(name)}")


def _described(model: Model) -> list[tuple[str, str]]:
    return [
        ("name", cell(model.name)),
        ("architecture", f"{cell(model.architecture)} ({model.family})"),
        ("parameters", f"{model.parameters:,}"),
        ("size", f"{figures.size(model.bytes)} as {cell(model.dtype)}"),
        ("vocabulary", f"{model.vocabulary:,} tokens"),
        ("longest input", f"{model.max_length:,} tokens" if model.max_length else "not stated"),
        ("chat template", "yes" if model.chat_template else "no"),
        ("source", cell(model.source)),
        ("revision", cell(model.revision)),
        ("fingerprint", cell(model.fingerprint)),
        ("folder", cell(model.path)),
        ("added", figures.ago(model.created)),
    ]
