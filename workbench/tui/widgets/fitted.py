"""Screens that are laid out for the window as it is, whatever size is told to them late."""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.screen import ModalScreen, Screen

T = TypeVar("T")


class FittedScreen(Screen[T]):
    """A screen that takes the size of the window from the app.

    Textual lays a screen out for each size that it is told, and a layout that changes the size of the screen
    tells it that size once more. Two sizes that come while the paint is held back (as widgets are removed) go
    round for ever: each lays out anew what the other did, and no key is heard again.
    """

    async def _on_resize(self, event: events.Resize) -> None:
        size = self.app.size
        if event.size != size:
            event.stop()
            event.prevent_default()
            await super()._on_resize(events.Resize(size, size))


class Modal(ModalScreen[T], FittedScreen[T]):
    """A screen over another one, which is dimmed; its styles are those of the first base."""
