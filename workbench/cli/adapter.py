"""`workbench adapter`: trained adapters of the store."""

from __future__ import annotations

import click

from store.adapters import Adapter
from workbench.cli import adapter_after, figures
from workbench.cli.output import Column, cell, facts, table, warn
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session

COLUMNS = (
    Column("NAME", lambda adapter: cell(adapter.name)),
    Column("MODEL", lambda adapter: cell(adapter.model), shrinks=True),
    Column("METHOD", lambda adapter: cell(adapter.method)),
    Column("TRAINABLE", lambda adapter: figures.count(adapter.trainable), right=True),
    Column("SIZE", lambda adapter: figures.size(adapter.bytes), right=True),
    Column("RUN", lambda adapter: _run(adapter)),
    Column("ADDED", lambda adapter: figures.ago(adapter.created), right=True),
)


@click.group()
def command() -> None: ...


for each in (
    adapter_after.merge,
    adapter_after.export,
    adapter_after.combine,
    adapter_after.diff,
    adapter_after.push,
):
    command.add_command(each)


@command.command()
@click.argument("folder", metavar="DIR")
@click.option("--name", metavar="N", help="Its name in the store; otherwise the folder's own.")
@click.option("--model", metavar="M", help="Its base model in the store; otherwise the one its config names.")
@click.option("--force", is_flag=True, help="Take it although its base's fingerprint differs.")
@json_option
@pass_session
def add(session: Session, folder: str, name: str | None, model: str | None, force: bool) -> None:
    """Bring in an adapter: a PEFT folder (adapter_config.json, adapter_model.safetensors)."""
    with session.open_store() as store:
        adapter = store.adapters.add(folder, name=name, model=model, force=force)
    session.show(adapter, f"added adapter {cell(adapter.name)} for {cell(adapter.model)}")


@command.command("list")
@json_option
@pass_session
def list_adapters(session: Session) -> None:
    """List the adapters."""
    with session.open_store() as store:
        adapters, left_out = store.adapters.list(), store.adapters.left_out()
    empty = "no adapters yet: workbench run start trains one, workbench adapter add DIR brings one in"
    session.show(adapters, lambda: table(COLUMNS, adapters, empty=empty))
    warn(left_out)


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show one adapter."""
    with session.open_store() as store:
        adapter = store.adapters.get(name)
    session.show(adapter, facts(_described(adapter)))


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove an adapter and its files from the store."""
    with session.open_store() as store:
        store.adapters.remove(name)
        show_removed(session, store, "adapter", name, name)


def _described(adapter: Adapter) -> list[tuple[str, str]]:
    return [
        ("name", cell(adapter.name)),
        ("model", f"{cell(adapter.model)} ({cell(adapter.model_fingerprint)})"),
        ("method", f"{cell(adapter.method)} ({cell(adapter.peft_type)})"),
        ("run", _run(adapter)),
        ("trainable", f"{adapter.trainable:,} parameters"),
        ("size", figures.size(adapter.bytes)),
        ("fingerprint", cell(adapter.fingerprint)),
        ("folder", cell(adapter.path)),
        ("added", figures.ago(adapter.created)),
    ]


def _run(adapter: Adapter) -> str:
    return f"{cell(adapter.run)} (gone)" if adapter.run_gone else cell(adapter.run)
