"""The Compose screen: templates, what a variant makes of a row, and which of its tokens are trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from textual import on
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from workbench.tui.live import CatalogChanged
from workbench.tui.present import compose as present
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import choosing, draft_dialog
from workbench.tui.screens.editor import EditorPane
from workbench.tui.screens.figures_pane import FiguresPane
from workbench.tui.screens.mixture_pane import MixturePane
from workbench.tui.screens.preview_pane import PreviewPane
from workbench.tui.screens.rendering import Shelf, ShelfReader
from workbench.tui.screens.showing import Showing
from workbench.tui.screens.writing import Writing
from workbench.tui.state import Saved, chosen
from workbench.tui.watching import FolderWatch
from workbench.tui.widgets.live_table import Column, LiveTable

RELIST_SECONDS = 0.15
COLUMNS = (
    Column("name", "name", minimum=12),
    Column("task", "task", minimum=8, hide_below=44),
    Column("variants", "var", 3, align="right"),
)


class TemplatesWritten(Message, bubble=False):
    """Files of templates were written, by whatever program."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()
        self.names = names


class ComposeScreen(WorkbenchScreen):
    """Templates at the left, a row's tokens beside them, the figures of all rows at the right."""

    scope = "compose"
    CSS = """
    ComposeScreen {
        #subject { height: auto; min-height: 1; max-height: 2; padding: 0 2; }
        #compose { layout: horizontal; height: 1fr; }
        #templates { width: 36%; min-width: 31; max-width: 60; height: 1fr; }
        #all-rows { dock: right; width: 40; height: 1fr; }
        #preview, #editor { width: 1fr; height: 1fr; }
        &.-wide #all-rows { width: 48; }

        &.-editing #editor { display: block; }
        &.-editing #templates, &.-editing.-normal #all-rows { display: none; }

        &.-narrow #compose { layout: grid; grid-size: 2; grid-columns: 3fr 4fr; grid-rows: 9 1fr; }
        &.-narrow #templates, &.-narrow #all-rows { dock: none; width: 1fr; min-width: 0; }
        &.-narrow #preview { column-span: 2; }
        &.-narrow #kinds, &.-short #kinds { display: none; }
        &.-editing #preview.-stale #wrong { display: none; }
        &.-narrow.-editing #compose { layout: vertical; }
        &.-narrow.-editing #all-rows { display: none; }

        &.-mixtures #subject, &.-empty #subject { display: none; }
        &.-mixtures #compose { layout: horizontal; }
        &.-mixtures #mixture { display: block; }
        &.-mixtures #templates, &.-mixtures #all-rows, &.-mixtures #preview, &.-mixtures #editor {
            display: none;
        }

        &.-empty #preview, &.-empty #all-rows { display: none; }
        &.-empty #templates { width: 1fr; max-width: 100%; }
        &.-empty #compose { layout: horizontal; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._reader = ShelfReader()
        self._by_hand = False

    def compose_body(self) -> Iterable[Widget]:
        """List, figures, editor, preview; the styles say where each stands."""
        # Before the footer is there, which asks what can be done.
        # Each needs the other: the text on show may be unsaved, and the editor tells what is wrong in it.
        self.showing = Showing(self, lambda: self.writing.unsaved(), lambda made: self.writing.drawn(made))
        self.writing = Writing(self, self.showing, self.refresh_shelf)
        subject = Static(id="subject", markup=False)
        yield subject
        with Widget(id="compose"):
            yield LiveTable(COLUMNS, title="templates", empty=present.EMPTY, id="templates", classes="pane")
            yield FiguresPane(self.workbench.root, id="all-rows")
            yield EditorPane(id="editor")
            yield PreviewPane(subject, id="preview")
            yield MixturePane(self.workbench.root, id="mixture")

    def on_mount(self) -> None:
        """Start what works for this screen."""
        folder = self.workbench.root / "templates"
        self._watch = FolderWatch(folder, ".toml", lambda names: self.post_message(TemplatesWritten(names)))
        self._watch.start()
        self._relisting = self.set_interval(RELIST_SECONDS, self._relist, pause=True)
        draft_dialog.offer(self, self.writing.restore)

    def remember(self) -> dict[str, Any]:
        """What is on show, and whether tokens have their ids."""
        more = {"ids": self.query_one(PreviewPane).tokens.labels, "mixtures": self._on_mixtures}
        return super().remember() | {"subject": asdict(self.showing.subject)} | more

    def recall(self, saved: Saved) -> None:
        """Show the same; the shelf completes what is not there any more."""
        super().recall(saved)
        self.showing.subject = present.recalled(chosen(saved, "subject", dict, {}))
        self._by_hand = bool(self.showing.subject.dataset)
        self.query_one(PreviewPane).tokens.labels = chosen(saved, "ids", bool, False)
        if chosen(saved, "mixtures", bool, False):
            self.action_mixtures()

    def on_unmount(self) -> None:
        """End it."""
        self._watch.stop()
        self.showing.close()

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was shown."""
        self.refresh_shelf()

    @property
    def selected(self) -> str | None:
        """The name of the template under the cursor, valid or not."""
        return next((table.cursor_key for table in self.query("#templates").results(LiveTable)), None)

    def why_not(self, name: str) -> str | None:
        """What is on show knows what can be done with it."""
        if name == "remove" or (name == "start_run" and self._on_mixtures):
            noun, found = ("mixture", self._mixture) if self._on_mixtures else ("template", self.selected)
            return None if found is not None else f"no {noun} is selected"
        if self._on_mixtures and name not in ("mixtures", "add", "choose_model"):
            return "{key:compose.mixtures} shows the templates and their rows again"
        return self.showing.why_not(name)

    # The list of templates

    def refresh_shelf(self, show: str | None = None) -> None:
        """Read what there is again, and go to a template."""
        self.ask(self._reader.read, lambda shelf: self._stocked(shelf, show))

    def _stocked(self, shelf: Shelf, show: str | None) -> None:
        if not self.query("#templates"):
            return  # closed meanwhile
        known, self.showing.shelf = self.showing.shelf, shelf
        self.set_class(not shelf.templates and not shelf.faults, "-empty")
        self._table.empty = present.EMPTY if shelf.sources else present.NO_DATA
        self._table.set_rows(present.table(shelf.templates.values(), shelf.faults))
        if show is not None:
            self._table.move_to(show)
        on = replace(self.showing.subject, template=self.selected or "")
        data = (known.sources, known.models) != (shelf.sources, shelf.models)
        if show is not None or data or shelf.complete(on) != self.showing.subject:
            self.showing.show(on)
        elif known != shelf:
            # The watch has shown the new text already; the names of its variants are known now.
            self.showing.redraw()
        if self._on_mixtures:
            self._read_mixtures()
        self.refresh_chrome()

    def compose_for(self, dataset: str) -> None:
        """Show a dataset's rows, and offer templates for them."""

        def stocked(shelf: Shelf) -> None:
            self._stocked(shelf, None)
            splits = [each.split for each in shelf.sources if each.dataset == dataset]
            if splits:
                self._by_hand = True
                split = "train" if "train" in splits else splits[0]
                self.showing.show(replace(self.showing.subject, dataset=dataset, split=split, row=0))
                self.action_new_template()

        self.ask(self._reader.read, stocked)

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        if self.is_current:
            self.refresh_shelf()

    @property
    def _on_mixtures(self) -> bool:
        return self.has_class("-mixtures")

    @property
    def _mixture(self) -> str | None:
        return next((pane.selected for pane in self.query(MixturePane)), None)

    def action_mixtures(self) -> None:
        """Show the mixtures, or the templates again."""
        self.toggle_class("-mixtures")
        if self._on_mixtures:
            self._read_mixtures()
        self.query_one("#mixtures" if self._on_mixtures else "#templates").focus()
        self.refresh_chrome()

    def _read_mixtures(self) -> None:
        self.query_one(MixturePane).read(self.showing.subject.model)

    @on(TemplatesWritten)
    def _templates_written(self, message: TemplatesWritten) -> None:
        if self.showing.subject.template in message.names:
            self.showing.again()
        # The row in sight comes first; the list of templates can wait until the writing is over.
        self._relisting.reset()
        self._relisting.resume()

    def _relist(self) -> None:
        self._relisting.pause()
        self.refresh_shelf()

    @on(LiveTable.Highlighted, "#templates")
    def _highlighted(self, message: LiveTable.Highlighted) -> None:
        now = self.showing.subject
        if message.key is not None and message.key != now.template:
            keep = self._by_hand or self.showing.shelf.fits(message.key, now.dataset)
            on = replace(now, template=message.key, variant=None)
            self.showing.show(on if keep else replace(on, dataset="", row=0))

    @property
    def _table(self) -> LiveTable:
        return self.query_one("#templates", LiveTable)

    # What is shown of the selected one

    @on(FiguresPane.Chosen)
    def _problem_chosen(self, message: FiguresPane.Chosen) -> None:
        self.showing.show(replace(self.showing.subject, row=message.row, variant=None))

    def action_next_row(self) -> None:
        """Show the next row."""
        self.showing.step(1)

    def action_previous_row(self) -> None:
        """Show the row before."""
        self.showing.step(-1)

    def action_next_problem(self) -> None:
        """Go to the next row with a problem."""
        self.showing.to_problem(1)

    def action_previous_problem(self) -> None:
        """Go to the row with a problem before."""
        self.showing.to_problem(-1)

    def action_next_variant(self) -> None:
        """Show the next phrasing of the task."""
        self.showing.next_variant()

    def action_own_variant(self) -> None:
        """Show the phrasing that is the row's turn."""
        self.showing.own_variant()

    def action_ids(self) -> None:
        """Show the tokens' ids, or hide them."""
        tokens = self.query_one(PreviewPane).tokens
        tokens.labels = not tokens.labels

    def action_batch(self) -> None:
        """Show the row in a padded batch, or alone."""
        self.showing.toggle_batch()

    def action_figures(self) -> None:
        """Stop counting, or count again."""
        self.query_one(FiguresPane).toggle()

    def action_go_to_row(self) -> None:
        """Ask for a row's number."""
        choosing.row(self.app, self.showing)

    def action_choose_rows(self) -> None:
        """Choose a dataset and split to take rows from."""
        choosing.rows(self.app, self.showing, self._rows_chosen)

    def _rows_chosen(self) -> None:
        self._by_hand = True

    def action_choose_model(self) -> None:
        """Choose the model whose tokens are shown."""
        choosing.model(self.app, self.showing)

    def action_choose_length(self) -> None:
        """Choose the length that rows are cut off at."""
        choosing.length(self.app, self.showing)

    def action_start_run(self) -> None:
        """Open the form of a new run, filled in with what is on show."""
        # The form's options and the checks behind it are not needed to show a row.
        from workbench.tui.screens.launch import open_form

        on = self.showing.subject
        if self._on_mixtures:
            open_form(self.app, {"mixture": self._mixture, "model": on.model})
            return
        given = {"template": on.template, "dataset": on.dataset, "split": on.split, "model": on.model}
        open_form(self.app, {**given, **({"max_length": on.max_length} if on.max_length else {})})

    # Writing templates

    def action_new_template(self) -> None:
        """Offer templates for the dataset whose rows are on show."""
        self.writing.new()

    def action_edit(self) -> None:
        """Edit the template beside its preview."""
        self.writing.edit(self.selected or "")

    def action_edit_outside(self) -> None:
        """Hand the terminal to the user's own editor."""
        self.writing.edit_outside(self.selected or "")

    def action_add(self) -> None:
        """Ask for a file, and add it."""
        if self._on_mixtures:
            self.query_one(MixturePane).add_file()
        else:
            self.writing.add()

    def action_remove(self) -> None:
        """Remove what is selected."""
        if self._on_mixtures:
            self.query_one(MixturePane).remove_selected()
        else:
            self.writing.remove(self.selected or "")

    @on(EditorPane.Edited)
    def _edited(self) -> None:
        self.showing.again()

    @on(EditorPane.Left)
    def _left(self) -> None:
        self.remove_class("-editing")
        self._table.focus()
        self.showing.again()
        self.refresh_shelf()
