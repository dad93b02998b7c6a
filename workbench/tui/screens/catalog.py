"""What the screens of models, datasets and adapters share: a list, a detail pane, adding and removing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from workbench.tui.live import CatalogChanged
from workbench.tui.present.cells import Row
from workbench.tui.screen import AGES_SECONDS, WorkbenchScreen
from workbench.tui.screens import dialogs
from workbench.tui.screens.activity import Activity
from workbench.tui.widgets.folding import Folding
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store import Store, StoreError

IMPORT_LANE = "import"
"""Bringing in a large thing must not hold up reading the lists."""


class Record(Protocol):
    """What every record of the catalog has."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Record)


class CatalogScreen(WorkbenchScreen, Generic[T]):
    """A list of one noun's records beside everything about the selected one."""

    noun: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    empty: ClassVar[str] = ""
    source_label: ClassVar[str] = ""
    source_help: ClassVar[str] = ""
    SCOPED_CSS = False  # the rules are for the screens that stand on this one
    CSS = """
    CatalogScreen {
        #catalog { height: 1fr; }
        #list { width: 3fr; height: 1fr; }
        #detail { width: 2fr; height: 1fr; }
        &.-narrow #catalog { layout: vertical; }
        &.-narrow #list, &.-narrow #detail { width: 1fr; }
        &.-narrow #list { height: auto; max-height: 50%; }
        &.-empty #detail { display: none; }
        &.-empty #list { height: 1fr; max-height: 100%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[str, T] = {}

    def read(self, store: Store) -> Sequence[T]:
        """The records, off the loop."""
        raise NotImplementedError

    def rows(self, records: Sequence[T]) -> list[Row]:
        """The list."""
        raise NotImplementedError

    def describe(self, store: Store, record: T) -> Content:
        """Everything about one record, off the loop."""
        raise NotImplementedError

    def bring_in(self, store: Store, source: str, progress: Callable[[str], None]) -> T:
        """Add what the user has named, off the loop."""
        raise NotImplementedError

    def take_out(self, store: Store, name: str) -> None:
        """Remove a record, off the loop."""
        raise NotImplementedError

    def left_out(self, store: Store) -> StoreError | None:
        """What is in the catalog and in no list, off the loop."""
        found: StoreError | None = getattr(store, f"{self.noun}s").left_out()
        return found

    def compose_body(self) -> Iterable[Widget]:
        """List and detail, and what is being brought in."""
        yield Activity()
        with Horizontal(id="catalog"):
            yield self.make_table()
            with VerticalScroll(id="detail", classes="pane") as pane:
                pane.border_title = self.noun
                yield Folding(id="about")

    def make_table(self) -> LiveTable:
        """The list's widget."""
        return LiveTable(self.columns, title=f"{self.noun}s", empty=self.empty, id="list", classes="pane")

    def on_mount(self) -> None:
        """Tell once of rows that are no records, and let the clock go."""
        self.ask(self.left_out, self.tell_left_out)
        self.while_shown(AGES_SECONDS, self.show_ages)

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was shown."""
        self._refresh()

    @property
    def selected(self) -> T | None:
        """The record under the cursor."""
        # The footer may be drawn, and ask, before the list is there.
        table = next(iter(self.query("#list").results(LiveTable)), None)
        return self._records.get(table.cursor_key or "") if table is not None else None

    def show_ages(self) -> None:
        """Show how long ago the records were made; a failure to read one was told when it was chosen."""
        if self.selected is not None:
            self._describe(self.selected, lambda _: None)

    @on(CatalogChanged)
    def _catalog_changed(self, message: CatalogChanged) -> None:
        if self.is_current and f"{self.noun}s" in message.nouns:
            self._refresh()

    @on(LiveTable.Highlighted, "#list")
    def _highlighted(self) -> None:
        self.when_at_rest(self.show_record)
        self.refresh_chrome()

    def action_add(self) -> None:
        """Ask what to bring in, and bring it in."""
        dialogs.ask_text(
            self.app, f"add to the {self.noun}s", self.source_label, self.source_help, self._bring_in
        )

    def action_remove(self) -> None:
        """Remove the selected record."""
        record = self.selected
        if record is None:
            return
        name = record.name
        lost = f"The {self.noun} {name} and its files in the store are deleted for good."
        dialogs.remove(self, name, lost, lambda store: self.take_out(store, name), self._refresh)

    def show_record(self) -> None:
        """Show everything about the record under the cursor."""
        record = self.selected
        self.refresh_chrome()
        if record is not None:
            self._describe(record)

    def _bring_in(self, source: str) -> None:
        def done(record: T) -> None:
            self.workbench.say(f"{record.name} is added")
            self._refresh(record.name)

        self.query_one(Activity).follow(
            IMPORT_LANE, f"adding {source}", lambda store, tell: self.bring_in(store, source, tell), done
        )

    def _refresh(self, show: str | None = None) -> None:
        self.ask(self.read, lambda records: self._listed(records, show))

    def _listed(self, records: Sequence[T], show: str | None) -> None:
        if not self.query("#list"):
            return  # closed meanwhile
        known, self._records = self._records, {record.name: record for record in records}
        self.set_class(not records, "-empty")
        table = self.query_one("#list", LiveTable)
        table.set_rows(self.rows(records))
        if show is not None:
            table.move_to(show)
        # A run commits several times a second; only what differs is worth drawing again.
        if known != self._records:
            self.show_record()

    def _describe(self, record: T, failed: Callable[[StoreError], None] | None = None) -> None:
        self.ask(lambda store: (record.name, self.describe(store, record)), self._described, failed=failed)

    def _described(self, answer: tuple[str, Content]) -> None:
        name, about = answer
        if self.selected is not None and self.selected.name == name:
            self.query_one("#about", Folding).tell(about)
