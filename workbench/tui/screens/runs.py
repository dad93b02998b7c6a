"""The Runs screen: the queue and every run, and the selected one's loss, memory and log as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from workbench.tui.alerts import AlertsRaised
from workbench.tui.glyphs import glyphs
from workbench.tui.live import MetricPoints, RunsChanged, Telemetry
from workbench.tui.present import runs as present
from workbench.tui.present.sparks import WIDTH
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import comparing, dialogs
from workbench.tui.screens.guide import Guide
from workbench.tui.screens.run_losses import Losses, read_losses
from workbench.tui.screens.run_view import RunView
from workbench.tui.screens.run_watched import WatchedLines
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store.evaluations import Evaluation
    from store.runs import Run

CLOCK_SECONDS = 1.0
COLUMNS = (
    Column("status", "status", 13),
    Column("id", "run", 5, hide_below=70),
    Column("name", "name", minimum=12),
    Column("method", "method", 13, hide_below=90),
    Column("model", "model", minimum=10, hide_below=60),
    Column("step", "step", 11, align="right"),
    Column("course", "course", WIDTH, hide_below=112),
    Column("loss", "loss", 8, align="right"),
    Column("age", "age", 4, align="right", hide_below=70),
)


class RunsScreen(WorkbenchScreen):
    """The list above, or at the left where there is room; the selected run beside it."""

    scope = "runs"
    CSS = """
    RunsScreen {
        #body { layout: vertical; }
        #runs { height: 6; }
        #run { height: 1fr; }
        #devices { height: 5; display: none; }
        #devices LineChart { display: none; }
        #log { height: 4; }
        #run.-overlay #log { display: none; }
        &.-medium #run.-overlay #log { display: block; }
        &.-medium #runs { height: 9; }
        &.-medium #log { height: 8; }
        &.-tall #runs { height: 13; }
        &.-tall #log { height: 12; }
        &.-medium #devices, &.-tall #devices { display: block; }
        &.-empty #runs { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, Run] = {}
        self._losses = Losses()
        self._pattern = ""

    def compose_body(self) -> Iterable[Widget]:
        """Guide, list, selected run."""
        yield Guide("runs")
        yield LiveTable(COLUMNS, title="runs", empty=present.EMPTY, id="runs", classes="pane")
        yield RunView(id="run")

    def on_mount(self) -> None:
        """Show what is known already, and let the clocks go."""
        self._take(self.workbench.runs)
        self.ask(read_losses, self._take_losses, lane="losses")
        self.set_interval(CLOCK_SECONDS, self._tick)

    @property
    def selected(self) -> Run | None:
        """The run under the cursor."""
        return self._runs.get(self._table.cursor_key or "")

    def why_not(self, name: str) -> str | None:
        """Comparing and inspecting need an adapter, differing needs two runs."""
        if name == "diff":
            return None if len(self._compared) > 1 else "there is only one run; mark others with space"
        return present.why_not_use(self.selected) if name in ("compare", "inspect") else None

    @property
    def filter_text(self) -> str:
        """The regular expression that the list is filtered by."""
        return self._pattern

    def apply_filter(self, text: str) -> None:
        """Show only the runs in whose words a regular expression occurs; marked ones stay marked."""
        self._pattern = text
        comparing.filter_runs(self._table, lambda key: self._runs[key], text)

    def leave(self) -> None:
        """Go back to the list, then show all rows again, then take the marks away."""
        if not self._table.has_focus:
            self._table.focus()
        elif self._pattern:
            self.apply_filter("")
        else:
            self._table.mark(())

    @on(RunsChanged)
    def _runs_changed(self, message: RunsChanged) -> None:
        self._take(message.runs)

    @on(MetricPoints)
    def _points_came(self, message: MetricPoints) -> None:
        self._losses.add(message.points, self._runs)
        self.query_one(RunView).add(message.points)
        self._fill()

    @on(AlertsRaised)
    def _alerts_came(self, message: AlertsRaised) -> None:
        self.query_one(WatchedLines).raise_alerts(message)

    @on(Telemetry)
    def _telemetry_came(self, message: Telemetry) -> None:
        self.query_one(RunView).read(message)

    @on(LiveTable.Highlighted)
    def _highlighted(self) -> None:
        self.query_one(RunView).follow(self.selected)
        self.refresh_chrome()

    @on(LiveTable.Marked)
    def _compare_marked(self) -> None:
        view = self.query_one(RunView)
        view.compare([run for run in self._runs.values() if run.id in self._table.marked])
        self._table.mark_signs = view.marks
        self._table.redraw()

    @on(LiveTable.Selected)
    def _opened(self) -> None:
        chart = self.query_one("#loss")
        chart.focus()
        self.maximize(chart)

    def action_new_run(self) -> None:
        """Open the form of a new run, or say what is missing for one."""
        # The form's options and the checks behind it are not needed to paint runs.
        from workbench.tui.screens.launch import open_form

        open_form(self.app)

    def action_cancel(self) -> None:
        """Ask, then cancel the selected run."""
        run = self.selected
        if run is None:
            return

        def cancel() -> None:
            self.ask(lambda store: store.runs.request(run.id, "cancel"))

        question, answers = present.cancel_question(run), ("cancel it", "let it run")
        dialogs.confirm(self.app, f"Cancel {run.id} {run.name}?", question, answers, cancel)

    def action_sooner(self) -> None:
        """Let the selected run start before those that it is equal to now."""
        self._prioritise(1)

    def action_later(self) -> None:
        """Let those that it is equal to now start before the selected run."""
        self._prioritise(-1)

    def _prioritise(self, by: int) -> None:
        run = self.selected
        if run is not None:
            self.ask(lambda store: store.runs.prioritise(run.id, run.priority + by))

    def action_from_run(self) -> None:
        """Open the form of a new run, filled with what the selected one was made of."""
        if self.selected is not None:
            comparing.start_like(self.app, self.selected)

    def action_chart(self, what: str) -> None:
        """Draw the curves in another way."""
        self.query_one(RunView).overlay.change(what)
        self._table.mark_signs = self.query_one(RunView).marks

    def action_metrics(self) -> None:
        """Choose the metrics that are drawn."""
        comparing.choose_metrics(self, self.query_one(RunView).overlay)

    def action_diff(self) -> None:
        """Show what differs between the marked runs."""
        comparing.show_differences(self, self._compared)

    def action_mark_all(self) -> None:
        """Mark all runs in the list, or none where all are."""
        comparing.mark_all(self._table)

    @property
    def _compared(self) -> list[Run]:
        return present.compared(list(self._runs.values()), self._table.marked, self.selected)

    def action_pause(self) -> None:
        """Ask the selected run to pause, or let it go on from its newest checkpoint."""
        run = self.selected
        if run is None:
            return
        # What checks a run's data again is not needed to paint runs.
        from workbench.runs import lifecycle

        self.ask(lambda store: lifecycle.pause_or_resume(store, run.id))

    def action_retry(self) -> None:
        """Start a fresh run of the selected one's specification."""
        run = self.selected
        if run is None:
            return
        from workbench.runs import lifecycle

        self.ask(lambda store: lifecycle.retry(store, run.id))

    def action_samples(self) -> None:
        """Show what the run answered while it was trained."""
        # Scoring words is not needed to paint runs.
        from workbench.tui.screens.samples import open_samples

        if self.selected is not None:
            open_samples(self.workbench, self.selected)

    def action_compare(self) -> None:
        """Go to Compare with the run's adapter beside its base."""
        if self.selected is not None:
            self.workbench.compare_with(self.selected.model, [None, self.selected.adapter])

    def action_inspect(self) -> None:
        """Go to Inspect; the adapter and its base are evaluated there unless they have been."""
        # The client behind it is not needed to paint runs.
        from workbench.tui.screens import evaluating

        run = self.selected
        if run is not None:
            self.workbench.go("inspect")
            self.ask(
                lambda store: evaluating.evaluate_once(store, run), self._evaluated, lane=evaluating.LANE
            )

    def _evaluated(self, found: list[Evaluation]) -> None:
        # Whoever has gone on to something else meanwhile is not called back.
        if found and getattr(self.app.screen, "scope", "") == "inspect":
            self.workbench.inspect(found[0].group)

    @property
    def _table(self) -> LiveTable:
        return self.query_one("#runs", LiveTable)

    def _take(self, runs: Iterable[Run]) -> None:
        first = not self._runs
        self._runs = {run.id: run for run in runs}
        self.set_class(not self._runs, "-empty")
        self._fill()
        if first:
            self._table.move_to(next((run.id for run in self._runs.values() if run.live), ""))
        self.query_one(RunView).follow(self.selected)
        if self._table.marked:
            self._compare_marked()
        self.refresh_chrome()

    def _take_losses(self, losses: Losses) -> None:
        self._losses.take(losses)
        self._fill()

    def _fill(self) -> None:
        known = self._losses
        rows = present.table(self._runs.values(), known.newest, time.time(), glyphs(self), known.sparks)
        self._table.set_rows(rows)

    def _tick(self) -> None:
        if self.is_current:
            self._fill()
            self.query_one(RunView).show()
