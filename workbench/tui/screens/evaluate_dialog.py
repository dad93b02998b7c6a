"""Asks what to evaluate: opens the form over the screen, or says what is missing for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from workbench.tui import drafts
from workbench.tui.present import evaluate as present
from workbench.tui.screens import drafted_form, evaluating
from workbench.tui.screens.form_dialog import FormDialog

if TYPE_CHECKING:
    from workbench.evaluating import EvaluationOptions
    from workbench.tui.drafts import Draft
    from workbench.tui.present.evaluate import Offer
    from workbench.tui.screen import Workbench

DRAFT = "evaluate"
"""What drafts of the form are called."""


def open_form(app: App[Any], wanted: Callable[[EvaluationOptions], None]) -> None:
    """Ask what to evaluate.

    Args:
        app: The app.
        wanted: Told what, unless the form is left.
    """
    workbench = cast("Workbench", app)

    def offered(found: tuple[Offer, Draft | None]) -> None:
        offer, draft = found

        def entered(values: dict[str, Any] | None) -> None:
            if values is not None:
                wanted(present.request(offer, values))

        lacking = present.lacking(offer)
        if lacking is None:
            fields, choices = present.fields(offer), present.choices(offer)
            app.push_screen(
                FormDialog("evaluate", fields, choices=choices, drafts=DRAFT, draft=draft), entered
            )
        else:
            workbench.say(lacking, "warning")

    workbench.ask(
        drafts.LANE,
        lambda store: (evaluating.read_offer(store), drafted_form.taken_up(store, DRAFT)),
        offered,
    )
