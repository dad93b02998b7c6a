"""What the Runs screen does to runs: cancel, pause, move in the queue, retry, remove, score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.tui.present import runs as present
from workbench.tui.screens import comparing, dialogs

if TYPE_CHECKING:
    from store import Store
    from store.evaluations import Evaluation
    from store.runs import Run
    from workbench.tui.screen import WorkbenchScreen


def cancel(screen: WorkbenchScreen, run: Run) -> None:
    """Ask, then cancel."""

    def confirmed() -> None:
        screen.ask(lambda store: store.runs.request(run.id, "cancel"))

    question, answers = present.cancel_question(run), ("cancel it", "let it run")
    dialogs.confirm(screen.app, f"Cancel {run.id} {run.name}?", question, answers, confirmed)


def sooner(screen: WorkbenchScreen, run: Run) -> None:
    """Let the run start before those that it is equal to now."""
    screen.ask(lambda store: store.runs.prioritise(run.id, run.priority + 1))


def later(screen: WorkbenchScreen, run: Run) -> None:
    """Let those that it is equal to now start before the run."""
    screen.ask(lambda store: store.runs.prioritise(run.id, run.priority - 1))


def pause_or_resume(screen: WorkbenchScreen, run: Run) -> None:
    """Ask the run to pause, or let it go on from its newest checkpoint."""

    def work(store: Store) -> None:
        # Imported on the lane's thread: what checks a run's data again is not needed to paint runs.
        from workbench.runs import lifecycle

        lifecycle.pause_or_resume(store, run.id)

    screen.ask(work)


def retry(screen: WorkbenchScreen, run: Run) -> None:
    """Start a fresh run of the same specification."""

    def work(store: Store) -> None:
        # Imported on the lane's thread, as above.
        from workbench.runs import lifecycle

        lifecycle.retry(store, run.id)

    screen.ask(work)


def remove(screen: WorkbenchScreen, runs: Sequence[Run]) -> None:
    """Put runs into the trash, as one."""
    ids = [run.id for run in runs]

    def work(store: Store) -> None:
        # Imported on the lane's thread, as above.
        from workbench.runs import lifecycle

        lifecycle.remove(store, ids)

    what = ids[0] if len(ids) == 1 else f"{len(ids)} runs"
    dialogs.remove(screen, what, present.lost_with(runs), work, lambda: None, several=len(ids) > 1)


def samples(screen: WorkbenchScreen, run: Run) -> None:
    """Show what the run answered while it was trained."""
    # Scoring words is not needed to paint runs; nor is the client behind evaluations.
    from workbench.tui.screens.samples import open_samples

    open_samples(screen.workbench, run)


def compare(screen: WorkbenchScreen, run: Run) -> None:
    """Let the run's adapter, or its newest checkpoint while there is none, answer beside its base."""
    # What renders rows as prompts is not needed to paint runs.
    from workbench.tui.screens.prompts import system_of

    def found(system: str | None) -> None:
        if system is not None:
            screen.workbench.compare_with(run.model, [None, system])
        else:
            why = "" if run.over else ": its first comes with save_steps or save_minutes"
            screen.workbench.say(f"{run.id} has no checkpoint to try{why}", "warning")

    screen.ask(lambda store: system_of(store, run), found, lane=comparing.LANE)


def inspect(screen: WorkbenchScreen, run: Run) -> None:
    """Go to Inspect; the adapter and its base are evaluated there unless they have been."""
    from workbench.tui.screens import evaluating

    def evaluated(found: list[Evaluation]) -> None:
        # Whoever has gone on to something else meanwhile is not called back.
        if found and getattr(screen.app.screen, "scope", "") == "inspect":
            screen.workbench.inspect(found[0].group)

    screen.workbench.go("inspect")
    screen.ask(lambda store: evaluating.evaluate_once(store, run), evaluated, lane=evaluating.LANE)
