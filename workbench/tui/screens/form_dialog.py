"""A dialog around a form: it hands back the values of the fields, or nothing when it is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult

from workbench.runs.fields import FieldInfo
from workbench.tui.screens.drafted_form import DraftedForm
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from workbench.tui.drafts import Draft


class FormDialog(Dialog[dict[str, Any] | None]):
    """A form over the screen.

    Args:
        title: Stands in the border.
        fields: What is asked for.
        values: What stands in the fields at first; their defaults where there is none.
        choices: Values to choose from, by field name.
        drafts: What its drafts are called; empty where none are kept.
        draft: The one that there is.
    """

    CSS = """
    FormDialog { align: center middle; }
    FormDialog .dialog { width: 80; padding: 0 1; }
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[FieldInfo],
        *,
        values: Mapping[str, Any] | None = None,
        choices: Mapping[str, Sequence[str]] | None = None,
        drafts: str = "",
        draft: Draft | None = None,
    ) -> None:
        super().__init__(title, "tab next field  {key:form.submit} accept  {key:dialog.leave} leave")
        self._form = Form(fields, values=values, choices=choices)
        self._drafted = DraftedForm(self._form, drafts, draft, filled=bool(values)) if drafts else None
        self._first = fields[0].name

    def compose_body(self) -> ComposeResult:
        """The form."""
        yield self._drafted or self._form

    def on_mount(self) -> None:
        """Begin with the first field."""
        self._form.focus_field(self._first)
        if self._drafted is not None:
            self._drafted.begin()

    def action_leave(self) -> None:
        """Close without an answer; what was typed may be kept."""
        if self._drafted is not None:
            self._drafted.settle()
        super().action_leave()

    @on(Form.Submitted)
    def _submitted(self) -> None:
        # A form with a wrong value says so beside it and stays.
        if not self._form.problems():
            if self._drafted is not None:
                self._drafted.accepted()
            self.dismiss(self._form.values())
