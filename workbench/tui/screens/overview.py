"""How the scores of all rows are spread, in place of the answers to one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.evaluation.row_scores import WORDS_OF_ROWS
from workbench.tui.glyphs import glyphs
from workbench.tui.present import overview as present
from workbench.tui.present.overview import SystemSpread
from workbench.tui.screens import scoring

if TYPE_CHECKING:
    from store import Store
    from workbench.evaluation.row_scores import Recalled
    from workbench.tui.present.inspect import Metric
    from workbench.tui.screen import Workbench
    from workbench.tui.screens.scoring import Opened

LANE = "overview"
T = TypeVar("T")


@dataclass
class _Showing:
    """What is shown, as far as it is read."""

    opened: Opened
    metric: Metric
    systems: list[SystemSpread] = field(default_factory=list)


class Overview(VerticalScroll):
    """The spread of every system's scores."""

    DEFAULT_CSS = """
    Overview Static { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__(classes="pane")
        self.border_title = "overview"
        self._showing: _Showing | None = None
        self._words: dict[int, tuple[int, tuple[Recalled, ...]]] = {}  # by system, with how many rows

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("reading", id="spread", markup=False)

    def show(self, opened: Opened, metric: Metric) -> None:
        """Read and show how the scores of this metric are spread: as it comes, the words last.

        Whatever an earlier call still has to read is left.
        """
        if self._showing is None or self._showing.opened != opened:
            self._words = {}
        self._showing = _Showing(opened, metric)
        self._go_on(self._showing)

    def _go_on(self, showing: _Showing) -> None:
        """Read the next part, if there is one."""
        opened, systems = showing.opened, showing.systems
        if len(systems) < len(opened.ids):
            self._ask(
                lambda store: scoring.spreads(store, opened, showing.metric, len(systems)),
                lambda found: self._came(showing, [*systems, *self._with_words(found, len(systems))]),
            )
            return
        place = next((at for at, each in enumerate(systems) if each.recalled is None), None)
        if place is not None:
            self._ask(
                lambda store: scoring.recalled(store, opened, place),
                lambda found: self._counted(showing, place, found),
            )

    def _counted(self, showing: _Showing, place: int, words: tuple[Recalled, ...]) -> None:
        if self._showing is not None and showing.opened == self._showing.opened:
            self._words[place] = _rows_of_words(showing.systems[place]), words
        if showing is self._showing:
            self._came(showing, self._with_words(showing.systems, 0))

    def _with_words(self, systems: list[SystemSpread], start: int) -> list[SystemSpread]:
        """Systems with the words that were counted for another metric, or in another order of the rows."""
        found = []
        for place, each in enumerate(systems, start):
            rows, words = self._words.get(place, (-1, None))
            found.append(replace(each, recalled=words) if rows == _rows_of_words(each) else each)
        return found

    def _ask(self, work: Callable[[Store], T], then: Callable[[T], None]) -> None:
        cast("Workbench", self.app).ask(LANE, work, then)

    def _came(self, showing: _Showing, systems: list[SystemSpread]) -> None:
        if showing is self._showing and self.is_attached:
            showing.systems = systems
            told = present.overview(systems, showing.metric, glyphs(self))
            self.query_one("#spread", Static).update(told)
            if self.display:  # closed, it reads no further
                self._go_on(showing)


def _rows_of_words(system: SystemSpread) -> int:
    return min(system.spread.rows, WORDS_OF_ROWS)
