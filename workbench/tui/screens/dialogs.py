"""The dialogs as screens open them: what follows is called only when the user says yes or enters a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import App

from workbench.tui.sentences import keyed
from workbench.tui.widgets.modal import Choose, Confirm, Prompt

if TYPE_CHECKING:
    from store import Store
    from workbench.tui.screen import WorkbenchScreen


def confirm(
    app: App[Any], title: str, question: str, answers: tuple[str, str], then: Callable[[], None]
) -> None:
    """Ask before what cannot be undone.

    Args:
        app: The app.
        title: What would be done.
        question: What is lost by it.
        answers: The words for yes and no.
        then: Called on yes.
    """

    def answered(yes: bool | None) -> None:
        if yes:
            then()

    app.push_screen(Confirm(title, question, *answers), answered)


def remove(
    screen: WorkbenchScreen,
    what: str,
    lost: str,
    work: Callable[[Store], None],
    then: Callable[[], None],
    *,
    several: bool = False,
) -> None:
    """Put something into the trash at once; ask first where there is no trash to take it back from.

    Args:
        screen: The screen that it is removed from.
        what: What it is called.
        lost: What is lost by it, as a sentence.
        work: Removes it.
        then: Called when it is gone.
        several: It is more than one thing.
    """
    workbench = screen.workbench
    days = workbench.trash_days

    def gone(_: None) -> None:
        then()
        # The rows of a run may be a million: nothing else is to wait until they are deleted.
        workbench.ask("trash", lambda store: store.trash.expire(days))
        if days:
            them, are = ("them", "are") if several else ("it", "is")
            told = f"within {days} days, {{key:app.undo}} takes {them} back"
            workbench.say(keyed(screen, told), title=f"{what} {are} in the trash")

    if days:
        screen.ask(work, gone)
    else:
        confirm(screen.app, f"Remove {what}?", lost, ("remove", "keep"), lambda: screen.ask(work, gone))


def ask_text(app: App[Any], title: str, label: str, help_text: str, then: Callable[[str], None]) -> None:
    """Ask for a line of text, such as a path.

    Args:
        app: The app.
        title: Stands in the border.
        label: What is asked for.
        help_text: A line under the field.
        then: Called with what was entered, without white space around it, unless that is nothing.
    """

    def answered(text: str | None) -> None:
        if text and text.strip():
            then(text.strip())

    app.push_screen(Prompt(title, label, help=help_text), answered)


def choose(
    app: App[Any], title: str, options: Sequence[tuple[str, str]], then: Callable[[str], None]
) -> None:
    """Let the user choose one of several.

    Args:
        app: The app.
        title: Stands in the border.
        options: Key and label of each.
        then: Called with the chosen key.
    """

    def answered(key: str | None) -> None:
        if key is not None:
            then(key)

    app.push_screen(Choose(title, options), answered)
