"""How the scores of all rows are spread, in place of the answers to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.tui.glyphs import glyphs
from workbench.tui.present import overview as present
from workbench.tui.present.overview import SystemSpread
from workbench.tui.screens import scoring

if TYPE_CHECKING:
    from workbench.tui.present.inspect import Metric
    from workbench.tui.screen import Workbench
    from workbench.tui.screens.scoring import Opened

LANE = "overview"


class Overview(VerticalScroll):
    """The spread of every system's scores."""

    DEFAULT_CSS = """
    Overview Static { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__(classes="pane")
        self.border_title = "overview"

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("reading", id="spread", markup=False)

    def show(self, opened: Opened, metric: Metric) -> None:
        """Read and show how the scores of this metric are spread."""
        signs = glyphs(self)

        def came(found: list[SystemSpread]) -> None:
            self.query_one("#spread", Static).update(present.overview(found, metric, signs))

        workbench = cast("Workbench", self.app)
        workbench.ask(LANE, lambda store: scoring.spread(store, opened, metric), came)
