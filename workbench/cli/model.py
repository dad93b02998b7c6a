"""`workbench model`: base models of the store."""

from __future__ import annotations

import click

from store.engines import RemoteEngine
from store.errors import StoreError
from store.models import Model
from workbench.cli import figures
from workbench.cli.output import Column, cell, facts, note, table, warn
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session
from workbench.text import clean

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
        models, left_out = store.models.list(), store.models.left_out()
    session.show(models, table(COLUMNS, models, empty="no models yet: workbench model add SOURCE"))
    warn(left_out)


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show one base model."""
    with session.open_store() as store:
        model, engine = store.models.get(name), store.engines.get(name)
    described = [*_described(model), *([("engine", cell(engine.url))] if engine else [])]
    session.show(model, facts(described))


@command.command()
@click.argument("name")
@click.argument("url", required=False)
@click.option(
    "--served-name", metavar="S", help="The engine's own name of the model; else the only one it has."
)
@click.option("--token-env", metavar="VAR", help="The environment variable that holds its token.")
@click.option("--remove", "removes", is_flag=True, help="Let a process of ours answer again.")
@json_option
@pass_session
def engine(
    session: Session,
    name: str,
    url: str | None,
    served_name: str | None,
    token_env: str | None,
    removes: bool,
) -> None:
    """Let an OpenAI-compatible server answer for a model, such as vLLM; without URL, show which does.

    LoRA adapters are loaded there by their folder. http reaches this machine alone, others need https.
    """
    if url is not None and removes:
        raise click.UsageError("give either a URL or --remove", click.get_current_context())
    if url is None and (served_name or token_env):
        raise click.UsageError("give the engine's URL as well", click.get_current_context())
    with session.open_store() as store:
        store.models.get(name)
        if url is not None:
            store.engines.put(name, url, served_name=served_name, token_variable=token_env)
        elif removes:
            store.engines.remove(name)
        found = store.engines.get(name)
    if url is not None and found is not None:
        note(_first_look(found))
    session.show(
        {"model": name, "engine": found},
        f"model {cell(name)} is answered by {cell(found.url) if found else 'a process of ours'}",
    )


def _first_look(engine: RemoteEngine) -> str:
    from workbench import remote  # only here: few have an engine elsewhere

    try:
        return f"it serves {cell(', '.join(remote.served_models(engine)))}"
    except StoreError as error:
        return f"kept, but {clean(str(error))}"


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a base model and its files from the store."""
    with session.open_store() as store:
        store.models.remove(name)
        show_removed(session, store, "model", name, name)


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
