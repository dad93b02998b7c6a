"""A new template in a few keys: what a dataset's columns suggest, then the library, then an empty one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from workbench.composing import library, shapes
from workbench.composing.renaming import reference
from workbench.tui.clean import clean
from workbench.tui.present.cells import QUIET, lines, outside, quiet
from workbench.tui.sentences import keyed
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from store import Store
    from store.templates import Template
    from workbench.composing.shapes import Suggestion
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.rendering import Source

COLUMNS = (Column("task", "task", minimum=18), Column("from", "template", minimum=14))
SURE = 0.5
EMPTY_NAME = "my-template"
EMPTY = """\
name = "{name}"
task = "what the model shall learn"

[[variants]]
name = "first-phrasing"
prompt = '''
{prompt}
'''
completion = '{completion}'
"""


@dataclass(frozen=True)
class Offer:
    """A template that can be made."""

    name: str
    """What it would be called, if that is free."""
    task: str
    text: str
    about: Content
    fits: bool
    """Whether it was suggested for the dataset."""


def read_offers(store: Store, source: Source | None) -> list[Offer]:
    """What can be offered for a split, the best first; without one, what the library has."""
    offers: list[Offer] = []
    if source is not None:
        rows = list(islice(store.datasets.rows(source.dataset, source.split), shapes.SEEN_ROWS))
        offers += [_suggested(each) for each in shapes.recognise(source.columns, rows)]
    taken = {offer.name for offer in offers}
    offers += [_from_library(each) for each in library.library() if each.name not in taken]
    return [*offers, _empty(source)]


def save_offer(store: Store, offer: Offer, dataset: str) -> Template:
    """Save a template under its name, or a longer one where that is taken."""
    taken = set(store.templates.names())
    named = (offer.name, *([f"{offer.name}-{dataset}"] if dataset else []))
    numbered = (f"{offer.name}-{at}" for at in range(2, len(taken) + 3))
    name = next(each for each in (*named, *numbered) if each not in taken)
    text = offer.text.replace(f'name = "{offer.name}"', f'name = "{name}"', 1)
    return store.templates.add_text(text, f"suggested for {dataset}" if dataset else "the library", name=name)


def offer(screen: WorkbenchScreen, source: Source | None, added: Callable[[Template], None]) -> None:
    """Offer templates for a split.

    Args:
        screen: Asks.
        source: The split; None offers what the library has.
        added: Takes the one that was chosen and saved.
    """
    dataset = source.dataset if source is not None else ""

    def taken(chosen: Offer | None) -> None:
        if chosen is not None:
            screen.ask(lambda store: save_offer(store, chosen, dataset), added)

    def offered(offers: list[Offer]) -> None:
        screen.app.push_screen(NewTemplate(offers, dataset), taken)

    screen.ask(lambda store: read_offers(store, source), offered)


class NewTemplate(Dialog[Offer | None]):
    """Offers templates, with what speaks for the one under the cursor.

    Args:
        offers: At least one.
        dataset: For which.
    """

    CSS = """
    NewTemplate { align: center middle; }
    NewTemplate .dialog { width: 92; height: 80%; max-height: 30; padding: 0 1; }
    NewTemplate #about { height: auto; max-height: 8; padding: 0 1; border-top: solid $border; }
    """

    def __init__(self, offers: list[Offer], dataset: str) -> None:
        title = f"new template for {dataset}" if dataset else "new template"
        super().__init__(
            title, "{key:table.select} takes it  {key:choose.filter} filter  {key:dialog.leave} leave"
        )
        self._offers = offers

    def compose_body(self) -> ComposeResult:
        """List, and what is said of the one under the cursor."""
        yield LiveTable(COLUMNS, empty="nothing to choose from")
        yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        """Fill the list."""
        self.query_one(LiveTable).set_rows(
            (
                str(at),
                (
                    outside(offer.task, "" if offer.fits else QUIET),
                    outside(offer.name, "$accent" if offer.fits else QUIET),
                ),
            )
            for at, offer in enumerate(self._offers)
        )

    @on(LiveTable.Highlighted)
    def _highlighted(self, message: LiveTable.Highlighted) -> None:
        about = self._offers[int(message.key)].about if message.key is not None else Content()
        self.query_one("#about", Static).update(keyed(self, about))

    @on(LiveTable.Selected)
    def _chosen(self, message: LiveTable.Selected) -> None:
        self.dismiss(self._offers[int(message.key)])


def _suggested(suggestion: Suggestion) -> Offer:
    sure = suggestion.score >= SURE
    columns = ", ".join(
        own if own == source else f"{own} from {source}" for own, source in suggestion.mapping.items()
    )
    about = [
        Content.assemble(("fits  " if sure else "a guess  ", QUIET), clean(suggestion.why, 300)),
        Content.assemble(("columns  ", QUIET), clean(columns, 300)),
        *(Content.assemble(("check  ", QUIET), clean(note, 300)) for note in suggestion.notes),
    ]
    if suggestion.choices:
        answers = clean(", ".join(suggestion.choices), 200)
        about.append(Content.assemble(("answers  ", QUIET), answers))
    name = suggestion.template
    return Offer(name, suggestion.task, shapes.draft(suggestion, name), lines(about), fits=True)


def _from_library(template: Template) -> Offer:
    reads = library.columns_of(template.name)
    about = [quiet("from the library; its columns are")]
    about += [Content.assemble((f"{name}  ", QUIET), clean(what, 200)) for name, what in reads.items()]
    return Offer(template.name, template.task, library.entry(template.name)[0], lines(about), fits=False)


def _empty(source: Source | None) -> Offer:
    columns = source.columns if source is not None else ("question", "answer")
    prompt, completion = (f"{{{{ {reference(column)} }}}}" for column in (columns[0], columns[-1]))
    text = EMPTY.format(name=EMPTY_NAME, prompt=prompt, completion=completion)
    return Offer(
        EMPTY_NAME,
        "an empty one",
        text,
        quiet("one variant, to be written with {key:compose.edit}"),
        fits=False,
    )
