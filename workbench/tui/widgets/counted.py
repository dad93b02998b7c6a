"""A number before a movement: `0 5 j` goes five rows down. Lists and grids stand on it.

Digits alone go to the eight screens, so a number begins with a key of its own, which is 0 as it comes. All of
a number and the movement after it are taken here, before they reach the bindings of the screens.
"""

from __future__ import annotations

from textual import events

from workbench.tui import actions
from workbench.tui.widgets.surface import Surface

MOST_DIGITS = 9
COUNTING = (
    "cursor_down",
    "cursor_up",
    "left",
    "right",
    "first",
    "last",
    "half_down",
    "half_up",
    "mark",
)
"""The movements that take a number."""


class Counted(Surface):
    """A widget whose movements take a number."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._digits: str | None = None
        self._times: int | None = None

    @property
    def count_text(self) -> str:
        """What has been typed of a number; empty where none has been begun."""
        return "" if self._digits is None else f"number {self._digits}"

    @property
    def count(self) -> int | None:
        """The number before the movement that is being done; None where there was none."""
        return self._times

    @property
    def times(self) -> int:
        """How often to do the movement."""
        return self._times or 1

    def on_key(self, event: events.Key) -> None:
        """Take the keys of a number, and do the movement after it."""
        named = {
            key: action.name
            for action in actions.in_scope(getattr(self, "scope", ""), actions.table(self))
            for key in action.key.split(",")
        }
        name = named.get(event.key)
        if self._digits is None:
            if name == "count":
                self._type("", event)
        elif event.key.isdecimal():
            self._type((self._digits + event.key)[:MOST_DIGITS], event)
        elif event.key == "backspace":
            self._type(self._digits[:-1] if self._digits else None, event)
        elif event.key == "escape":
            self._type(None, event)
        elif name in COUNTING:
            times = int(self._digits) if self._digits else None
            self._type(None, event)
            self._times = times
            getattr(self, f"action_{name}")()
            self._times = None
        else:
            self._type(None)

    def on_blur(self) -> None:
        """Forget the number."""
        if self._digits is not None:
            self._type(None)

    def action_count(self) -> None:
        """Begin a number."""
        self._type("")

    def _type(self, digits: str | None, event: events.Key | None = None) -> None:
        self._digits = digits
        if event is not None:
            event.stop()
            event.prevent_default()
        refresh_chrome = getattr(self.screen, "refresh_chrome", None)
        if refresh_chrome is not None:
            refresh_chrome()
