"""Keeps a draft of what is being written on a screen: a moment after it was typed, off the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.timer import Timer
from textual.widget import Widget

from store.errors import StoreError, Unavailable
from workbench.tui import drafts
from workbench.tui.sentences import keyed

if TYPE_CHECKING:
    from store import Store
    from workbench.tui.drafts import Draft
    from workbench.tui.screen import Workbench

DRAFT_SECONDS = 0.4
"""What is typed is on the disk within this time, and that of writing it."""


class DraftKeeper:
    """Keeps what is written in one widget, in a file that is this session's alone.

    Args:
        widget: Where it is written.
        kind: As `drafts` has them.
        written: What there is to be kept now; None where nothing is.
    """

    def __init__(self, widget: Widget, kind: str, written: Callable[[], str | None]) -> None:
        self._widget = widget
        self._kind = kind
        self._written = written
        self._place: Path | None = None
        self._taken: Path | None = None
        self._timer: Timer | None = None
        self._told = False

    def begin(self, name: str) -> None:
        """Begin with nothing kept, in a place that no draft has yet; what is kept already stays where it is.

        Args:
            name: The template, or the form.
        """
        self.settle()
        self._place = drafts.new_place(self._workbench.root, name, self._kind)
        self._taken, self._told = None, False

    def take(self, draft: Draft) -> None:
        """Go on with a draft: it is thrown away once it is kept here, or is not wanted."""
        self._taken = draft.place

    def touch(self) -> None:
        """Something was typed."""
        if self._timer is None:
            self._timer = self._widget.set_timer(DRAFT_SECONDS, self.keep)

    def settle(self) -> None:
        """Keep what was typed just now without waiting, as the widget goes."""
        if self._timer is not None:
            self.keep()

    def keep(self) -> None:
        """Keep what there is now; where that is nothing, keep nothing."""
        self._stop()
        place, taken, text = self._place, self._taken, self._written()
        if text is None or place is None:
            self.forget()
            return

        def work(_: Store) -> None:
            drafts.keep(place, text)
            if taken is not None:
                drafts.forget(taken)

        self._workbench.ask(drafts.LANE, work, failed=self._tell)

    def forget(self) -> None:
        """Throw away what was kept: it was saved, or is not wanted."""
        self._stop()
        places = [place for place in (self._place, self._taken) if place is not None]

        def work(_: Store) -> None:
            for place in places:
                drafts.forget(place)

        self._workbench.ask(drafts.LANE, work)

    def _tell(self, error: StoreError) -> None:
        # A full disk stays full while somebody types.
        if not self._told:
            self._told = True
            self._workbench.tell(Unavailable(error.what, keyed(self._widget, error.remedy)))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self._widget.app)
