"""The eight screens by their mode: each is imported and made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from workbench.tui.actions import MODES

if TYPE_CHECKING:
    from workbench.tui.screen import WorkbenchScreen


def open_screen(mode: str) -> WorkbenchScreen:
    """Make the screen of a mode."""
    # Imported when first opened: the first paint waits for one screen, not for eight.
    match mode:
        case "runs":
            from workbench.tui.screens.runs import RunsScreen

            return RunsScreen()
        case "models":
            from workbench.tui.screens.models import ModelsScreen

            return ModelsScreen()
        case "datasets":
            from workbench.tui.screens.datasets import DatasetsScreen

            return DatasetsScreen()
        case "compose":
            from workbench.tui.screens.compose import ComposeScreen

            return ComposeScreen()
        case "adapters":
            from workbench.tui.screens.adapters import AdaptersScreen

            return AdaptersScreen()
        case "compare":
            from workbench.tui.screens.compare import CompareScreen

            return CompareScreen()
        case "inspect":
            from workbench.tui.screens.inspect import InspectScreen

            return InspectScreen()
        case _:
            from workbench.tui.screens.benchmarks import BenchmarksScreen

            return BenchmarksScreen()


OPENERS: dict[str, Callable[[], WorkbenchScreen]] = {mode: partial(open_screen, mode) for mode in MODES}
