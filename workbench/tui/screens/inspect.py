"""The Inspect screen: evaluations, and their answers word by word; it has new ones made and opens files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from workbench.tui.glyphs import glyphs
from workbench.tui.keyboard import Place
from workbench.tui.live import CatalogChanged
from workbench.tui.present import inspect as present
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import evaluation_work, scoring
from workbench.tui.screens.activity import Activity
from workbench.tui.screens.evaluation_work import Resuming
from workbench.tui.screens.guide import Guide
from workbench.tui.screens.reading import Reading
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.row_grid import RowGrid

if TYPE_CHECKING:
    from store.evaluations import Evaluation
    from workbench.tui.screens.scoring import Opened

COLUMNS = (
    Column("status", "status", 13),
    Column("group", "id", 5, hide_below=60),
    Column("data", "data", minimum=12),
    Column("systems", "systems", minimum=10),
    Column("rows", "answers", 9, align="right", hide_below=60),
    Column("rouge1", "ROUGE-1", 14, align="right"),
)

ROW_ACTIONS = ("next_pair", "previous_pair", "sort", "gain", "metric", "previous_metric", "overview")


class InspectScreen(WorkbenchScreen):
    """Evaluations above, the answers of the selected one below."""

    scope = "inspect"
    CSS = """
    InspectScreen {
        #groups { height: auto; max-height: 6; }
        #scores { height: auto; max-height: 4; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-medium #groups { max-height: 8; }
        &.-tall #groups { max-height: 12; }
        &.-narrow #pairs { width: 1fr; }
        &.-narrow PairView { display: none; }
        &.-narrow.-reading PairView { display: block; width: 1fr; }
        &.-narrow .-overview Overview { width: 1fr; }
        &.-narrow .-overview #pairs { display: none; }
        &.-narrow.-reading #pairs, &.-narrow.-reading #groups, &.-narrow.-reading #scores { display: none; }
        &.-wide Panes { layout: horizontal; }
        &.-wide Panes SystemPane { width: 1fr; }
        &.-wide Panes .note { height: 2; }
        &.-wide Panes SystemPane Horizontal { layout: vertical; }
        &.-empty #scores, &.-empty Reading { display: none; }
        &.-empty #groups { height: 1fr; max-height: 100%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[str, list[Evaluation]] = {}
        self._shown: list[Evaluation] = []
        self._wanted: tuple[str, int] | None = None
        self._resuming = Resuming()

    def compose_body(self) -> Iterable[Widget]:
        """Guide, evaluations, answers."""
        yield Guide("inspect")
        yield Activity()
        yield LiveTable(COLUMNS, title="evaluations", empty=present.EMPTY, id="groups", classes="pane")
        yield Static(id="scores", markup=False)
        yield Reading()

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was shown."""
        self._refresh()

    def remember(self) -> dict[str, Any]:
        """The evaluation, the row, and how the rows are scored and sorted."""
        group, row = self._wanted or (self._table.cursor_key or "", self._reading.row or 0)
        return super().remember() | {"group": group, "row": row} | self._reading.remembered

    def recall(self, saved: Saved) -> None:
        """Look into the same row in the same way."""
        super().recall(saved)
        self._reading.recall(saved)
        if group := chosen(saved, "group", str, ""):
            self._wanted = (group, chosen(saved, "row", int, 0))

    def open_row(self, group: str, row: int = 0) -> None:
        """Look into one row of an evaluation."""
        self._wanted = (group, row)
        self._refresh()

    @property
    def place(self) -> Place:
        """The evaluation and its row."""
        return Place(self.scope, self._table.cursor_key or "", self._reading.row)

    def go_to(self, key: str, row: int | None = None) -> None:
        """Go to an evaluation, and look into a row of it."""
        super().go_to(key)
        if row is not None:
            self._shown = []
            self.open_row(key, row)

    def leave(self) -> None:
        """From the answers back to the lists."""
        if self.has_class("-reading"):
            self.remove_class("-reading")
            self._reading.table.focus()
        elif self._reading.has_class("-overview"):
            self._reading.show_overview()
        else:
            super().leave()

    def why_not(self, name: str) -> str | None:
        """What stepping, resuming and removing need."""
        if name == "remove":
            return None if self._table.cursor_key else "no evaluation is selected"
        if name == "resume":
            return self._resuming.why_not(self, self._selected_group)
        if name in ROW_ACTIONS and self._reading.row is None:
            return "there are no rows; {key:inspect.evaluate} evaluates, {key:inspect.open} opens a file"
        if name == "gain" and not self._reading.compares:
            return "there is one system only, so there is no difference"
        return None

    @property
    def filter_text(self) -> str:
        """What the list in focus is filtered by."""
        return self._reading.filter_text if self._filters_rows else super().filter_text

    def apply_filter(self, text: str) -> None:
        """Show only what a regular expression finds: evaluations, or rows by their texts."""
        if not self._filters_rows:
            super().apply_filter(text)
        elif text != self._reading.filter_text:
            self._reading.filter(text)

    def filter_undo(self) -> Callable[[], None]:
        """What brings back the rows of now, and the cursor to where it is."""
        if not self._filters_rows:
            return super().filter_undo()
        reading = self._reading
        return partial(reading.filter, reading.filter_text, reading.row)

    @property
    def _filters_rows(self) -> bool:
        focused = self.focused
        return focused is not None and self._reading in focused.ancestors_with_self

    @on(CatalogChanged)
    def _catalog_changed(self, message: CatalogChanged) -> None:
        if self.is_current and "evaluations" in message.nouns:
            self._refresh()

    def _refresh(self) -> None:
        self.ask(lambda store: present.by_group(store.evaluations.list()), self._listed)

    @on(LiveTable.Highlighted, "#groups")
    def _highlighted(self) -> None:
        self._open_group()

    @on(LiveTable.Selected, "#groups")
    def _selected(self) -> None:
        self._reading.table.focus()

    @on(RowGrid.Opened)
    def _row_opened(self) -> None:
        self.add_class("-reading")
        self._reading.read()

    @on(RowGrid.Copied)
    def _copied(self) -> None:
        if (row := self._reading.row) is not None:
            self.workbench.copy(str(row), "the row's number")

    @on(Reading.Scored)
    def _scored(self) -> None:
        self.refresh_chrome()

    def action_metric(self) -> None:
        """Score by the next metric."""
        self._reading.next_metric()

    def action_previous_metric(self) -> None:
        """Score by the metric before."""
        self._reading.next_metric(-1)

    def action_sort(self) -> None:
        """Sort the rows by the column under the cursor."""
        self._reading.sort_by_column()

    def action_gain(self) -> None:
        """Sort the rows by the difference of the systems."""
        self._reading.sort_by_gain()

    def action_overview(self) -> None:
        """Show how the scores are spread, or the answers again."""
        self._reading.show_overview()

    def action_next_pair(self) -> None:
        """The next row."""
        self._reading.table.action_cursor_down()

    def action_previous_pair(self) -> None:
        """The row before."""
        self._reading.table.action_cursor_up()

    def action_evaluate(self) -> None:
        """Ask what to evaluate, and have it done."""
        evaluation_work.ask_evaluate(self, self.open_row)

    def action_resume(self) -> None:
        """Let the selected evaluation go on with the rows that it lacks."""
        self._resuming.begin(self, self._selected_group, self._refresh)

    def action_open(self) -> None:
        """Ask for a file of predictions, and open it."""
        evaluation_work.ask_file(self, self._file_opened)

    def action_remove(self) -> None:
        """Remove the selected evaluation."""
        evaluation_work.remove(self, self._table.cursor_key or "", self._refresh)

    def _listed(self, found: dict[str, list[Evaluation]]) -> None:
        self._groups = found
        known = {each.id for members in found.values() for each in members}
        opened = self._reading.opened
        if opened is not None and opened.own is None and not known.issuperset(opened.ids):
            self._reading.close()
        self.set_class(not found and self._reading.opened is None, "-empty")
        self._table.set_rows(present.groups(found, glyphs(self)))
        if self._wanted is not None:
            self._table.move_to(self._wanted[0])
        self._open_group()

    def _open_group(self) -> None:
        """Show the group under the cursor, again where it has new answers."""
        group, members = self._table.cursor_key, self._selected_group
        if group is None or members == self._shown:
            return
        self._shown = members
        row = self._wanted[1] if self._wanted is not None and self._wanted[0] == group else None
        self._wanted = None
        resume = keyed(self, "{key:inspect.resume} goes on with it")
        self.query_one("#scores", Static).update(present.summary(members, resume))
        self.refresh_chrome()
        self.ask(
            lambda store: scoring.open_group(store, group), lambda opened: self._reading.open(opened, row)
        )

    def _file_opened(self, opened: Opened) -> None:
        self.remove_class("-empty")
        self.query_one("#scores", Static).update(present.file_summary(opened.name))
        self._reading.open(opened, 0)
        self._reading.table.focus()

    @property
    def _selected_group(self) -> list[Evaluation]:
        return self._groups.get(self._table.cursor_key or "", [])

    @property
    def _table(self) -> LiveTable:
        return self.query_one("#groups", LiveTable)

    @property
    def _reading(self) -> Reading:
        return self.query_one(Reading)
