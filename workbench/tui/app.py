"""The app: eight screens over one store, the lanes that work for them, and the door for every error."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.messages import TerminalSupportsSynchronizedOutput
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widget import Widget

from store.errors import StoreError, Unavailable
from workbench.tui import actions, commanding, drafts, letters, log, narrow, overlays, places
from workbench.tui import theme as themes
from workbench.tui.actions import MODES, Action
from workbench.tui.alerts import AlertsRaised
from workbench.tui.clean import Filters, clean, line_filters, link_to, visible
from workbench.tui.garbage import LOOK_SECONDS as SWEEPER_LOOKS_SECONDS
from workbench.tui.garbage import Sweeper
from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.hangup import EXIT_CODE
from workbench.tui.inbox import InboxChanged, InboxState, InboxWatch
from workbench.tui.key_line import KeyDone, KeyLine
from workbench.tui.keyboard import Place
from workbench.tui.lanes import Answer, Lanes
from workbench.tui.live import CatalogChanged, LiveReader, MetricPoints, RunsChanged, Telemetry
from workbench.tui.modes import OPENERS
from workbench.tui.notices import Notices, newly_ended, trouble
from workbench.tui.remembering import LOOK_SECONDS, Memory
from workbench.tui.run_book import RunBook
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.state import Saved, State
from workbench.tui.styles import KeptStyles
from workbench.tui.widgets.fields import takes_text
from workbench.tui.widgets.modal import Choose, Dialog, OneField

if TYPE_CHECKING:
    from store import Store
    from store.trash import Trashed

T = TypeVar("T")
Passed = RunsChanged | MetricPoints | CatalogChanged | Telemetry | InboxChanged | AlertsRaised
COPY_LIMIT = 100_000
TURN_SECONDS = 0.01
"""What is drawn waits so long when one screen takes the place of another; Textual's own pause is felt."""


class WorkbenchApp(App[None]):
    """The workbench on one store.

    Args:
        root: The store's folder.
        demo: Show the sentences that lead a newcomer through the screens.
        ascii: Draw with ASCII alone.
        sync: Bracket frames for terminals that then show each one whole.
        keys: The keys of actions that the user has chosen, by the actions' ids.
        theme: One of `theme.THEME_NAMES`.
        memory: What was shown before, and keeps what is shown; None where each session begins anew.
        trash_days: For how long what is removed can be taken back.
        links: Send paths of the store as links.
        sweeper: Collects garbage; None where the process has others to do it for.
    """

    TITLE = "workbench"
    CSS_PATH = Path(__file__).with_name("workbench.tcss")
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("app")
    COMMANDS: ClassVar[Any] = {overlays.ActionProvider}
    MODES: ClassVar[Any] = OPENERS
    DEFAULT_MODE = "runs"

    def __init__(
        self,
        root: Path,
        *,
        demo: bool = False,
        ascii: bool = False,
        sync: bool = True,
        keys: Mapping[str, str] | None = None,
        theme: str = "night",
        memory: Memory | None = None,
        trash_days: int = 7,
        links: bool = False,
        sweeper: Sweeper | None = None,
    ) -> None:
        if memory is not None and memory.mode in MODES:
            self.DEFAULT_MODE = memory.mode  # type: ignore[misc]  # Textual reads it just now
        super().__init__()
        self.actions = actions.with_keys(keys or {})
        self.set_keymap(dict(keys or {}))
        self._memory = memory
        self._written = memory.state if memory is not None else None
        # Before the styles are read for the first time: a later change of theme reads them again.
        self._draw_in(memory.theme if memory is not None else theme)
        self.stylesheet = KeptStyles(variables=self.get_css_variables())
        self.root = root
        self.demo = demo
        self.ascii = ascii
        self.sync = sync
        self._links = f"{link_to(root)}/" if links else ""
        self._textuals_filters: Sequence[LineFilter] = ()
        self._line_filter = Filters(())
        self.trash_days = trash_days
        self.glyphs = ASCII if ascii else UNICODE
        self.book = RunBook()
        self.inbox = InboxState()
        self.alert_counts: Mapping[str, int] = {}
        self._jump: letters.Jump | None = None
        self._notices = Notices(self._write_to_terminal, Path.cwd())
        self._key_line = KeyLine(self, self._send_key)
        self._sweeper = sweeper
        self._lanes = Lanes(root, self.post_message)
        self._live = LiveReader(root, self.post_message, self._tell_from_thread)
        self._inbox_watch = InboxWatch(root, self.post_message)
        self._loop_of_app: asyncio.AbstractEventLoop | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own names of colours, for themes that do not know them."""
        return dict(themes.NIGHT.variables)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, then ours: nothing passes them to the terminal."""
        textuals = super().get_line_filters()
        if self._textuals_filters != textuals:  # by another theme
            self._textuals_filters = textuals
            ours = line_filters(ascii=self.ascii, colourless=self.no_color, links=self._links)
            self._line_filter = Filters([*textuals, *ours])
        return [self._line_filter]

    def delay_update(self, delay: float = TURN_SECONDS) -> None:
        """Draw nothing for a moment, in which one screen takes the place of another."""
        super().delay_update(delay)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, narrow.narrowed(renderable))

    def on_terminal_supports_synchronized_output(self, message: TerminalSupportsSynchronizedOutput) -> None:
        """Let Textual not hear of it where it is not wanted."""
        if not self.sync:
            message.prevent_default()

    def on_mount(self) -> None:
        """Begin to read the store, and see that runs which need a dispatcher have one."""
        self._loop_of_app = asyncio.get_running_loop()
        self._live.start()
        self._inbox_watch.start()
        self.ask("queue", _attend_to_queue)
        self.ask("trash", lambda store: store.trash.expire(self.trash_days))
        if self._memory is not None:
            self.set_interval(LOOK_SECONDS, self._remember)
            if self._memory.told:
                self.say(self._memory.told, "warning")
        if self._sweeper is not None:
            self._sweeper.opened(self.current_mode)
            self.set_interval(SWEEPER_LOOKS_SECONDS, partial(self._sweep, self._sweeper))

    def _sweep(self, sweeper: Sweeper) -> None:
        sweeper.look(self._key_line.quiet_seconds)

    def on_unmount(self) -> None:
        """Let the threads end."""
        self._loop_of_app = None
        self._inbox_watch.stop()
        self._live.stop()
        self._lanes.close(drafts.LANE)

    def leave(self) -> None:
        """Exit, asked from a signal handler or another thread."""
        if self._loop_of_app is not None:
            self._loop_of_app.call_soon_threadsafe(lambda: self.exit(return_code=EXIT_CODE))

    # What is shown, for the next session

    def saved(self, scope: str) -> Saved:
        """What a screen kept in an earlier session."""
        return self._memory.of(scope) if self._memory is not None else {}

    def _remember(self) -> None:
        state = self._seen()
        if self._memory is not None and state is not None and state != self._written:
            memory, self._written = self._memory, state
            self.ask("screens", lambda _: memory.write(state))

    def _seen(self) -> State | None:
        if self._memory is not None:
            self._memory.see(self.current_mode, (each for each in self._open_screens() if each.is_mounted))
        return self._memory.state if self._memory is not None else None

    # Work off the loop

    def ask(
        self,
        lane: str,
        work: Callable[[Store], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[StoreError], None] | None = None,
    ) -> None:
        """Run work on the store on a lane's thread.

        Args:
            lane: Names the thread; what is asked of one lane is done in order.
            work: Takes the lane's own store and returns a value.
            then: Takes the value, on the loop.
            failed: Takes an error of the user's kind, on the loop; left out, a toast tells it.
        """
        self._lanes.ask(lane, work, then, failed)

    def on_answer(self, answer: Answer) -> None:
        """Hand on what a lane has done, unless the screens are being taken down."""
        if not self.is_running:
            return
        if answer.error is None:
            if answer.then is not None and not _is_gone(answer.then):
                answer.then(answer.value)
        elif answer.failed is not None:
            if not _is_gone(answer.failed):
                answer.failed(self._known(answer.error))
        else:
            self.tell(answer.error)

    # What is new in the store

    def on_runs_changed(self, message: RunsChanged) -> None:
        """Keep the runs for screens that open later, and tell those that are open."""
        ended = newly_ended(self.book.live, message.news.runs)
        self.book.take(message.news)
        self._pass_on(message)
        self.call_later(self._live.heard)
        self._notices.ends(ended)
        for run in ended:
            if getattr(self.screen, "scope", "") != "runs":
                self.say(f"{run.id} {run.name} is {run.status}")

    def on_alerts_raised(self, message: AlertsRaised) -> None:
        """Tell the screens, and the person."""
        self.alert_counts = message.counts
        self._pass_on(message)
        told = (self.book.runs.get(alert.run) for alert in message.alerts)
        names = {run.id: run.name for run in told if run is not None}
        self._notices.alerts(message.alerts, names)
        for alert in message.alerts:
            title = f"{alert.run} {names.get(alert.run, alert.run)}: {trouble(alert.kind)}"
            self.say(alert.message, "warning", title=title)

    def _write_to_terminal(self, text: str) -> None:
        # As Textual's own bell does it.
        if not self.is_headless and self._driver is not None:
            self._driver.write(text)

    def on_metric_points(self, message: MetricPoints) -> None:
        """Tell the screens; the reader goes on when they have been told."""
        self._pass_on(message)
        self.call_later(self._live.taken)

    def on_catalog_changed(self, message: CatalogChanged) -> None:
        """Tell the screens."""
        self._pass_on(message)

    def on_telemetry(self, message: Telemetry) -> None:
        """Tell the screens."""
        self._pass_on(message)

    def on_inbox_changed(self, message: InboxChanged) -> None:
        """Keep what became of the inbox for screens that open later, and tell those that are open."""
        self.inbox = message.state
        self._pass_on(message)

    def _pass_on(self, message: Passed) -> None:
        for screen in self._open_screens():
            screen.post_message(replace(message))

    def _open_screens(self) -> Iterator[WorkbenchScreen]:
        for mode in MODES:
            try:
                stack = self.get_screen_stack(mode)
            except KeyError:
                continue
            yield from (screen for screen in stack if isinstance(screen, WorkbenchScreen))

    # Telling

    def say(self, text: str, severity: SeverityLevel = "information", title: str = "") -> None:
        """Show a toast; the text may be from outside, so that no marker for a key in it is filled."""
        self.notify(visible(text), title=clean(title), severity=severity, markup=False)

    def tell(self, error: Exception) -> None:
        """Show what is wrong and what to do; a defect of ours is logged, and the toast says where."""
        known = self._known(error)
        title = clean(known.what, 200)
        self.notify(visible(known.remedy), title=title, severity="error", timeout=10, markup=False)

    def _known(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        where = self._log_defect(error)
        return Unavailable("this should not happen", f"{type(error).__name__}; the details are in {where}")

    def _tell_from_thread(self, error: Exception) -> None:
        self.call_later(self.tell, error)

    def _log_defect(self, error: BaseException) -> Path:
        return log.note(self.root, traceback.format_exception(error))

    def _fatal_error(self) -> None:
        # Textual would print the traceback with all local variables, which may hold a user's secrets.
        error = self._exception
        where = self._log_defect(error) if error is not None else self.root / log.FILE
        kind = type(error).__name__ if error is not None else "error"
        self.panic(Text(f"The screens ended by a defect ({kind}); runs go on. The details are in {where}"))

    async def on_key(self, event: events.Key) -> None:
        """Hand a key that nothing took to the dialog that was opened by a key just before it."""
        if isinstance(self.screen, OneField):
            await self.screen.take_key(event)

    # Actions

    async def action_perform(self, scope: str, name: str) -> None:
        """Do a row of the action table, or say why it cannot be done now."""
        action = actions.find(scope, name)
        why = actions.reason(action, self.screen)
        if why is not None:
            self.notify(clean(f"{action.label}: {why}"), severity="warning", timeout=4, markup=False)
            return
        await self.run_action(action.call or action.name, default_namespace=self._node(action))

    def _node(self, action: Action) -> DOMNode:
        if action.scope == "app":
            return self
        if action.scope == getattr(self.screen, "scope", ""):
            return self.screen
        return self.focused or self.screen

    def action_go(self, mode: str) -> None:
        """Show one of the eight screens."""
        self.go(mode)

    def go(self, mode: str) -> None:
        """Show one of the eight screens."""
        if mode != self.current_mode:
            self.switch_mode(mode)
            if self._sweeper is not None:
                self._sweeper.opened(mode)

    def compare_with(self, model: str, adapters: Sequence[str | None]) -> None:
        """Show a model and adapters side by side."""
        self.go("compare")
        self.call_later(lambda: cast("Any", self.screen).open_pair(model, adapters))

    def compose_for(self, dataset: str) -> None:
        """Show a dataset's rows on Compose, and offer templates for them."""
        self.go("compose")
        self.call_later(lambda: cast("Any", self.screen).compose_for(dataset))

    def inspect(self, group: str, row: int = 0) -> None:
        """Show one row of an evaluation token by token."""
        self.go("inspect")
        self.call_later(lambda: cast("Any", self.screen).open_row(group, row))

    def action_undo(self) -> None:
        """Take back what was removed last, in this session or another."""

        def back(taken: Trashed) -> None:
            self.say(f"the {taken.title} {'is' if taken.count == 1 else 'are'} back")

        self.ask("trash", lambda store: store.trash.restore(), back)

    def action_theme(self, name: str) -> None:
        """Draw in the colours of a theme, from now on."""
        self._draw_in(name)
        if self._memory is not None:
            self._memory.choose_theme(name)

    def _draw_in(self, name: str) -> None:
        made = themes.theme(name, sixteen=self.console.color_system == "standard")
        self.register_theme(made)
        self.theme = made.name

    def action_help(self) -> None:
        """Show the keys that work here."""
        self.push_screen(overlays.HelpOverlay(overlays.groups(self.screen), self.screen))

    def action_command(self) -> None:
        """Open the `:` line."""
        commanding.ask(self)

    def action_command_palette(self) -> None:
        """Open the palette of all actions."""
        if not isinstance(self.screen, overlays.Palette):
            self.push_screen(overlays.Palette())

    def action_jump(self) -> None:
        """Put a letter on every widget that takes keys, and go to the one whose letter is typed."""
        if isinstance(self.screen, WorkbenchScreen | Dialog):
            self._jump = letters.Jump(self.screen)

    def _take_jump(self, key: str) -> bool:
        """Hand a key to the letters that are shown; False where none are."""
        jump, self._jump = self._jump, None
        if jump is not None:
            jump.take(key)
        return jump is not None

    def on_resize(self) -> None:
        """Forget what was drawn for another size; letters would stand elsewhere now."""
        self._take_jump("")
        for screen in self._open_screens():
            if not screen.is_current:
                screen.forget_lines()

    async def on_event(self, event: events.Event) -> None:
        """Let a key wait until what the one before it does is done."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._key_line.add(event)
        else:
            await super().on_event(event)

    async def _send_key(self, key: events.Key | events.Paste) -> None:
        # Letters on the panes have the next key before all others.
        if isinstance(key, events.Paste) or not self._take_jump(key.key):
            await super().on_event(key)

    async def on_key_done(self, message: KeyDone) -> None:
        """Send the next key on its way."""
        await self._key_line.done(message.number)

    def action_mark_place(self) -> None:
        """Let a letter mark the place that is shown."""
        if isinstance(self.screen, WorkbenchScreen):
            places.mark(self, self.screen.place)

    def action_go_to_mark(self) -> None:
        """Go to the place that a letter marks."""
        places.go_to_mark(self)

    def go_to(self, place: Place) -> None:
        """Show a screen, its cursor on a row."""

        def arrive() -> None:
            if isinstance(self.screen, WorkbenchScreen):
                self.screen.go_to(place.key, place.row)

        self.go(place.mode)
        self.call_later(arrive)

    def action_filter(self) -> None:
        """Open the `/` line over the list of this screen."""
        screen = self.screen
        if isinstance(screen, WorkbenchScreen | Choose):
            restore = screen.filter_undo()
            self.push_screen(overlays.FilterLine(screen.apply_filter, restore, screen.filter_text))

    def action_zoom(self) -> None:
        """Give the pane in focus the whole screen, or give it back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            self.screen.maximize(_pane(self.focused))

    def action_copy(self) -> None:
        """Copy what has focus, else what the screen offers."""
        for node in (self.focused, self.screen):
            # What is shown of a long text is not all of it: the widget has the rest read first.
            request_copy: Callable[[], None] | None = getattr(node, "request_copy", None)
            if request_copy is not None:
                request_copy()
                return
            copy_text: Callable[[], str | None] | None = getattr(node, "copy_text", None)
            text = copy_text() if copy_text is not None else None
            if text:
                self.copy(text)
                return
        self.say("there is nothing to copy here", "warning")

    def copy(self, text: str, what: str = "") -> None:
        """Send a text, which may be from outside, to the terminal's clipboard; `what` names it."""
        self.copy_to_clipboard(visible(text, COPY_LIMIT))
        length = f"{len(text):,} character{'s' if len(text) != 1 else ''}"
        if len(text) > COPY_LIMIT:
            length = f"the first {COPY_LIMIT:,} of {length}"
        self.say(f"{f'{what}, ' if what else ''}{length}: sent to the terminal's clipboard")

    async def action_back(self) -> None:
        """Leave the zoom, the field or the filter, in this order."""
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif takes_text(self.focused):
            if screen.focus_next("LiveTable") is None:
                screen.set_focus(None)
        elif isinstance(screen, WorkbenchScreen):
            screen.leave()

    async def action_quit(self) -> None:
        """Leave; runs go on, and the last line says so."""
        live = sum(run.live or run.status == "queued" for run in self.book.runs.values())
        word = "run goes" if live == 1 else "runs go"
        state = self._seen()
        if self._memory is not None and state is not None and state != self._written:
            self._memory.write(state)  # nothing comes after it
        told = f"{live} {word} on; `workbench --store {clean(str(self.root))}` shows them again"
        self.exit(message=Text(told) if live else None)


def _attend_to_queue(store: Store) -> None:
    # Imported on the lane's thread: the first paint does not wait for templates and tokenizers.
    from workbench.runs import launch

    launch.attend(store)


def _is_gone(callback: Callable[..., Any]) -> bool:
    """Whether a callback belongs to a dialog or widget that was closed meanwhile."""
    owner = getattr(callback, "__self__", None)
    return isinstance(owner, DOMNode) and owner is not owner.app and not owner.is_attached


def _pane(widget: Widget) -> Widget:
    """The pane that a widget stands in: the thing with the border."""
    nodes = (node for node in widget.ancestors_with_self if isinstance(node, Widget))
    return next((node for node in nodes if node.has_class("pane")), widget)
