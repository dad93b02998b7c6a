"""Asks what to evaluate: opens the form over the screen, or says what is missing for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from workbench.tui.present import evaluate as present
from workbench.tui.screens import evaluating
from workbench.tui.screens.form_dialog import FormDialog

if TYPE_CHECKING:
    from workbench.evaluating import EvaluationOptions
    from workbench.tui.present.evaluate import Offer
    from workbench.tui.screen import Workbench


def open_form(app: App[Any], wanted: Callable[[EvaluationOptions], None]) -> None:
    """Ask what to evaluate.

    Args:
        app: The app.
        wanted: Told what, unless the form is left.
    """
    workbench = cast("Workbench", app)

    def offered(offer: Offer) -> None:
        def entered(values: dict[str, Any] | None) -> None:
            if values is not None:
                wanted(present.request(offer, values))

        lacking = present.lacking(offer)
        if lacking is None:
            app.push_screen(
                FormDialog("evaluate", present.fields(offer), choices=present.choices(offer)), entered
            )
        else:
            workbench.say(lacking, "warning")

    workbench.ask("store", evaluating.read_offer, offered)
