"""What the words before the command chose, and the two ways out of a command: a document or a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from store import Store, open_store
from workbench.cli import output
from workbench.settings import UiSection, store_path


@dataclass
class Session:
    """One command's surroundings: the chosen store, and whether it speaks JSON."""

    store_option: str | None = None
    ui: UiSection = field(default_factory=UiSection)
    as_json: bool = False

    def open_store(self) -> Store:
        """Open the store that `--store`, the environment or the settings name; made where there is none."""
        return open_store(store_path(self.store_option))

    def root(self) -> Path:
        """Give the store's folder, made and checked."""
        with self.open_store() as store:
            return store.root

    def show(self, document: Any, text: str | Callable[[], str]) -> None:
        """Print the document in JSON mode, the text otherwise; a stream calls it once a line.

        A text of a hundred thousand rows is handed in as what makes it, and made where it is printed.
        """
        if self.as_json:
            output.print_json(document)
        else:
            output.print_text(text if isinstance(text, str) else text())


def _speak_json(context: click.Context, _option: click.Parameter, chosen: bool) -> None:
    session = context.find_object(Session)
    if session is not None and chosen:
        session.as_json = True


pass_session = click.make_pass_decorator(Session)
json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_speak_json,
    help="Print one JSON document on stdout and nothing else there.",
)
