"""One line of a form: a field's label, its editor and its unit; and the editor of a value that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from workbench.tui import actions
from workbench.tui.clean import clean
from workbench.tui.widgets.fields import Field
from workbench.tui.widgets.modal import Choose
from workbench.tui.widgets.surface import Row, Surface, blank, put

if TYPE_CHECKING:
    from workbench.runs.fields import FieldInfo

ARROW_CELLS = 4
"""What the arrows around a choice take."""
MOST_COUNTED = 1000
"""Of more values the place is not told: it would take the value's room."""
TEXT_LIMIT = 4000
"""The most characters of a value; a pasted file is cut."""


class Choice(Surface, can_focus=True):
    """One of several values on one line; left and right go through them."""

    scope: ClassVar[str] = "choice"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("choice")

    @dataclass
    class Changed(Message):
        """Another value was chosen."""

        choice: Choice
        value: str

    def __init__(self, options: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._value = value
        self.offer(options)

    def offer(self, options: Sequence[str]) -> None:
        """Give it other values to choose from; its own stays, even where it is not among them."""
        self.options = tuple(options) if self._value in options else (self._value, *options)

    @property
    def value(self) -> str:
        """The chosen value."""
        return self._value

    @value.setter
    def value(self, value: str) -> None:
        if value not in self.options:
            self.options = (*self.options, value)
        if value != self._value:
            self._value = value
            self.redraw()
            self.post_message(self.Changed(self, value))

    def draw(self, width: int, height: int) -> list[Row]:
        """The value between arrows, and its place among the others."""
        row = blank(width)
        arrow = "$accent" if self.has_focus else "$faint"
        counted = self.has_focus and 1 < len(self.options) < MOST_COUNTED
        place = f"  {self.options.index(self._value) + 1}/{len(self.options)}" if counted else ""
        x = put(row, 0, f"{self.signs.left} ", arrow)
        x = put(row, x, clean(self._value or "none", max(width - ARROW_CELLS - len(place), 4)))
        x = put(row, x, f" {self.signs.right}", arrow)
        put(row, x, place, "$muted")
        return [row][:height]

    def action_next(self) -> None:
        """The next value, after the last the first."""
        self._step(1)

    def action_previous(self) -> None:
        """The value before."""
        self._step(-1)

    def action_search(self) -> None:
        """Choose from a list of all values."""

        def chosen(value: str | None) -> None:
            if value is not None:
                self.value = value

        labels = [(each, each or "none") for each in self.options]
        self.app.push_screen(Choose("values", labels, at=self._value), chosen)

    def _step(self, step: int) -> None:
        self.value = self.options[(self.options.index(self._value) + step) % len(self.options)]


class FieldRow(Horizontal):
    """A label, an editor and the unit of one field."""

    def __init__(self, field: FieldInfo, text: str, choices: Sequence[str] | None) -> None:
        super().__init__(classes="field")
        self.field = field
        self._text = text
        self._choices = choices

    def judge(self, *, wrong: bool, changed: bool) -> None:
        """Show whether the value is wrong, and whether it is another one than the default."""
        self.set_class(wrong, "-wrong")
        self.set_class(changed, "-changed")

    def compose(self) -> ComposeResult:
        """Label, editor, unit."""
        yield Static(Content(self.field.name), classes="field-label")
        if self._choices is not None:
            yield Choice(self._choices, self._text)
        else:
            yield Field(self._text, max_length=TEXT_LIMIT)
        yield Static(Content(self.field.unit or ""), classes="field-unit")

    @property
    def editor(self) -> Input | Choice:
        """The widget that holds the value."""
        return self.query_one(Choice) if self._choices is not None else self.query_one(Input)
