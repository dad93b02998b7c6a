"""Asks what to evaluate: opens the form over the screen, or says what is missing for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import App

from workbench.tui import drafts
from workbench.tui.present import evaluate as present
from workbench.tui.screens import drafted_form, evaluating
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.sentences import keyed
from workbench.tui.widgets.form import Form

if TYPE_CHECKING:
    from workbench.evaluating import EvaluationOptions
    from workbench.tui.drafts import Draft
    from workbench.tui.present.evaluate import Offer
    from workbench.tui.screen import Workbench

DRAFT = "evaluate"
"""What drafts of the form are called."""


class EvaluateDialog(FormDialog):
    """The form, which offers the adapters of whichever model stands in it."""

    def on_mount(self) -> None:
        """Offer those of a draft's model, once it stands in the form."""
        self.call_later(self._offer_adapters)

    @on(Form.Changed)
    def _changed(self, message: Form.Changed) -> None:
        if message.name == "model":
            # Those of another model are none of this one's, as long as its own are not known.
            self._form.set_choices("adapter", [present.ALONE])
            self._offer_adapters(first=True)

    @on(Form.Replaced)
    def _replaced(self) -> None:
        self._offer_adapters()

    def _offer_adapters(self, *, first: bool = False) -> None:
        """Read which there are.

        Args:
            first: Put the first of them into the form; else what stands there stays.
        """
        form, model = self._form, self._form.text("model")

        def found(names: list[str]) -> None:
            if self.is_attached and form.text("model") == model:
                offered = present.answering(names)
                form.offer_choices("adapter", offered)
                if first:
                    form.set_value("adapter", offered[0])

        cast("Workbench", self.app).ask("store", lambda store: store.adapters.names_over(model), found)


def open_form(app: App[Any], wanted: Callable[[EvaluationOptions], None]) -> None:
    """Ask what to evaluate.

    Args:
        app: The app.
        wanted: Told what, unless the form is left.
    """
    workbench = cast("Workbench", app)

    def offered(offer: Offer) -> None:
        lacking = present.lacking(offer)
        if lacking is None:
            workbench.ask(
                drafts.LANE, lambda store: drafted_form.taken_up(store, DRAFT), partial(opened, offer)
            )
        else:
            workbench.say(keyed(app, lacking), "warning")

    def opened(offer: Offer, draft: Draft | None) -> None:
        def entered(values: dict[str, Any] | None) -> None:
            if values is not None:
                wanted(present.request(values))

        fields, choices = present.fields(offer), present.choices(offer)
        app.push_screen(
            EvaluateDialog("evaluate", fields, choices=choices, drafts=DRAFT, draft=draft), entered
        )

    workbench.ask("store", evaluating.read_offer, offered)
