"""The editor of a template's text, beside its preview; nothing is saved that is no valid template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.messages import Prune
from textual.widgets import Static, TextArea

from store.files import write_atomic
from store.templates import Template, parse_template
from workbench.tui import actions, drafts
from workbench.tui.clean import clean, safe
from workbench.tui.present.cells import quiet
from workbench.tui.present.compose import trouble
from workbench.tui.present.faults import Place
from workbench.tui.screens.draft_keeping import DraftKeeper
from workbench.tui.sentences import keyed
from workbench.tui.widgets.fields import Area

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from workbench.tui.drafts import Draft
    from workbench.tui.screen import Workbench

FOOT = "{key:editor.save} save  tab preview  {key:editor.leave} close"
PARTS = (
    (re.compile(r"^\s*\[\[.*\]\]"), "accent"),
    (re.compile(r"^\s*[a-z_]+(?=\s*=)"), "text-muted"),
    (re.compile(r"^\s*#.*"), "faint"),
    (re.compile(r"\{\{.*?\}\}|\{%.*?%\}"), "accent"),
)
"""What stands out in a line, and the name of its colour."""


def save_template(store: Store, name: str, text: str) -> Template:
    """Put a new text in the place of a template's, whole, if it is valid.

    Raises:
        BadInput: It is not; all faults are told.
    """
    template = parse_template(text, f"{name}.toml")
    write_atomic(store.templates.path(name), text)
    return template


class TemplateText(Area):
    """The text, its keys and expressions in colour, and a fault marked where it stands."""

    fault: Place | None = None

    def mark(self, fault: Place | None) -> None:
        """Mark a fault, or none."""
        if fault != self.fault:
            self.fault = fault
            self.notify_style_update()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line with its colours."""
        line = super().get_line(line_index)
        colours = self.app.theme_variables
        for pattern, colour in PARTS:
            for found in pattern.finditer(line.plain):
                line.stylize(Style(color=colours[colour]), found.start(), found.end())
        fault = self.fault
        if fault is not None and fault.line == line_index + 1:
            start = min(fault.column - 1, max(len(line.plain) - 1, 0))
            style = Style(color=colours["error"], bold=True, underline=True, reverse=True)
            line.stylize(style, start, start + fault.length)
        return line


class EditorPane(Vertical):
    """A template's text, to be changed and saved; what is not saved is left only on a second escape."""

    scope: ClassVar[str] = "editor"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("editor")
    DEFAULT_CSS = """
    EditorPane { display: none; }
    EditorPane TextArea, EditorPane TextArea:focus {
        height: 1fr; border: none; padding: 0; background: $background;
    }
    EditorPane #told { height: auto; max-height: 4; padding: 0 1; }
    """

    @dataclass
    class Edited(Message):
        """The text is another one."""

        text: str

    @dataclass
    class Left(Message):
        """The editor was closed."""

        name: str
        saved: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.name_of_template = ""
        self._saved = ""
        self._warned = False
        self._columns = Content()
        self._drafts = DraftKeeper(self, drafts.TEMPLATE, lambda: self.text if self.dirty else None)

    def compose(self) -> ComposeResult:
        """The text, and what is wrong with it."""
        area = TemplateText("", show_line_numbers=True, soft_wrap=True, tab_behavior="focus")
        yield area
        yield Static(id="told", markup=False)

    @property
    def text(self) -> str:
        """The text as it stands, saved or not."""
        return self.area.text

    @property
    def dirty(self) -> bool:
        """Whether there is something to save."""
        return bool(self.query(TemplateText)) and self.text != self._saved

    def open(self, name: str, text: str, columns: tuple[str, ...]) -> None:
        """Edit a template.

        Args:
            name: The template.
            text: Its text.
            columns: Those that its prompts can read.
        """
        self._drafts.begin(name)
        self.name_of_template, self._saved, self._warned = name, text, False
        self.border_title = safe(f"template {name}")
        self.border_subtitle = safe(keyed(self, FOOT))
        self.area.mark(None)
        self.area.load_text(text)
        self.area.focus()
        there = ", ".join(clean(column, 40) for column in columns)
        self._columns = quiet(f"columns: {there}" if there else "no dataset to take columns from")
        self._tell(self._columns)

    def hold(self, name: str) -> bool:
        """Whether what is edited here has to stay where a template is to be edited; then it has the focus.

        Args:
            name: The template.
        """
        if name != self.name_of_template:
            if not self.dirty:
                return False
            self._warn()
        self.area.focus()
        return True

    def take_up(self, draft: Draft) -> None:
        """Go on with a draft of the template that is open; from now on it is this pane's."""
        self._drafts.take(draft)
        self.area.load_text(draft.text)

    def refill(self, text: str) -> None:
        """Take over what another program has written, unless that would lose what was typed here."""
        if text == self._saved:
            return
        if self.dirty:
            self._tell(
                quiet(
                    keyed(
                        self,
                        "another program has changed the file: {key:editor.save} puts this text in its place",
                    )
                )
            )
            return
        at = self.area.cursor_location
        self._saved = text
        self.area.load_text(text)
        self.area.move_cursor(at)

    def show_fault(self, place: Place | None, error: StoreError | None) -> None:
        """Mark a fault in the text and tell it, or none."""
        self.area.mark(place)
        if self._warned:
            return
        if error is None:
            self._tell(self._columns)
            return
        where = quiet(f"line {place.line}, column {place.column}  ") if place is not None else Content()
        self._tell(Content.assemble(where, trouble(error)))

    def action_save(self) -> None:
        """Save a valid text; an invalid one stays, with what is wrong below it."""
        text, name = self.text, self.name_of_template

        def saved(template: Template) -> None:
            self._saved = text
            self._drafts.keep()  # nothing, unless somebody has typed on meanwhile
            self._warned = False
            self._tell(quiet("saved"))
            cast("Workbench", self.app).say(f"{template.name} is saved")

        cast("Workbench", self.app).ask(
            "store",
            lambda store: save_template(store, name, text),
            saved,
            lambda error: self._tell(trouble(error)),
        )

    def action_leave(self) -> None:
        """Close; a text that is not saved is kept once."""
        if self.dirty and not self._warned:
            self._warn()
            return
        self.post_message(self.Left(self.name_of_template, not self.dirty))
        self._drafts.forget()

    @on(TextArea.Changed)
    def _changed(self, message: TextArea.Changed) -> None:
        message.stop()
        self._warned = False
        self.post_message(self.Edited(self.text))
        self._drafts.touch()

    @on(Prune)
    def _going(self) -> None:
        self._drafts.settle()  # the text is still there; it is not any more when this is unmounted

    @property
    def area(self) -> TemplateText:
        """The text field."""
        return self.query_one(TemplateText)

    def _warn(self) -> None:
        self._warned = True
        told = "not saved: {key:editor.save} saves it, {key:editor.leave} again leaves without"
        self._tell(quiet(keyed(self, told)))

    def _tell(self, told: Content) -> None:
        self.query_one("#told", Static).update(told)
