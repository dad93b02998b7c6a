"""Where a person types: Textual's fields, without a blinking cursor and with a limit to what is pasted.

A field for a regular expression tells what is wrong with it in a line of its own.
"""

from __future__ import annotations

from typing import Any

from textual import events
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from store import patterns
from store.errors import BadInput
from workbench.tui.clean import clean

PASTE_LIMIT = 100_000
"""The most characters that are taken from one paste; more is a file, and wrapping it would take minutes."""


def takes_text(widget: Widget | None) -> bool:
    """Whether a letter that is typed goes into this widget."""
    return isinstance(widget, Input | TextArea)


def _refuse_flood(field: Input | TextArea, event: events.Paste) -> None:
    if len(event.text) > PASTE_LIMIT:
        event.stop()
        event.prevent_default()
        told = f"{len(event.text):,} characters are too many to paste: {PASTE_LIMIT:,} at most"
        field.app.notify(told, severity="warning", markup=False)


class Field(Input):
    """One line."""

    def __init__(self, value: str = "", *, max_length: int, select_on_focus: bool = True) -> None:
        super().__init__(value, compact=True, max_length=max_length, select_on_focus=select_on_focus)
        # It would write to the terminal twice a second, for ever.
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """Take no more than can be typed."""
        _refuse_flood(self, event)


class Area(TextArea):
    """Several lines."""

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(text, **options)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """Take no more than can be shown at once."""
        _refuse_flood(self, event)


class PatternFault(Static):
    """Why what is being typed is no regular expression; absent while it is one."""

    DEFAULT_CSS = "PatternFault { height: auto; padding: 0 1; display: none; }"

    def is_pattern(self, text: str) -> bool:
        """Whether a text is a regular expression; what is wrong with it is told where it is none."""
        try:
            patterns.pattern(text)
        except BadInput as error:
            self.update(Content.styled(f"{clean(error.what)}; {clean(error.remedy)}", "$warning"))
            self.display = True
            return False
        self.display = False
        return True
