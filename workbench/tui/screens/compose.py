"""The Compose screen: templates, what a variant makes of a row, and which of its tokens are trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from workbench.tui.live import CatalogChanged
from workbench.tui.present import compose as present
from workbench.tui.present.compose import Subject
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import dialogs, rendering
from workbench.tui.screens.editor import TemplateEditor
from workbench.tui.screens.preview_pane import PreviewPane
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store.templates import Template
    from workbench.tui.screens.rendering import Preview

COLUMNS = (
    Column("name", "name", minimum=12),
    Column("task", "task", minimum=10, hide_below=45),
    Column("variants", "variants", 8, align="right"),
)


class ComposeScreen(WorkbenchScreen):
    """Templates at the left, the rendered row and its tokens beside them."""

    scope = "compose"
    CSS = """
    ComposeScreen {
        #compose { layout: horizontal; height: 1fr; }
        #templates { width: 1fr; height: 1fr; }
        #preview { width: 2fr; height: 1fr; }
        &.-narrow #compose { layout: vertical; }
        &.-narrow #templates { width: 1fr; height: 6; }
        &.-narrow #preview { width: 1fr; }
        &.-tokens.-short #example { display: none; }
        #tokens { display: none; }
        &.-tokens #tokens { display: block; }
        &.-empty #preview { display: none; }
        &.-empty #templates { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._templates: dict[str, Template] = {}
        self._subject = Subject()
        self._by_hand = False

    def compose_body(self) -> Iterable[Widget]:
        """List and preview."""
        with Widget(id="compose"):
            yield LiveTable(COLUMNS, title="templates", empty=present.EMPTY, id="templates", classes="pane")
            yield PreviewPane(id="preview")

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was shown."""
        self._refresh()

    @property
    def selected(self) -> Template | None:
        """The template under the cursor."""
        return self._templates.get(self.query_one("#templates", LiveTable).cursor_key or "")

    def why_not(self, name: str) -> str | None:
        """Stepping ends at the ends."""
        step = {"next_row": 1, "previous_row": -1}.get(name)
        if step is None:
            return None
        if not self._subject.dataset:
            return "there is no dataset to take rows from; press 3 and add one"
        return (
            None if 0 <= self._subject.row + step < self._subject.rows else "there are no more rows that way"
        )

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        if self.is_current:
            self._refresh()

    @on(LiveTable.Highlighted)
    def _highlighted(self) -> None:
        template = self.selected
        if template is not None and template.name != self._subject.template:
            wanted = replace(self._subject, template=template.name, variant=0)
            self._show(wanted if self._by_hand else replace(wanted, dataset="", row=0))

    def action_next_variant(self) -> None:
        """Show the next phrasing of the task."""
        template = self.selected
        if template is not None:
            self._show(replace(self._subject, variant=(self._subject.variant + 1) % len(template.variants)))

    def action_next_row(self) -> None:
        """Render the next row."""
        self._show(replace(self._subject, row=self._subject.row + 1))

    def action_previous_row(self) -> None:
        """Render the row before."""
        self._show(replace(self._subject, row=self._subject.row - 1))

    def action_choose_rows(self) -> None:
        """Choose a dataset and split to take rows from."""

        def offer(found: list[Subject]) -> None:
            def chosen(key: str) -> None:
                self._by_hand = True
                source, now = found[int(key)], self._subject
                self._show(replace(now, dataset=source.dataset, split=source.split, rows=source.rows, row=0))

            options = [(str(at), f"{each.dataset} {each.split}") for at, each in enumerate(found)]
            dialogs.choose(self.app, "take rows of", options, chosen)

        self.ask(rendering.sources, offer)

    def action_choose_model(self) -> None:
        """Choose the model whose tokens are shown."""

        def chosen(name: str) -> None:
            self._show(replace(self._subject, model=name))

        def offer(names: list[str]) -> None:
            dialogs.choose(self.app, "tokens of", [(name, name) for name in names], chosen)

        self.ask(lambda store: [model.name for model in store.models.list()], offer)

    def action_edit(self) -> None:
        """Edit the template's text."""
        template = self.selected
        if template is not None:
            name = template.name
            self.ask(lambda store: store.templates.text(name), lambda text: self._edit(name, text))

    def action_add(self) -> None:
        """Ask for a file, and add it."""

        def added(template: Template) -> None:
            self.workbench.say(f"{template.name} is added")
            self._refresh(template.name)

        def named(path: str) -> None:
            file = Path(path).expanduser()
            self.ask(lambda store: store.templates.add(file), added)

        dialogs.ask_text(self.app, "add a template", "A TOML file:", present.FILE_HELP, named)

    def action_remove(self) -> None:
        """Ask, then remove the selected template."""
        name = self._subject.template

        def remove() -> None:
            self.ask(lambda store: store.templates.remove(name), lambda _: self._refresh())

        question = "Its file is deleted for good. Runs made with it keep its text in their lineage."
        dialogs.confirm(self.app, f"Remove {name}?", question, ("remove", "keep"), remove)

    def _edit(self, name: str, text: str) -> None:
        self.app.push_screen(TemplateEditor(name, text), lambda _: self._refresh(name))

    def _refresh(self, show: str | None = None) -> None:
        self.ask(lambda store: store.templates.list(), lambda found: self._listed(found, show))

    def _listed(self, found: list[Template], show: str | None) -> None:
        known, self._templates = self._templates, {template.name: template for template in found}
        self.set_class(not found, "-empty")
        table = self.query_one("#templates", LiveTable)
        table.set_rows(present.table(found))
        if show is not None:
            table.move_to(show)
        self.refresh_chrome()
        if self.selected is not None and known != self._templates:
            self._show(replace(self._subject, template=self.selected.name))

    def _show(self, subject: Subject) -> None:
        self._subject = subject
        self.ask(lambda store: rendering.read_preview(store, subject), self._draw, lane="preview")

    def _draw(self, preview: Preview) -> None:
        if preview.subject.template != self._subject.template:
            return
        self._subject = preview.subject
        self.query_one(PreviewPane).show(preview)
        self.set_class(bool(preview.tokens), "-tokens")
        self.refresh_chrome()
