"""What the Compose screen asks its user to choose: rows, a row's number, a model, a length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.app import App

from workbench.tui.present import compose as present
from workbench.tui.screens import dialogs
from workbench.tui.screens.showing import Showing
from workbench.tui.widgets.modal import Prompt


def rows(app: App[Any], showing: Showing, then: Callable[[], None]) -> None:
    """Choose a dataset and split; those that the template fits come first.

    Args:
        app: The app.
        showing: What is on show, which will show the first of those rows.
        then: Called before that.
    """
    shelf, name = showing.shelf, showing.subject.template
    order = sorted(shelf.sources, key=lambda each: not shelf.fits(name, each.dataset))

    def chosen(key: str) -> None:
        source = order[int(key)]
        then()
        showing.show(replace(showing.subject, dataset=source.dataset, split=source.split, row=0))

    options = [
        (
            str(at),
            f"{each.dataset} {each.split}{'' if shelf.fits(name, each.dataset) else '  (other columns)'}",
        )
        for at, each in enumerate(order)
    ]
    dialogs.choose(app, "take rows of", options, chosen)


def model(app: App[Any], showing: Showing) -> None:
    """Choose the model whose tokens are shown."""

    def chosen(name: str) -> None:
        showing.show(replace(showing.subject, model=name))

    options = [(each.name, f"{each.name}  ({each.family})") for each in showing.shelf.models]
    dialogs.choose(app, "tokens of", options, chosen)


def row(app: App[Any], showing: Showing) -> None:
    """Choose a row by its number."""
    count = showing.subject.rows

    def chosen(text: str | None) -> None:
        if text is not None:
            showing.show(replace(showing.subject, row=_number(text)))

    label = f"Row, from 0 to {count - 1:,}:"
    app.push_screen(Prompt("go to a row", label, check=lambda text: present.row_fault(text, count)), chosen)


def length(app: App[Any], showing: Showing) -> None:
    """Choose the length that rows are cut off at."""
    now = showing.subject

    def chosen(text: str | None) -> None:
        if text is not None:
            showing.show(replace(showing.subject, max_length=_number(text) if text.strip() else None))

    told = f"max_length of a run, now {showing.shelf.length(now):,}; nothing: the default of a run."
    prompt = Prompt("cut rows off at", "Tokens:", str(now.max_length or ""), present.length_fault, told)
    app.push_screen(prompt, chosen)


def _number(text: str) -> int:
    return int(text.strip().replace(",", ""))
