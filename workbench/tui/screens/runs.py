"""The Runs screen: the queue and every run, and the selected one's loss, memory and log as they come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widget import Widget

from workbench.tui.alerts import AlertsRaised
from workbench.tui.live import MetricPoints, RunsChanged, Telemetry
from workbench.tui.present import curves
from workbench.tui.present import runs as present
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import comparing, run_lifecycle
from workbench.tui.screens.guide import Guide
from workbench.tui.screens.overlay import MarksChanged
from workbench.tui.screens.run_list import RunList
from workbench.tui.screens.run_view import RunView
from workbench.tui.screens.run_watched import WatchedLines
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.live_table import LiveTable
from workbench.tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from store.runs import Run

CLOCK_SECONDS = 1.0
# What no list shows is looked for when all that is shown has been drawn.
LOOK_SECONDS = 2.0


class RunsScreen(WorkbenchScreen):
    """The list, and under it the selected run."""

    scope = "runs"
    CSS = """
    RunsScreen {
        #body { layout: vertical; }
        #runs { height: auto; max-height: 6; }
        #run { height: 1fr; }
        #devices { height: 5; display: none; }
        #devices LineChart { display: none; }
        #log { height: 4; }
        &.-short #run.-overlay #log { display: none; }
        &.-medium #runs { max-height: 9; }
        &.-medium #log { height: 8; }
        &.-tall #runs { max-height: 13; }
        &.-tall #log { height: 12; }
        &.-medium #devices, &.-tall #devices { display: block; }
        &.-empty #runs { height: 1fr; max-height: 100%; }
    }
    """

    def compose_body(self) -> Iterable[Widget]:
        """Guide, list, selected run."""
        yield Guide("runs")
        yield RunList(id="runs", classes="pane")
        yield RunView(id="run")

    def on_mount(self) -> None:
        """Show what is known already, and let the clocks go."""
        self._take(None)
        self.while_shown(CLOCK_SECONDS, self._show_clocks)
        self.set_timer(LOOK_SECONDS, self._look_for_strangers)

    def _look_for_strangers(self) -> None:
        self.ask(lambda store: store.runs.left_out(), self.tell_left_out)

    @property
    def selected(self) -> Run | None:
        """The run under the cursor."""
        return self._list.selected

    def remember(self) -> dict[str, Any]:
        """The list, and how the curves are drawn."""
        return super().remember() | {"curves": asdict(self.query_one(RunView).overlay.choice)}

    def recall(self, saved: Saved) -> None:
        """Filter first: the list's own filter knows no regular expressions."""
        table = chosen(chosen(saved, "tables", dict, {}), "runs", dict, {})
        self._filter_runs(chosen(table, "filter", str, ""))
        self.query_one(RunView).overlay.choose(curves.recalled(chosen(saved, "curves", dict, {})))
        super().recall(saved)

    def why_not(self, name: str) -> str | None:
        """Comparing needs something to try, inspecting an adapter, differing two runs, removing an end."""
        if name == "diff":
            return (
                None
                if len(self._compared) > 1
                else "there is only one run; mark others with {key:table.mark}"
            )
        if name == "compare":
            return present.why_not_try(self.selected)
        if name == "remove":
            return present.why_not_remove(self._marked_or_selected)
        if name in ("replay_slower", "replay_faster"):
            return (
                None
                if self.query_one(RunView).replaying.active
                else "nothing is replayed; {key:runs.replay} begins"
            )
        return present.why_not_use(self.selected) if name == "inspect" else None

    # `/` means the log while that has the focus, else the list

    @property
    def filter_text(self) -> str:
        """What is looked for there."""
        return self._log.filter_text if self.focused is self._log else super().filter_text

    def apply_filter(self, text: str) -> None:
        """Show only the runs in whose words a regular expression occurs, or its lines of the log."""
        if self.focused is self._log:
            self._log.apply_filter(text)
        else:
            self._filter_runs(text)

    def filter_undo(self) -> Callable[[], None]:
        """What brings back what is shown there now."""
        return self._log.filter_undo() if self.focused is self._log else super().filter_undo()

    @property
    def _log(self) -> LogView:
        return self.query_one(LogView)

    def _filter_runs(self, text: str) -> None:
        """Marked ones stay marked."""
        table = self._list  # searched for once, not for each of ten thousand rows
        comparing.filter_runs(table, lambda key: table.runs[key], text)

    def leave(self) -> None:
        """End a replay or a search in the log, go to the list, show all its rows, take the marks away."""
        replaying = self.query_one(RunView).replaying
        if replaying.active:
            replaying.stop()
        elif self.focused is self._log and self.filter_text:
            self.apply_filter("")
        elif not self._list.has_focus:
            self._list.focus()
        elif self.filter_text:
            self.apply_filter("")
        else:
            self._list.mark(())

    @on(RunsChanged)
    def _runs_changed(self, message: RunsChanged) -> None:
        self._take([run.id for run in message.news.runs])

    @on(MetricPoints)
    def _points_came(self, message: MetricPoints) -> None:
        self._list.add(message.points)
        self.query_one(RunView).add(message.points)

    @on(AlertsRaised)
    def _alerts_came(self, message: AlertsRaised) -> None:
        self.query_one(WatchedLines).raise_alerts(message)

    @on(Telemetry)
    def _telemetry_came(self, message: Telemetry) -> None:
        self.query_one(RunView).read(message)

    @on(LiveTable.Highlighted)
    def _highlighted(self) -> None:
        self.when_at_rest(self._follow)
        self.refresh_chrome()

    @on(LiveTable.Marked)
    def _marked(self) -> None:
        self._follow()
        self.refresh_chrome()

    @on(MarksChanged)
    def _marks_changed(self, message: MarksChanged) -> None:
        self._list.mark_signs = message.marks
        self._list.redraw()

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

    def action_from_run(self) -> None:
        """Open the form of a new run, filled with what the selected one was made of."""
        if self.selected is not None:
            comparing.start_like(self.app, self.selected)

    def action_cancel(self) -> None:
        """Ask, then cancel the selected run."""
        self._with_selected(run_lifecycle.cancel)

    def action_sooner(self) -> None:
        """Let the selected run start before those that it is equal to now."""
        self._with_selected(run_lifecycle.sooner)

    def action_later(self) -> None:
        """Let those that it is equal to now start before the selected run."""
        self._with_selected(run_lifecycle.later)

    def action_pause(self) -> None:
        """Ask the selected run to pause, or let it go on from its newest checkpoint."""
        self._with_selected(run_lifecycle.pause_or_resume)

    def action_retry(self) -> None:
        """Start a fresh run of the selected one's specification."""
        self._with_selected(run_lifecycle.retry)

    def action_remove(self) -> None:
        """Put the marked runs, or the selected one, into the trash."""
        run_lifecycle.remove(self, self._marked_or_selected)

    def action_samples(self) -> None:
        """Show what the run answered while it was trained."""
        self._with_selected(run_lifecycle.samples)

    def action_compare(self) -> None:
        """Go to Compare with the run's adapter, or its newest checkpoint, beside its base."""
        self._with_selected(run_lifecycle.compare)

    def action_inspect(self) -> None:
        """Go to Inspect; the adapter and its base are evaluated there unless they have been."""
        self._with_selected(run_lifecycle.inspect)

    def _with_selected(self, act: Callable[[WorkbenchScreen, Run], None]) -> None:
        if self.selected is not None:
            act(self, self.selected)

    def action_chart(self, what: str) -> None:
        """Draw the curves in another way."""
        self.query_one(RunView).overlay.change(what)

    def action_replay(self) -> None:
        """Let the curves of a run that is over grow again from their beginning, or show all of them."""
        self.query_one(RunView).replaying.toggle()

    def action_replay_speed(self, times: int) -> None:
        """Replay twice as fast, or half as fast."""
        self.query_one(RunView).replaying.faster(times)

    def action_newest(self) -> None:
        """Go to each run as it begins, or stay from now on where the cursor is."""
        self._list.follow_newest(not self._list.follows_newest)

    def action_metrics(self) -> None:
        """Choose the metrics that are drawn."""
        comparing.choose_metrics(self, self.query_one(RunView).overlay)

    def action_diff(self) -> None:
        """Show what differs between the marked runs."""
        comparing.show_differences(self, self._compared)

    def action_mark_all(self) -> None:
        """Mark all runs in the list, or none where all are."""
        comparing.mark_all(self._list)

    @property
    def _compared(self) -> list[Run]:
        return present.compared(self._list.marked_runs, self._list.next_runs, self.selected)

    @property
    def _marked_or_selected(self) -> list[Run]:
        return self._list.marked_runs or ([self.selected] if self.selected is not None else [])

    @property
    def _list(self) -> RunList:
        return self.query_one(RunList)

    def _take(self, changed: Collection[str] | None) -> None:
        book = self.workbench.book
        self.set_class(not book.runs, "-empty")
        self._list.show(book, changed)
        self._follow()
        self.refresh_chrome()

    def _follow(self) -> None:
        drawn = present.drawn_together(self._list.marked_runs, self.selected)
        self.query_one(RunView).follow(self.selected, drawn)

    def _show_clocks(self) -> None:
        self._list.renew()
        self.query_one(RunView).show()
