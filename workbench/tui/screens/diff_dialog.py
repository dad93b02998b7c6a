"""What differs between runs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import diff as present
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import CLOSE_FOOT, LIST_FOOT, Dialog

if TYPE_CHECKING:
    from store.runs import Run
    from workbench.runs.diff import Difference

ROOM = 8
"""Rows of the screen that are left free around the table."""


class DiffDialog(Dialog[None]):
    """A table of what differs; nothing can be done in it but reading and copying."""

    CSS = """
    DiffDialog { align: center middle; }
    DiffDialog .dialog { width: 96%; max-width: 120; padding: 0 1; }
    """

    def __init__(self, runs: Sequence[Run], found: Sequence[Difference]) -> None:
        super().__init__("what differs", LIST_FOOT if found else CLOSE_FOOT)
        self._runs = tuple(runs)
        self._found = tuple(found)

    def compose_body(self) -> ComposeResult:
        """The table, or that nothing differs."""
        if not self._found:
            yield Static(safe(present.summary(self._found)))
            return
        heads = [
            Column(run.id, head, minimum=8)
            for run, head in zip(self._runs, present.heads(self._runs), strict=True)
        ]
        yield LiveTable([Column("group", "", 8), Column("name", "", minimum=14), *heads])

    def on_mount(self) -> None:
        """Fill the table."""
        for table in self.query(LiveTable):
            table.styles.height = min(len(self._found) + 1, max(self.app.size.height - ROOM, 4))
            table.set_rows(present.rows(self._found))
