"""Asks how to divide a dataset into splits, and says beforehand what would come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import division as present
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from store.datasets import Dataset


class SplitDialog(Dialog[present.Request | None]):
    """The shares, what is divided, and what stays together.

    Args:
        dataset: The dataset to divide.
        split: The split that is shown now.
    """

    CSS = """
    SplitDialog { align: center middle; }
    SplitDialog .dialog { width: 76; padding: 1 1 0 1; }
    SplitDialog #outlook { height: 2; margin: 1 1 0 1; }
    """

    def __init__(self, dataset: Dataset, split: str) -> None:
        super().__init__(
            f"split {dataset.name}", "tab next field  {key:form.submit} split  {key:dialog.leave} leave"
        )
        self._dataset = dataset
        self._fields = present.fields(dataset, split)
        self._form = Form(self._fields)

    def compose_body(self) -> ComposeResult:
        """The form over the outlook."""
        yield self._form
        yield Static(id="outlook", markup=False)

    def on_mount(self) -> None:
        """Begin with the first share."""
        self._form.focus_field(self._fields[0].name)
        self._look()

    @on(Form.Changed)
    @on(Form.Replaced)
    def _look(self) -> None:
        wanted = self._wanted
        if wanted is None:
            self._tell("; ".join(self._form.problems().values()), "$error")
        elif wrong := present.problem(wanted):
            self._tell(wrong, "$error")
        else:
            self._tell(present.outlook(wanted, self._dataset.splits[wanted.source]), "$accent")

    def _tell(self, text: str, style: str) -> None:
        self.query_one("#outlook", Static).update(safe(text, style))

    @on(Form.Submitted)
    def _submitted(self) -> None:
        wanted = self._wanted
        if wanted is not None and present.problem(wanted) is None:
            self.dismiss(wanted)

    @property
    def _wanted(self) -> present.Request | None:
        """What is asked for; None while a field holds no value."""
        return None if self._form.problems() else present.request(self._form.values())
