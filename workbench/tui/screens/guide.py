"""The demo's guide: a line that says what a screen shows and which key goes on; absent outside the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import demo
from workbench.tui.sentences import keyed

if TYPE_CHECKING:
    from store.evaluations import Evaluation
    from store.runs import Run
    from workbench.tui.screen import Workbench

TICK_SECONDS = 1.0
EVALUATED_ROWS = 40


class Guide(Static):
    """One line over a screen of the demo.

    Once the demo's run is completed it has the adapter and its base evaluated, so that Inspect has data.

    Args:
        mode: The screen it stands on.
    """

    DEFAULT_CSS = """
    Guide { height: auto; padding: 0 2; color: $accent; background: $panel; display: none; }
    Guide.-shown { display: block; }
    """

    def __init__(self, mode: str) -> None:
        super().__init__(markup=False)
        self.mode = mode
        self._told = ""
        self._asked: str | None = None
        self._evaluations: list[Evaluation] = []

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    def on_mount(self) -> None:
        """Begin to look at the demo's run, where this is the demo."""
        self.set_class(self.workbench.demo, "-shown")
        if self.workbench.demo:
            self._look()
            self.set_interval(TICK_SECONDS, self._look)

    def _look(self) -> None:
        if not self.screen.is_current:
            return
        run = next(iter(self.workbench.book.runs.values()), None)
        told = demo.sentence(self.mode, run, self._evaluations)
        if told != self._told:
            self._told = told
            self.update(safe(keyed(self, told)))
        if run is not None and run.adapter:
            self._follow_evaluation(run)

    def _follow_evaluation(self, run: Run) -> None:
        # Imported once the run is over: the first paint needs no client.
        from workbench.tui.screens import evaluating

        if self._asked != run.id:
            self._asked = run.id
            self.workbench.ask(
                evaluating.LANE, lambda store: evaluating.evaluate_once(store, run, EVALUATED_ROWS)
            )
        if not self._evaluations or any(each.status == "running" for each in self._evaluations):
            self.workbench.ask("store", lambda store: evaluating.evaluations_of(store, run), self._take)

    def _take(self, evaluations: list[Evaluation]) -> None:
        self._evaluations = evaluations
