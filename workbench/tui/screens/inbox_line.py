"""A quiet line about the store's inbox folder; absent while there is nothing to say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from textual.widgets import Static

from workbench.tui.present import inbox as present
from workbench.tui.sentences import keyed
from workbench.tui.widgets.modal import Notice

if TYPE_CHECKING:
    from workbench.tui.inbox import InboxState
    from workbench.tui.screen import Workbench

NEWS_SECONDS = 60.0
"""For so long it is told that something came in; what is refused is told until it is gone."""


class InboxLine(Static):
    """What is being read, what cannot be taken and why, or what came in lately."""

    DEFAULT_CSS = """
    InboxLine {
        height: 1;
        padding: 0 2;
        display: none;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    InboxLine.-told { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._news_until = 0.0

    def on_mount(self) -> None:
        """Tell what is known already."""
        self._tell()

    def take(self, state: InboxState) -> None:
        """Tell of a change."""
        if state.came:
            self._news_until = time.monotonic() + NEWS_SECONDS
            self.set_timer(NEWS_SECONDS + 1, self._tell)
        self._tell()

    def open(self) -> None:
        """Show what lies in the inbox and what became of it."""
        told = present.detail(self._workbench.inbox, self._workbench.root / "inbox")
        self.app.push_screen(Notice("inbox", told))

    def _tell(self) -> None:
        key = keyed(self, f"{{key:{getattr(self.screen, 'scope', '')}.inbox}}")
        told = present.line(self._workbench.inbox, key, news=time.monotonic() < self._news_until)
        self.set_class(told is not None, "-told")
        self.update(told if told is not None else "")

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self.app)
