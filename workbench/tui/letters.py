"""What waits for one letter over a screen: jump mode, and marking places and going back to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from workbench.tui import actions, keyboard
from workbench.tui.clean import clean
from workbench.tui.keyboard import Kept, Place
from workbench.tui.widgets.modal import OneField

if TYPE_CHECKING:
    from workbench.tui.screen import Workbench

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""In the order of the rows under the fingers."""
SHOWN_MARKS = 8


@dataclass(frozen=True)
class Target:
    """What a letter leads to: a widget that takes keys, and the cell where the letter is drawn."""

    letter: str
    widget: Widget
    at: Offset


def targets(screen: Screen[Any]) -> list[Target]:
    """The widgets in sight that take keys, in the order of reading, as many as there are letters."""
    found = []
    for widget in screen.focus_chain:
        try:
            seen = screen.find_widget(widget).visible_region
        except NoWidget:
            continue
        if seen.width > 1 and seen.height:
            # On the border the letter stands before the title; without one it is the first cell.
            found.append((seen.y, seen.x, widget, Offset(seen.x + bool(widget.styles.border_top[0]), seen.y)))
    found.sort(key=lambda entry: entry[:2])
    return [Target(letter, widget, at) for letter, (_, _, widget, at) in zip(LETTERS, found, strict=False)]


class Jump:
    """A letter on every widget that takes keys.

    The letters are laid over the screen one by one, within a widget that is there already: a screen over it,
    or a widget that is new in it, would have all of it written again.

    Args:
        screen: The screen.
    """

    def __init__(self, screen: Screen[Any]) -> None:
        self._targets = targets(screen)
        place = screen.query_one("#jump")
        self._labels = [_label(target, place.region.offset) for target in self._targets]
        place.mount_all(self._labels)

    def take(self, key: str) -> None:
        """Go to the widget whose letter this is, if it is one, and take the letters away."""
        for label in self._labels:
            label.remove()
        for target in self._targets:
            if target.letter == key and target.widget.is_attached:
                target.widget.focus()


def _label(target: Target, origin: Offset) -> Static:
    label = Static(target.letter, classes="jump", markup=False)
    label.styles.offset = target.at - origin
    return label


class OneLetter(OneField[str | None]):
    """Takes the next key: a letter is the answer, any other key leaves."""

    scope: ClassVar[str] = "letter"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("letter")

    async def on_key(self, event: events.Key) -> None:
        """Take a key that came straight here."""
        event.stop()
        await self.take_key(event)

    async def take_key(self, event: events.Key) -> None:
        """Take the key, which may have gone past the screen before; it means nothing else."""
        event.prevent_default()
        if self.is_current:
            is_letter = len(event.key) == 1 and event.key.isascii() and event.key.isalpha()
            self.dismiss(event.key if is_letter else None)

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class LetterLine(OneLetter):
    """A line at the foot that asks for a letter, under the places that letters mark.

    Args:
        question: What the letter is for.
    """

    CSS = """
    LetterLine { background: transparent; }
    LetterLine #marks { height: auto; padding: 0 1; }
    """

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Marks and question."""
        with Vertical(classes="foot"):
            yield Static(self._content(Kept()), id="marks", markup=False)

    async def on_mount(self) -> None:
        """Have the marks read."""
        workbench = cast("Workbench", self.app)
        workbench.ask(keyboard.LANE, lambda store: keyboard.read(store.root), self._take)

    def _take(self, kept: Kept) -> None:
        self.query_one("#marks", Static).update(self._content(kept))

    def _content(self, kept: Kept) -> Content:
        marks = sorted(kept.marks.items())
        lines = [Content.assemble((f"{clean(letter, 1)}  ", "bold"), told(at)) for letter, at in marks]
        more = len(lines) - SHOWN_MARKS
        lines[SHOWN_MARKS:] = [Content.styled(f"and {more} more", "$muted")] if more > 0 else []
        return Content("\n").join([*lines, Content.styled(self._question, "bold $accent")])


def told(place: Place) -> str:
    """A place in words."""
    row = f", row {place.row:,}" if place.row is not None else ""
    return clean(f"{place.mode} {place.key}{row}", 100)
