"""What the tab key offers in the place of a name: models, datasets, adapters, runs and the like of the store.

A shell calls the workbench at each tab. Only then are parameters given these types: a command that runs keeps
its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from store import open_store
from store.entries import Noun
from store.errors import StoreError
from store.naming import Named
from workbench.runs import training
from workbench.runs.methods import METHODS
from workbench.settings import store_path

MOST = 200
"""Nobody reads more; a store may hold a hundred thousand."""
OWN_NAMES = ("name", "names", "first", "second")
"""Arguments that name something of the command's own noun; a run's says `run`, and `name` is its sweep's."""
NOUNS: tuple[Named, ...] = (*get_args(Noun), "run")


class StoreNames(StringParamType):
    """The name of something in the store."""

    def __init__(self, noun: Named) -> None:
        self.noun = noun

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 (click's signature)
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer the names that begin so, of the store that the line names; none where there is no store."""
        try:
            path = store_path(ctx.find_root().params.get("store_option"))
            with open_store(path, create=False) as store:
                found = store.names(self.noun, incomplete, MOST)
        except (StoreError, OSError):
            return []
        return [CompletionItem(name, help=about) for name, about in found]


class Words(StringParamType):
    """One of some words that stand fast."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        param: click.Parameter,  # noqa: ARG002 (click's signature)
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer those that begin so."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


def attach(command: click.Command, noun: str) -> None:
    """Let the parameters of a command and its verbs offer names.

    Args:
        command: The command.
        noun: Its own word: what its argument `name` is the name of.
    """
    if isinstance(command, click.Group):
        for verb in command.commands.values():
            attach(verb, noun)
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = _type_of(parameter, noun) or parameter.type


def _type_of(parameter: click.Parameter, noun: str) -> StringParamType | None:
    if "--method" in parameter.opts and noun == "run":
        return Words(METHODS)
    if "--set" in parameter.opts:
        return Words(f"{info.name}=" for info in training.fields())
    if isinstance(parameter, click.Argument):
        word = noun if parameter.name in OWN_NAMES and noun != "run" else parameter.name or ""
    else:
        word = parameter.opts[0].removeprefix("--")
    return next((StoreNames(each) for each in NOUNS if word in (each, f"{each}s")), None)
