"""What the Adapters screen does with trained adapters: merge, export, combine, and measure their changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.widgets import Static

from workbench.adapters.combining import combine
from workbench.adapters.differing import Comparison, differ
from workbench.adapters.exporting import export
from workbench.adapters.merging import merge
from workbench.tui.clean import clean, safe
from workbench.tui.present import adapter_work as present
from workbench.tui.screens.activity import Activity
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.modal import LIST_FOOT, Dialog

if TYPE_CHECKING:
    from store.adapters import Adapter
    from workbench.runs.fields import FieldInfo
    from workbench.tui.screen import WorkbenchScreen

LANE = "adapters"
"""Work on adapters takes minutes and is done one after the other; reading the lists must not wait for it."""
ROOM = 10
"""Rows of the screen that are left free around the table."""


class DeltaDialog(Dialog[None]):
    """What one or two adapters change, weight by weight; it can be read and copied."""

    CSS = """
    DeltaDialog { align: center middle; }
    DeltaDialog .dialog { width: 96%; max-width: 130; padding: 0 1; }
    """

    def __init__(self, found: Comparison) -> None:
        super().__init__("what changes", LIST_FOOT)
        self._found = found

    def compose_body(self) -> ComposeResult:
        """The table over what the configurations say."""
        columns = [Column("weight", "weight", minimum=16)]
        for number, name in enumerate(self._found.adapters):
            head = clean(name, 16)
            columns.append(Column(f"norm-{number}", head, max(len(head), 8), align="right"))
            columns.append(Column(f"share-{number}", "share", 7, align="right"))
        if len(self._found.adapters) == 2:
            columns.append(Column("cosine", "cosine", 7, align="right"))
        yield LiveTable(columns)
        yield Static(safe(present.diff_summary(self._found)))

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(LiveTable)
        rows = present.diff_rows(self._found)
        table.styles.height = min(len(rows) + 1, max(self.app.size.height - ROOM, 4))
        table.set_rows(rows)


def ask_merge(screen: WorkbenchScreen, adapter: Adapter, then: Callable[[], None]) -> None:
    """Ask how to merge, do it, and put the model into the store."""

    def entered(values: dict[str, Any]) -> None:
        model, how = present.merge_request(values)
        _follow(
            screen,
            f"merging {adapter.name}",
            lambda store, tell: merge(store, adapter.name, None, add=model, how=how, tell=tell).warnings,
            lambda warnings: _tell(screen, f"model {clean(model)} is in the store", warnings, then),
        )

    _ask(screen, f"merge {clean(adapter.name)}", present.merge_fields(adapter.name), entered)


def ask_export(screen: WorkbenchScreen, adapter: Adapter) -> None:
    """Ask what to export and where to, and do it."""

    def entered(values: dict[str, Any]) -> None:
        folder, wish = present.export_request(values)
        _follow(
            screen,
            f"exporting {adapter.name}",
            lambda store, tell: export(store, adapter.name, folder, wish, tell).warnings,
            lambda warnings: _tell(screen, f"{clean(adapter.name)} is in {clean(str(folder))}", warnings),
        )

    _ask(screen, f"export {clean(adapter.name)}", present.export_fields(adapter.name), entered)


def ask_combine(screen: WorkbenchScreen, chosen: Sequence[Adapter], then: Callable[[], None]) -> None:
    """Ask for weights and a name, and combine."""

    def entered(values: dict[str, Any]) -> None:
        parts, name, how = present.combine_request(values)
        _follow(
            screen,
            f"combining {name}",
            lambda store, tell: combine(store, parts, name, how, tell),
            lambda made: _tell(screen, f"{clean(made.name)} is added", (), then),
        )

    _ask(screen, "combine", present.combine_fields(chosen), entered)


def show_diff(screen: WorkbenchScreen, chosen: Sequence[Adapter]) -> None:
    """Measure what one or two adapters change, and show it."""
    names = [adapter.name for adapter in chosen]

    def measured(found: Comparison) -> None:
        screen.app.push_screen(DeltaDialog(found))

    _follow(
        screen,
        f"comparing {' and '.join(names)}",
        lambda store, tell: differ(store, names, tell),
        measured,
    )


def _ask(
    screen: WorkbenchScreen, title: str, fields: Sequence[FieldInfo], then: Callable[[dict[str, Any]], None]
) -> None:
    def answered(values: dict[str, Any] | None) -> None:
        if values is not None:
            then(values)

    screen.app.push_screen(FormDialog(title, fields), answered)


def _follow(
    screen: WorkbenchScreen, text: str, work: Callable[..., Any], then: Callable[[Any], None]
) -> None:
    screen.query_one(Activity).follow(LANE, text, work, then)


def _tell(
    screen: WorkbenchScreen, text: str, warnings: Sequence[str], then: Callable[[], None] | None = None
) -> None:
    screen.workbench.say(text)
    for warning in warnings:
        screen.workbench.say(warning, "warning")
    if then is not None:
        then()
