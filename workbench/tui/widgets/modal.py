"""Small dialogs: confirm, ask for a line, choose one of several, tell something. Escape leaves each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from workbench.tui import actions
from workbench.tui.clean import safe
from workbench.tui.sentences import keyed
from workbench.tui.widgets.fields import Field
from workbench.tui.widgets.fitted import Modal
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.paged_table import PagedTable

T = TypeVar("T")
TEXT_LIMIT = 4000
CLOSE_FOOT = "{key:dialog.leave} close"
LIST_FOOT = f"{{key:table.cursor_down}} {{key:table.cursor_up}} move  {{key:app.copy}} copy  {CLOSE_FOOT}"


class OneField(Modal[T]):
    """A dialog around one field, which gets also the keys of a burst that came before it could take them."""

    def __init__(self) -> None:
        super().__init__()
        self._early: list[events.Key] = []

    async def on_mount(self) -> None:
        """Take the keys that came while the field was being made."""
        for event in self._early:
            await self.take_key(event)

    async def take_key(self, event: events.Key) -> None:
        """Take a key that went past the field."""
        field = next(iter(self.query(Input)), None)
        if field is None:
            self._early.append(event)
        elif event.key == "enter":
            # A field with the focus has a binding for it.
            if not field.has_focus:
                event.prevent_default()
                await field.action_submit()
        elif event.is_printable and event.character is not None:
            field.insert_text_at_cursor(event.character)


class Dialog(Modal[T]):
    """A titled box in the middle of the screen."""

    scope: ClassVar[str] = "dialog"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("dialog")

    def __init__(self, title: str, foot: str) -> None:
        super().__init__()
        self._box = Vertical(classes="dialog")
        self._box.border_title = safe(title)
        self._foot = foot

    def compose(self) -> ComposeResult:
        """The box around the dialog's own widgets."""
        self._box.border_subtitle = safe(keyed(self, self._foot))
        with self._box:
            yield from self.compose_body()
        yield Container(id="jump")

    def compose_body(self) -> ComposeResult:
        """What stands in the box."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    async def action_jump(self) -> None:
        """Put a letter on every field and list."""
        await self.app.run_action("app.jump")


class Confirm(Dialog[bool]):
    """A question that is answered with yes or no; only for what cannot be undone."""

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("confirm")

    def __init__(self, title: str, message: str, yes: str = "yes", no: str = "no") -> None:
        super().__init__(title, f"{{key:confirm.yes}} {yes}  {{key:confirm.leave}} {no}")
        self._message = message

    def compose_body(self) -> ComposeResult:
        """The question."""
        yield Static(safe(keyed(self, self._message)))

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_leave(self) -> None:
        """Answer no."""
        self.dismiss(False)


class Prompt(Dialog[str | None], OneField[str | None]):
    """Asks for one line of text.

    Args:
        title: Stands in the border.
        label: What is asked for.
        value: What stands in the field at first.
        check: Tells what is wrong with a text, None when nothing is.
        help: A line under the field.
    """

    def __init__(
        self,
        title: str,
        label: str,
        value: str = "",
        check: Callable[[str], str | None] | None = None,
        help: str = "",
    ) -> None:
        super().__init__(title, "enter accept  {key:dialog.leave} leave")
        self._label = label
        self._value = value
        self._check = check
        self._help = help

    def compose_body(self) -> ComposeResult:
        """Label, field, help."""
        yield Static(safe(self._label), classes="dialog-label")
        yield Field(self._value, max_length=TEXT_LIMIT, select_on_focus=False)
        yield Static(safe(self._help, "$muted"), id="dialog-help")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        problem = self._check(event.value) if self._check is not None else None
        if problem is None:
            self.dismiss(event.value)
        else:
            self.query_one("#dialog-help", Static).update(safe(problem, "$error"))


class _Options(PagedTable):
    """What can be chosen: labels by key, of which those are drawn that are seen."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__([Column("label", "")], lambda key: [labels[key]], empty="nothing to choose from")
        self.labels = labels

    def words(self, key: str) -> str:
        """What a filter looks into."""
        return self.labels[key]


class Choose(Dialog[str | None]):
    """Asks for one of several; the list can be filtered.

    Args:
        title: Stands in the border.
        options: What can be chosen, each `(key, label)`, however many there are.
        help: A line over the list.
        at: The key that the cursor begins on; the first where it is none of them, or none is given.
    """

    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("choose")

    def __init__(
        self, title: str, options: Sequence[tuple[str, str]], help: str = "", *, at: str | None = None
    ) -> None:
        super().__init__(
            title, "{key:table.select} choose  {key:choose.filter} filter  {key:dialog.leave} leave"
        )
        self._table = _Options(dict(options))
        self._help = help
        self._at = at

    def compose_body(self) -> ComposeResult:
        """Help and list."""
        if self._help:
            yield Static(safe(self._help, "$muted"), classes="dialog-label")
        yield self._table

    def on_mount(self) -> None:
        """Fill the list."""
        labels = self._table.labels
        self._table.styles.height = min(len(labels) + 1, 14)
        self._table.set_keys([*labels])
        if self._at is not None:
            self._table.move_to(self._at)

    @property
    def filter_text(self) -> str:
        """What the list is filtered by now."""
        return self._table.filter_text

    def apply_filter(self, text: str) -> None:
        """Show only the options that a regular expression finds."""
        self._table.filter_text = text

    def filter_undo(self) -> Callable[[], None]:
        """What brings back the options that are shown now, and the cursor to where it is."""
        text, key = self.filter_text, self._table.cursor_key

        def undo() -> None:
            self.apply_filter(text)
            self._table.move_to(key or "")

        return undo

    async def action_filter(self) -> None:
        """Open the `/` line over the list."""
        await self.app.run_action("app.filter")

    @on(LiveTable.Selected)
    def _chosen(self, message: LiveTable.Selected) -> None:
        self.dismiss(message.key)


class Notice(Dialog[None]):
    """Tells something that must be read."""

    def __init__(self, title: str, text: str | Content) -> None:
        super().__init__(title, CLOSE_FOOT)
        self._text = text

    def compose_body(self) -> ComposeResult:
        """The text, which may be longer than the screen."""
        with VerticalScroll():
            yield Static(safe(self._text, limit=20_000) if isinstance(self._text, str) else self._text)
