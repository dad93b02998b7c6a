"""What is on show on the Compose screen, and the ways from there: other rows, variants, problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.tui.present import figures
from workbench.tui.present.compose import Subject
from workbench.tui.screens.figures_pane import FiguresPane
from workbench.tui.screens.preview_pane import PreviewPane
from workbench.tui.screens.previewing import Made, Previewer, Search, Wanted, survey_request
from workbench.tui.screens.rendering import Shelf

if TYPE_CHECKING:
    from workbench.tui.screen import WorkbenchScreen

BATCH = 8
"""Rows of the batch that a row is shown in: the default of a run."""
NO_ROWS = "there is no dataset to take rows from; press {key:app.datasets} and add one"
NO_MODEL = "there is no model whose tokens could be shown; press {key:app.models} and add one"


class Showing:
    """The subject of a screen, and the panes that show it.

    Args:
        screen: Holds a `PreviewPane` and a `FiguresPane`.
        unsaved: The template's text where it is being edited and not saved, else None.
        drawn: Told what has just been shown.
    """

    def __init__(
        self, screen: WorkbenchScreen, unsaved: Callable[[], str | None], drawn: Callable[[Made], None]
    ) -> None:
        self.shelf = Shelf()
        self.subject = Subject()
        self.made = Made(Wanted(Subject()))
        self._screen = screen
        self._unsaved = unsaved
        self._drawn = drawn
        root = screen.workbench.root
        self._previewer = Previewer(root, screen.ask, self._draw)
        self._search = Search(root, screen.ask)

    def close(self) -> None:
        """End the processes."""
        self._previewer.close()
        self._search.close()

    def show(self, wanted: Subject) -> None:
        """Show something; what is not chosen is completed by what there is."""
        self.subject = self.shelf.complete(wanted)
        self.again()
        self._screen.refresh_chrome()

    def again(self) -> None:
        """Show the same, as the template says now."""
        if self.subject.template:
            self._previewer.show(Wanted(self.subject, self._unsaved()))

    def redraw(self) -> None:
        """Show what was made, by what is known now."""
        self._draw(self.made)

    def step(self, rows: int) -> None:
        """Go some rows on, or back."""
        self.show(replace(self.subject, row=self.subject.row + rows))

    def next_variant(self) -> None:
        """Show the next phrasing of the task."""
        template, shown = self.shelf.templates.get(self.subject.template), self.made.shown
        if template is not None:
            names = [variant.name for variant in template.variants]
            now = names.index(shown.variant) if shown is not None and shown.variant in names else -1
            self.show(replace(self.subject, variant=(now + 1) % len(names)))

    def own_variant(self) -> None:
        """Show the phrasing that is the row's turn."""
        self.show(replace(self.subject, variant=None))

    def toggle_batch(self) -> None:
        """Show the row with those that follow it in one padded batch, or alone."""
        self.show(replace(self.subject, batch=1 if self.subject.batch > 1 else BATCH))

    def to_problem(self, step: int) -> None:
        """Go to the next row with a problem, or with a step of -1 to the one before.

        The figures of all rows know it where they have come so far; else a process looks for it.
        """
        document = self._figures.fresh
        if document is not None and self.subject.variant is None:
            row, certain = figures.neighbour(document, self.subject.row, step)
            if certain:
                self._to_row(row)
                return
        workbench = self._screen.workbench
        workbench.say("looking for a row with a problem …")
        self._search.find(self.subject, self.made.text, step, self._to_row, workbench.tell)

    def why_not(self, name: str) -> str | None:
        """Why an action cannot be done now: rows, tokens and figures need a dataset and a model."""
        on = self.subject
        if name in ("next_row", "previous_row"):
            there = 0 <= on.row + (1 if name == "next_row" else -1) < on.rows
            return NO_ROWS if not on.dataset else None if there else "there are no more rows that way"
        if name in ("next_problem", "previous_problem", "ids", "batch", "figures", "start_run"):
            return NO_ROWS if not on.dataset else None if on.model else NO_MODEL
        if name == "choose_model":
            return None if self.shelf.models else NO_MODEL
        if name in ("go_to_row", "choose_rows"):
            return None if on.dataset else NO_ROWS
        return None

    @property
    def _figures(self) -> FiguresPane:
        return self._screen.query_one(FiguresPane)

    def _to_row(self, row: int | None) -> None:
        if row is None:
            self._screen.workbench.say("no row that way has a problem")
        else:
            self.show(replace(self.subject, row=row))

    def _draw(self, made: Made) -> None:
        on = made.wanted.subject
        if on.template != self.subject.template or not self._screen.query(PreviewPane):
            return  # something else was chosen, or the screen was closed meanwhile
        self.made = made
        self._screen.query_one(PreviewPane).show(made, self.shelf.templates.get(on.template), self.shelf)
        source = self.shelf.source(on)
        request = survey_request(on, made.text)
        self._figures.want(
            request, source.fingerprint if source is not None else "", NO_MODEL if source else NO_ROWS
        )
        self._drawn(made)
