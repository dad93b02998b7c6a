"""The editor of a template's text; nothing is saved that is not a valid template."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static, TextArea

from store.files import write_atomic
from store.templates import Template, parse_template
from workbench.tui import actions
from workbench.tui.present.cells import quiet
from workbench.tui.present.launch import refusal
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from workbench.tui.screen import Workbench


def save_template(store: Store, name: str, text: str) -> Template:
    """Put a new text in the place of a template's, whole, if it is valid.

    Raises:
        BadInput: It is not; all faults are told.
    """
    template = parse_template(text, f"{name}.toml")
    write_atomic(store.templates.path(name), text)
    return template


class TemplateEditor(Dialog[None]):
    """A template's text, to be changed and saved; what is not saved is left only on a second escape.

    Args:
        name: The template.
        text: Its text.
    """

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("editor")
    CSS = """
    TemplateEditor { align: center middle; }
    TemplateEditor .dialog { width: 96%; max-width: 120; height: 90%; padding: 0 1; }
    TemplateEditor TextArea { height: 1fr; border: none; padding: 0; }
    TemplateEditor #told { height: auto; max-height: 4; }
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"template {name}", "^s save  esc leave")
        self._template = name
        self._saved = text
        self._warned = False

    def compose_body(self) -> ComposeResult:
        """The text, and what is wrong with it."""
        yield TextArea(self._saved, show_line_numbers=True, soft_wrap=True, tab_behavior="focus")
        yield Static(id="told", markup=False)

    def action_save(self) -> None:
        """Save a valid text, and close; an invalid one stays, with what is wrong below it."""
        text = self.query_one(TextArea).text
        cast("Workbench", self.app).ask(
            "store", lambda store: save_template(store, self._template, text), self._is_saved, self._refuse
        )

    def action_leave(self) -> None:
        """Close; a text that is not saved is kept once."""
        if self.query_one(TextArea).text == self._saved or self._warned:
            self.dismiss(None)
            return
        self._warned = True
        self._tell(quiet("not saved: ^s saves it, esc again leaves without"))

    def _is_saved(self, template: Template) -> None:
        cast("Workbench", self.app).say(f"{template.name} is saved")
        self.dismiss(None)

    def _refuse(self, error: StoreError) -> None:
        self._tell(refusal(error.what, error.remedy))

    def _tell(self, told: Content) -> None:
        self.query_one("#told", Static).update(told)
