"""What the Runs screen does to compare runs: find and mark them, choose metrics, show what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from store import patterns
from workbench.runs import finding

if TYPE_CHECKING:
    from textual.app import App

    from store import Store
    from store.runs import Run
    from workbench.runs.diff import Difference
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.overlay import Overlay
    from workbench.tui.widgets.live_table import LiveTable

LANE = "compare"
Latest = dict[str, dict[str, float]]


def read_latest(store: Store, runs: Sequence[Run]) -> Latest:
    """The newest value of each metric, by run id."""
    return {run.id: store.metrics.latest(run.id) for run in runs}


def filter_runs(table: LiveTable, run_of: Callable[[str], Run], text: str) -> None:
    """Show only the runs in whose words a regular expression occurs, all of them without one."""
    passes = finding.passing(patterns.lenient(text))
    table.filter_by(text, (lambda key: passes(run_of(key))) if text else None)


def mark_all(table: LiveTable) -> None:
    """Mark all runs in the list, or none where all are marked."""
    table.mark(() if set(table.keys) <= table.marked else table.marked | set(table.keys))


def start_like(app: App[Any], run: Run) -> None:
    """Open the form of a new run, filled with what another one was made of; no draft takes its place."""
    from workbench.tui.present import launch as present
    from workbench.tui.screens.launch import open_form

    open_form(app, present.like(run))


def choose_metrics(screen: WorkbenchScreen, overlay: Overlay) -> None:
    """Ask which metrics of the runs shown to draw.

    Args:
        screen: The screen that the question is put over.
        overlay: Draws them.
    """
    # The dialog is not needed to paint runs; nor is that of differences.
    from workbench.tui.present import metrics as present
    from workbench.tui.screens.metric_chooser import MetricChooser

    runs = overlay.runs

    def chosen(metrics: tuple[str, ...] | None) -> None:
        if metrics:
            overlay.choose(replace(overlay.choice, metrics=metrics))

    def found(latest: Latest) -> None:
        screen.app.push_screen(MetricChooser(present.known(latest), overlay.choice.metrics), chosen)

    screen.ask(lambda store: read_latest(store, runs), found, lane=LANE)


def show_differences(screen: WorkbenchScreen, runs: Sequence[Run]) -> None:
    """Show what differs between runs.

    Args:
        screen: The screen that the table is put over.
        runs: Two or more.
    """
    from workbench.runs.diff import read_differences
    from workbench.tui.screens.diff_dialog import DiffDialog

    def found(differences: list[Difference]) -> None:
        screen.app.push_screen(DiffDialog(runs, differences))

    screen.ask(lambda store: read_differences(store, runs), found, lane=LANE)
