"""Going to rows by name or by mark, and marking them: what the app does for the `:` line and for letters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from store.errors import NotFound
from workbench.tui import keyboard, letters
from workbench.tui.actions import LISTED
from workbench.tui.keyboard import Place

if TYPE_CHECKING:
    from store import Store
    from workbench.tui.screen import Workbench


def mark(app: App[Any], place: Place) -> None:
    """Ask for a letter, and let it mark a place."""
    workbench = cast("Workbench", app)

    def chosen(letter: str | None) -> None:
        if letter is not None:
            told = f"{letter} marks {letters.told(place)}"
            workbench.ask(
                keyboard.LANE,
                lambda store: keyboard.keep_mark(store.root, letter, place),
                lambda _: workbench.say(told),
            )

    app.push_screen(letters.LetterLine(f"a letter that marks {letters.told(place)}"), chosen)


def go_to_mark(app: App[Any]) -> None:
    """Ask for a letter, and go to the place that it marks."""
    workbench = cast("Workbench", app)

    def chosen(letter: str | None) -> None:
        if letter is not None:
            workbench.ask(keyboard.LANE, partial(_marked, letter), workbench.go_to)

    app.push_screen(letters.LetterLine("the letter of the place to go to"), chosen)


def _marked(letter: str, store: Store) -> Place:
    """The place that a letter marks.

    Raises:
        NotFound: The letter marks none, or what stood there is gone.
    """
    marks = keyboard.read(store.root).marks
    if letter not in marks:
        known = f"marked are {', '.join(sorted(marks))}" if marks else "mark this one first"
        raise NotFound(f"no place is marked with {letter!r}", known)
    place = marks[letter]
    if place.mode in LISTED and place.key:
        key_of(LISTED[place.mode], place.key, store)
    return place


def key_of(noun: str, name: str, store: Store) -> str:
    """The key of a named thing in the list of its kind; a run may be named by its id or its name.

    Raises:
        NotFound: There is none; the nearest is named.
    """
    if noun == "run":
        return store.runs.get(name).id
    found: str = getattr(store, f"{noun}s").get(name).name
    return found
