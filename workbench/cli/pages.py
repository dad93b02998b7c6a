"""The topics of the handbook: prose of `workbench/handbook`, and tables made of the product's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import cast

import click
import tomli_w

from workbench.cli import COMMANDS
from workbench.cli.screens import key_groups
from workbench.composing import library
from workbench.composing.functions import FILTER_NAMES, METHOD_NAMES
from workbench.handbook.page import Block, Heading, Page, Paragraph, prose, table
from workbench.handbook.tour import STOPS
from workbench.runs import training
from workbench.runs.fields import FieldInfo
from workbench.runs.methods import METHODS
from workbench.settings import KEYS_HELP, load_settings, sections

Blocks = Iterator[Block]
GROUP_TITLES = {
    "length": "How long, and in what portions",
    "optimizer": "Optimizer",
    "adapter": "Adapter",
    "record": "Record and checks",
    "machine": "Machine",
}


def tour() -> Blocks:
    """Five minutes in the demo."""
    yield from prose("tour")
    for stop in STOPS:
        yield Heading(stop.title)
        yield Paragraph(stop.text)
    yield from prose("own-data")


def commands() -> Blocks:
    """Every command with its options."""
    yield from prose("commands")
    yield Heading("workbench [OPTIONS] COMMAND")
    yield from _options(click.get_current_context().find_root())
    for name in COMMANDS:
        yield from of_command(name).blocks


def of_command(name: str) -> Page:
    """The page of one command, with all its verbs."""
    root = click.get_current_context().find_root()
    command = cast("click.Group", root.command).get_command(root, name)
    blocks = () if command is None else _command(command, click.Context(command, info_name=name, parent=root))
    return Page(name, f"workbench {name}", tuple(blocks))


def _command(command: click.Command, context: click.Context) -> Blocks:
    if isinstance(command, click.Group):
        for name, verb in command.commands.items():
            yield from _command(verb, click.Context(verb, info_name=name, parent=context))
        return
    yield Heading(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    # Click marks what it must not wrap with \b; this page wraps for itself.
    for part in (command.help or "").replace("\b", "").split("\n\n"):
        yield Paragraph(" ".join(part.split()))
    yield from _options(context)


def _options(context: click.Context) -> Blocks:
    records = [each.get_help_record(context) for each in context.command.get_params(context)]
    rows = [record for record in records if record is not None and record[1]]  # arguments stand in the usage
    if rows:
        yield table(("option", "meaning"), rows)


def keys() -> Blocks:
    """Every action of the screens."""
    yield from prose("keys")
    for title, rows in key_groups(load_settings(Path.cwd())):
        yield Heading(title)
        yield table(("key", "action", "meaning"), rows)


def settings() -> Blocks:
    """Every setting of a run."""
    yield from prose("settings")
    infos = training.fields()
    for group in dict.fromkeys(info.group for info in infos):
        yield Heading(GROUP_TITLES.get(group, group))
        rows = ((info.name, info.show(info.default), _meaning(info)) for info in infos if info.group == group)
        yield table(("setting", "default", "meaning"), rows)


def _meaning(info: FieldInfo) -> str:
    allowed = info.allowed()
    unit = f", in {info.unit}" if info.unit else ""
    return f"{info.help}. {allowed[0].upper()}{allowed[1:]}{unit}."


def methods() -> Blocks:
    """The ways to fine-tune."""
    yield from prose("methods")
    rows = (
        (each.name, f"{each.learning_rate:g}", "yes" if each.peft else "no", each.help)
        for each in METHODS.values()
    )
    yield table(("method", "step size", "plain PEFT", "what learns"), rows)


def templates() -> Blocks:
    """Templates, and those that come along."""
    yield from prose("templates")
    rows = (
        (each.name, f"{each.task}: {', '.join(library.columns_of(each.name))}") for each in library.library()
    )
    yield table(("template", "task, and the columns that it reads"), rows)
    yield Heading("Filters and methods")
    yield Paragraph(f"Filters: {', '.join(sorted(FILTER_NAMES))}.")
    yield Paragraph(f"Methods of texts and lists: {', '.join(sorted(METHOD_NAMES))}.")


def config() -> Blocks:
    """The settings file and the variables."""
    yield from prose("config")
    for name, section in sections().items():
        yield Heading(f"[{name}]")
        rows = ((each.name, _toml(each.default), each.metadata["help"]) for each in fields(section))
        yield table(("key", "default", "meaning"), rows)
    yield Heading("[keys]")
    yield Paragraph(KEYS_HELP)
    yield from prose("remapping")


def _toml(value: object) -> str:
    return tomli_w.dumps({"x": list(value) if isinstance(value, tuple) else value}).partition("= ")[2].strip()


TOPICS: dict[str, tuple[str, Callable[[], Blocks]]] = {
    "tour": ("Five minutes in the demo, stop by stop", tour),
    "commands": ("Every command with its options", commands),
    "keys": ("Every key of the screens", keys),
    "settings": ("Every setting of a run: default, range, unit", settings),
    "methods": ("The ways to fine-tune", methods),
    "templates": ("Instruction templates, and those that come along", templates),
    "scores": ("Scores, and the signals of a score that is too good", lambda: iter(prose("scores"))),
    "store": ("The store: its files, and a run as a file", lambda: iter(prose("store"))),
    "terminal": ("SSH, tmux, colours, mouse, browser", lambda: iter(prose("terminal"))),
    "config": ("The settings file, and the variables that are read", config),
}
"""Topics in the order of reading: what each is about, and what makes it."""


def page(topic: str) -> Page:
    """Make the page of a topic."""
    title, make = TOPICS[topic]
    return Page(topic, title, tuple(make()))
