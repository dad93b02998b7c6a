"""The frame that the eight screens share: header, body, footer, and the way to the app's services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from workbench.tui import actions
from workbench.tui.keyboard import Place
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.chrome import Footer, Header
from workbench.tui.widgets.fields import takes_text
from workbench.tui.widgets.fitted import FittedScreen
from workbench.tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from store.runs import Run
    from workbench.tui.alerts import AlertsRaised
    from workbench.tui.inbox import InboxState
    from workbench.tui.live import RunsChanged
    from workbench.tui.run_book import RunBook

T = TypeVar("T")
REST_SECONDS = 0.15
"""Longer than between two keys of one that is held down."""
AGES_SECONDS = 10.0
"""How often what is shown learns how long ago it was made."""
TOO_SMALL = Content("This window is too small: 40 by 10 cells at least, 80 by 24 are comfortable.")


class Workbench(Protocol):
    """What a screen may ask of the app."""

    root: Path
    demo: bool
    ascii: bool
    book: RunBook
    inbox: InboxState
    alert_counts: Mapping[str, int]
    trash_days: int

    def saved(self, scope: str) -> Saved: ...
    def ask(
        self,
        lane: str,
        work: Callable[[Store], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[StoreError], None] | None = None,
    ) -> None: ...
    def say(self, text: str, severity: str = "information", title: str = "") -> None: ...
    def tell(self, error: StoreError) -> None: ...
    def copy(self, text: str, what: str = "") -> None: ...
    async def action_perform(self, scope: str, name: str) -> None: ...
    def go(self, mode: str) -> None: ...
    def go_to(self, place: Place) -> None: ...
    def compare_with(self, model: str, adapters: Sequence[str | None]) -> None: ...
    def compose_for(self, dataset: str) -> None: ...
    def inspect(self, group: str, row: int = 0) -> None: ...


class WorkbenchScreen(FittedScreen[None]):
    """A screen of the workbench; its keys are the rows of its scope in the action table."""

    scope: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = []
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (40, "-narrow"), (100, "-normal"), (150, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (10, "-short"), (30, "-medium"), (45, "-tall")]

    _resting: Timer | None = None
    _typing = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BINDINGS = [*cls.__dict__.get("BINDINGS", []), *_own_bindings(cls.scope)]
        super().__init_subclass__(**kwargs)

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        yield Header(self.scope)
        with Container(id="body"):
            yield from self.compose_body()
        yield Static(TOO_SMALL, id="too-small")
        yield Container(id="jump")
        yield Footer()

    def compose_body(self) -> Iterable[Any]:
        """The widgets between header and footer."""
        raise NotImplementedError

    @property
    def selected(self) -> object | None:
        """The record that this screen's actions act on; None when there is none."""
        return None

    def why_not(self, name: str) -> str | None:  # noqa: ARG002 (for subclasses)
        """Why the action of this name cannot be done now; None when it can."""
        return None

    def copy_text(self) -> str | None:
        """What the copy action copies when the widget in focus offers nothing."""
        return None

    def leave(self) -> None:
        """What escape does when nothing nearer can be left: show all rows again."""
        self.apply_filter("")

    @property
    def place(self) -> Place:
        """Where the cursor is, to come back to by `go_to`."""
        table = next(iter(self.query(LiveTable)), None)
        return Place(self.scope, (table.cursor_key or "") if table is not None else "")

    def go_to(self, key: str, row: int | None = None) -> None:  # noqa: ARG002 (for subclasses)
        """Put the cursor of the list on a row, as soon as there is one; `row` is one of what stands below."""
        table = next(iter(self.query(LiveTable)), None)
        if table is not None and key:
            if table.filter_text and key not in table.keys:
                table.filter_by("", None)
            table.want(key)
            table.focus()

    def is_at(self, key: str) -> bool:
        """Whether the cursor of the list is on a row."""
        table = next(iter(self.query(LiveTable)), None)
        return table is not None and table.cursor_key == key

    @property
    def filter_text(self) -> str:
        """What the list is filtered by now."""
        table = self._filter_target
        return table.filter_text if table is not None else ""

    def apply_filter(self, text: str) -> None:
        """Show only the rows that a regular expression finds, in the list in focus, else in the first one."""
        table = self._filter_target
        if table is not None and table.filter_text != text:
            table.filter_text = text

    def filter_undo(self) -> Callable[[], None]:
        """What brings back the rows that are shown now, and the cursor to where it is."""
        table, text = self._filter_target, self.filter_text
        key = table.cursor_key if table is not None else None

        def undo() -> None:
            self.apply_filter(text)
            if table is not None and key is not None:
                table.move_to(key)

        return undo

    @property
    def _filter_target(self) -> LiveTable | None:
        return (
            self.focused if isinstance(self.focused, LiveTable) else next(iter(self.query(LiveTable)), None)
        )

    def on_mount(self) -> None:
        """Count the runs at work in the header, and go back to what was shown when the screens were left."""
        self._count(self.workbench.book.live)
        if saved := self.workbench.saved(self.scope):
            self.recall(saved)

    def remember(self) -> dict[str, Any]:
        """What to come back to in another session: values that JSON has."""
        focused = self.focused.id if self.focused is not None else None
        return {
            "tables": {table.id: table.remembered for table in self.query(LiveTable) if table.id},
            "zoomed": self.maximized.id or "" if self.maximized is not None else "",
            "focused": focused or "",
        }

    def recall(self, saved: Saved) -> None:
        """Come back to what `remember` said; what is gone meanwhile is passed over."""
        tables = chosen(saved, "tables", dict, {})
        for table in self.query(LiveTable):
            kept = tables.get(table.id)
            if isinstance(kept, dict):
                table.recall(kept)
        zoomed = self._of_id(chosen(saved, "zoomed", str, ""))
        if zoomed is not None:
            self.call_after_refresh(self._zoom, zoomed, self._of_id(chosen(saved, "focused", str, "")))

    def _of_id(self, id: str) -> Widget | None:
        return next((each for each in self.query("*") if id and each.id == id), None)

    def _zoom(self, pane: Widget, focused: Widget | None) -> None:
        if pane.is_attached and pane.display and pane.allow_maximize:
            self.set_focus(focused)
            self.maximize(pane)

    def _compositor_refresh(self) -> None:
        super()._compositor_refresh()
        if self.app.screen is not self:
            # Textual would paint all of a screen under a dialog again at each message that it gets, for ever.
            self._repaint_required = False

    def forget_lines(self) -> None:
        """Forget what was drawn, which in a large window is megabytes; it is drawn anew when it is shown."""
        for widget in self.walk_children(Widget):
            widget._styles_cache.clear()

    def on_descendant_focus(self) -> None:
        """Show which keys are typed into a text now, and which do what they say."""
        self._note_typing()

    def on_descendant_blur(self) -> None:
        """The same when nothing has the focus."""
        self._note_typing()

    def _note_typing(self) -> None:
        typing = takes_text(self.focused)
        if typing != self._typing:  # the footer is drawn anew for nothing else: it takes as long as a key may
            self._typing = typing
            self.refresh_chrome()

    def on_runs_changed(self, _message: RunsChanged) -> None:
        """Count the runs at work in the header."""
        self._count(self.workbench.book.live)

    def on_alerts_raised(self, _message: AlertsRaised) -> None:
        """Count the alerts of the runs at work in the header."""
        self._count(self.workbench.book.live)

    def _count(self, live: Sequence[Run]) -> None:
        counts = self.workbench.alert_counts
        self.query_one(Header).show_live(len(live), sum(counts.get(run.id, 0) for run in live))

    @property
    def workbench(self) -> Workbench:
        """The app, by what screens may ask of it."""
        return cast("Workbench", self.app)

    def ask(
        self,
        work: Callable[[Store], T],
        then: Callable[[T], None] | None = None,
        *,
        lane: str = "store",
        failed: Callable[[StoreError], None] | None = None,
    ) -> None:
        """Run work on the store off the loop; see `WorkbenchApp.ask`."""
        self.workbench.ask(lane, work, then, failed)

    def tell_left_out(self, error: StoreError | None) -> None:
        """Tell of rows of the catalog that no list shows, where there are any."""
        if error is not None:
            self.workbench.say(error.remedy, "warning", error.what)

    def when_at_rest(self, show: Callable[[], object]) -> None:
        """Show what a cursor has come to once it rests: most of it is passed by."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_SECONDS, show)

    def while_shown(self, seconds: float, show: Callable[[], object]) -> None:
        """Show what time changes, again and again, but not under another screen or a dialog."""
        self.set_interval(seconds, lambda: show() if self.is_active else None)

    def refresh_chrome(self) -> None:
        """Say that what can be done has changed; the footer is drawn again only where it differs."""
        for footer in self.query(Footer):
            footer.update_actions()


def _own_bindings(scope: str) -> list[BindingType]:
    return actions.bindings(scope) if scope else []
