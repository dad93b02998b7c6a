"""What the Inspect screen has done: evaluations made, resumed and removed, files of predictions opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tui.present import inspect as present
from workbench.tui.screens import dialogs, evaluate_dialog, evaluating, scoring
from workbench.tui.screens.activity import Activity

if TYPE_CHECKING:
    from store import Store
    from store.evaluations import Evaluation
    from workbench.evaluating import EvaluationOptions
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.activity import Tell
    from workbench.tui.screens.scoring import Opened


def ask_evaluate(screen: WorkbenchScreen, then: Callable[[str], None]) -> None:
    """Ask what to evaluate, and have it done.

    Args:
        screen: With an `Activity`.
        then: Told the group of its evaluations.
    """

    def wanted(options: EvaluationOptions) -> None:
        text = f"evaluating {options.adapters[-1] or options.model} on {options.dataset}"
        screen.query_one(Activity).follow(
            evaluating.LANE, text, lambda store, tell: evaluating.evaluate(store, options, tell), then
        )

    evaluate_dialog.open_form(screen.app, wanted)


class Resuming:
    """Groups that go on because their screen was asked to, each once at a time."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()

    def why_not(self, screen: WorkbenchScreen, members: Sequence[Evaluation]) -> str | None:
        """Why a group cannot go on now; None where it can."""
        if members and members[0].group in self._under_way:
            return "this evaluation goes on already"
        return evaluating.why_not_resumed(screen.workbench.root, members)

    def begin(self, screen: WorkbenchScreen, members: Sequence[Evaluation], then: Callable[[], None]) -> None:
        """Have a group answered further and scored, in the background; its rows are seen as they come.

        Args:
            screen: With an `Activity`.
            members: The group's evaluations.
            then: Called when it has ended.
        """
        group = members[0].group
        self._under_way.add(group)

        def work(store: Store, tell: Tell) -> None:
            try:
                evaluating.resume(store, group, tell)
            finally:
                self._under_way.discard(group)

        text = f"going on with {group} on {members[0].dataset}"
        screen.query_one(Activity).follow(evaluating.LANE, text, work, lambda _: then())
        screen.refresh_chrome()


def remove(screen: WorkbenchScreen, group: str, then: Callable[[], None]) -> None:
    """Put a group of evaluations into the trash."""
    lost = "Its answers and scores are deleted for good."
    dialogs.remove(screen, group, lost, lambda store: evaluating.remove(store, group), then)


def ask_file(screen: WorkbenchScreen, then: Callable[[Opened], None]) -> None:
    """Ask for a file of predictions, and open it."""

    def entered(path: str) -> None:
        file = Path(path).expanduser()
        screen.ask(lambda _: scoring.open_file(file), then)

    dialogs.ask_text(screen.app, "open predictions", "A JSONL file:", present.FILE_HELP, entered)
