"""Offers a text that was being written when an earlier session ended without saving it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from workbench.tui import actions, drafts
from workbench.tui.clean import safe
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from workbench.tui.drafts import Draft
    from workbench.tui.screen import WorkbenchScreen


class DraftDialog(Dialog[Literal["restore", "discard"] | None]):
    """Restore, discard, or decide another time."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("draft")

    def __init__(self, draft: Draft) -> None:
        super().__init__(
            "unsaved draft",
            "{key:draft.restore} restore  {key:draft.discard} discard  {key:dialog.leave} later",
        )
        self._draft = draft

    def compose_body(self) -> ComposeResult:
        """What there is."""
        lines = len(self._draft.text.splitlines())
        text = f"There is an unsaved draft of {self._draft.name!r} from {self._draft.clock}, {lines} lines."
        yield Static(safe(text))

    def action_restore(self) -> None:
        """Take the text up again."""
        self.dismiss("restore")

    def action_discard(self) -> None:
        """Throw the text away."""
        self.dismiss("discard")


def offer(screen: WorkbenchScreen, restore: Callable[[Draft], None]) -> None:
    """Offer the newest draft that an earlier session has left.

    Args:
        screen: The screen that the question is put over.
        restore: Takes the draft where that is wanted.
    """

    def found(left: list[Draft]) -> None:
        if left and screen.is_current:
            put(screen, left[0], restore)

    screen.ask(lambda store: drafts.left(store.root), found, lane=drafts.LANE)


def put(
    screen: WorkbenchScreen,
    draft: Draft,
    restore: Callable[[Draft], None],
    discarded: Callable[[], None] = lambda: None,
) -> None:
    """Ask what is to become of a draft.

    Args:
        screen: The screen that the question is put over.
        draft: One that no other session is writing.
        restore: Takes the draft where that is wanted.
        discarded: Called once it is thrown away.
    """

    def answered(answer: str | None) -> None:
        if answer == "restore":
            restore(draft)
        elif answer == "discard":
            screen.ask(lambda _: drafts.forget(draft.place), lambda _: discarded(), lane=drafts.LANE)

    screen.app.push_screen(DraftDialog(draft), answered)
