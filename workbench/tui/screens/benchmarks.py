"""The Benchmarks screen: the scores of every evaluation in one table; it runs no benchmark itself."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from workbench.tui.live import CatalogChanged
from workbench.tui.present import benchmarks as present
from workbench.tui.screen import AGES_SECONDS, WorkbenchScreen
from workbench.tui.widgets.chrome import Hint
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store.evaluations import Evaluation

COLUMNS = (
    Column("system", "system", minimum=12),
    Column("model", "base", minimum=8, hide_below=70),
    Column("data", "data", minimum=10),
    Column("template", "template", minimum=10, hide_below=100),
    Column("rows", "rows", 6, align="right", hide_below=60),
    Column("rouge1", "ROUGE-1", 7, align="right"),
    Column("rouge2", "ROUGE-2", 7, align="right"),
    Column("rougeL", "ROUGE-L", 7, align="right"),
    Column("bleu", "BLEU", 5, align="right"),
    Column("age", "age", 4, align="right", hide_below=70),
)


class BenchmarksScreen(WorkbenchScreen):
    """One line per system that was evaluated."""

    scope = "benchmarks"

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Evaluation] = []

    def compose_body(self) -> Iterable[Widget]:
        """What this is, and the table."""
        yield Hint(present.ABOUT)
        yield LiveTable(COLUMNS, title="scores", empty=present.EMPTY, id="scores", classes="pane")

    def on_mount(self) -> None:
        """Let the clock go."""
        self.while_shown(AGES_SECONDS, self._show_ages)

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was shown."""
        self._refresh()

    def _show_ages(self) -> None:
        if self._found:
            self._listed(self._found)

    @on(CatalogChanged)
    def _catalog_changed(self, message: CatalogChanged) -> None:
        if self.is_current and "evaluations" in message.nouns:
            self._refresh()

    def _refresh(self) -> None:
        self.ask(lambda store: store.evaluations.list(), self._listed)

    @on(LiveTable.Selected)
    def _opened(self, message: LiveTable.Selected) -> None:
        def found(evaluation: Evaluation) -> None:
            self.workbench.inspect(evaluation.group)

        self.ask(lambda store: store.evaluations.get(message.key), found)

    def _listed(self, found: list[Evaluation]) -> None:
        self._found = found
        self.query_one(LiveTable).set_rows(present.table(found, time.time()))
