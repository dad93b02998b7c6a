"""What the Compare screen asks its user to choose: base, rows, a row's number, earlier prompt, sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from workbench.link import Sampling
from workbench.tui.clean import clean
from workbench.tui.present import compare as present
from workbench.tui.present import compose
from workbench.tui.screens import dialogs, prompts
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.screens.prompts import Choice, Source
from workbench.tui.sentences import keyed
from workbench.tui.widgets.modal import Prompt

if TYPE_CHECKING:
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.question import Question

Choose = Callable[["WorkbenchScreen", "Question"], None]
SHOWN_CHARACTERS = 200


def model(screen: WorkbenchScreen, question: Question) -> None:
    """Choose another base."""

    def chosen(name: str) -> None:
        question.by_hand = True
        question.choose(Choice(name, (None,)), None)

    def offer(names: list[str]) -> None:
        dialogs.choose(screen.app, "base model", [(name, name) for name in names], chosen)

    screen.ask(lambda store: [each.name for each in store.models.list()], offer)


def rows(screen: WorkbenchScreen, question: Question) -> None:
    """Choose the rows that prompts are made of, and take the first."""

    def offer(found: list[Source]) -> None:
        def chosen(key: str) -> None:
            question.source = found[int(key)]
            question.take_row(0)

        if found:
            labels = [(str(at), f"{each.label}  ({each.rows:,} rows)") for at, each in enumerate(found)]
            dialogs.choose(screen.app, "take rows of", labels, chosen)
        else:
            screen.workbench.say(present.NO_DATA, "warning")

    systems = question.systems.chosen_adapters
    screen.ask(lambda store: prompts.sources(store, systems), offer)


def row(screen: WorkbenchScreen, question: Question) -> None:
    """Choose a row by its number."""
    systems, source = question.systems.chosen_adapters, question.source

    def offer(found: Source | None) -> None:
        if found is None:
            screen.workbench.say(present.NO_DATA, "warning")
            return

        def chosen(text: str | None) -> None:
            if text is not None:
                question.take_row(int(text.strip().replace(",", "")))

        label = f"Row, from 0 to {found.rows - 1:,}:"
        prompt = Prompt("go to a row", label, check=lambda text: compose.row_fault(text, found.rows))
        screen.app.push_screen(prompt, chosen)

    screen.ask(lambda store: source or prompts.own_source(store, systems), offer)


def earlier_prompt(screen: WorkbenchScreen, question: Question) -> None:
    """Choose one of the prompts that were typed before."""

    def offer(texts: list[str]) -> None:
        if texts:
            labels = [(str(at), clean(text, SHOWN_CHARACTERS)) for at, text in enumerate(texts)]
            dialogs.choose(screen.app, "earlier prompts", labels, lambda key: question.write(texts[int(key)]))
        else:
            told = keyed(screen, "no prompt was typed yet: {key:compare.prompt} writes one")
            screen.workbench.say(told, "warning")

    screen.ask(lambda store: store.prompts.list(), offer)


def sampling(screen: WorkbenchScreen, now: Sampling, then: Callable[[Sampling], None]) -> None:
    """Set length, temperature and seed."""

    def entered(values: dict[str, Any] | None) -> None:
        if values is not None:
            then(replace(now, **values))

    screen.app.push_screen(FormDialog("sampling", present.sampling_fields(), values=asdict(now)), entered)


CHOICES: dict[str, Choose] = {"history": earlier_prompt, "rows": rows, "row": row, "model": model}
"""What the screen lets choose, by the word in its table of actions."""
