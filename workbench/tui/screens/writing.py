"""How templates come to be, change and go on the Compose screen: suggested, edited, added, removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.composing.template import validate
from workbench.tui import drafts
from workbench.tui.present import compose as present
from workbench.tui.present import faults
from workbench.tui.screens import dialogs, draft_dialog, suggesting
from workbench.tui.screens.editor import EditorPane
from workbench.tui.screens.outside_editor import edit_outside

if TYPE_CHECKING:
    from store import Store
    from store.templates import Template
    from workbench.tui.drafts import Draft
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.previewing import Made
    from workbench.tui.screens.showing import Showing


class Writing:
    """What changes the templates of a screen.

    Args:
        screen: Holds an `EditorPane`; its class `-editing` shows that.
        showing: What is on show.
        refresh: Reads the list again, and goes to the template of a name.
    """

    def __init__(
        self, screen: WorkbenchScreen, showing: Showing, refresh: Callable[[str | None], None]
    ) -> None:
        self._screen = screen
        self._showing = showing
        self._refresh = refresh

    def new(self) -> None:
        """Offer templates for the dataset whose rows are on show."""
        shelf = self._showing.shelf
        source = shelf.source(self._showing.subject) or next(iter(shelf.sources), None)
        suggesting.offer(self._screen, source, self._added)

    def add(self) -> None:
        """Ask for a file, and add it."""

        def named(path: str) -> None:
            file = Path(path).expanduser()
            self._screen.ask(lambda store: store.templates.add(file, accept=validate), self._added)

        dialogs.ask_text(self._screen.app, "add a template", "A TOML file:", present.FILE_HELP, named)

    def remove(self, name: str) -> None:
        """Remove a template."""
        lost = "Its file is deleted for good. Runs made with it keep its text in their lineage."
        dialogs.remove(
            self._screen,
            name,
            lost,
            lambda store: store.templates.remove(name),
            lambda: self._refresh(None),
        )

    def edit(self, name: str) -> None:
        """Edit a template; drafts of it come first, the latest before those that are older.

        What is being edited and is not saved stays, with the focus on it.
        """

        def read(store: Store) -> Draft | None:
            return next(
                (draft for draft in drafts.free(store.root, drafts.TEMPLATE) if draft.name == name), None
            )

        def found(draft: Draft | None) -> None:
            if draft is None:
                self._screen.ask(lambda store: store.templates.text(name), opened)
            elif self._screen.is_current:
                draft_dialog.put(self._screen, draft, self.restore, lambda: self.edit(name))

        def opened(text: str) -> None:
            if not self._held(name):  # it may have been opened meanwhile
                self._open(name, text)

        if not self._held(name):
            self._screen.ask(read, found, lane=drafts.LANE)

    def restore(self, draft: Draft) -> None:
        """Go on with a text that was not saved."""

        def opened(text: str) -> None:
            self._open(draft.name, text)
            self._editor.take_up(draft)

        # The file may be gone: what was written is there all the same.
        self._screen.ask(lambda store: store.templates.text(draft.name), opened, failed=lambda _: opened(""))

    def edit_outside(self, name: str) -> None:
        """Hand the terminal to the user's own editor."""
        self._screen.ask(lambda store: store.templates.path(name), self._hand_over)

    def unsaved(self) -> str | None:
        """The text that is being edited and not saved; None where there is none."""
        editors = self._screen.query(EditorPane)
        editing = self._screen.has_class("-editing")
        return next((editor.text for editor in editors if editing and editor.dirty), None)

    def drawn(self, made: Made) -> None:
        """Take what was shown: the editor follows the file, and tells what is wrong with its own text."""
        if not self._screen.query(EditorPane):
            return  # closed meanwhile
        editor = self._editor
        if not self._screen.has_class("-editing") or made.wanted.subject.template != editor.name_of_template:
            return
        if made.wanted.text is None and made.text:
            editor.refill(made.text)
        if made.text == editor.text:
            trouble = made.trouble
            editor.show_fault(faults.place(trouble.what, made.text) if trouble else None, trouble)

    @property
    def _editor(self) -> EditorPane:
        return self._screen.query_one(EditorPane)

    def _held(self, name: str) -> bool:
        return self._screen.has_class("-editing") and self._editor.hold(name)

    def _open(self, name: str, text: str) -> None:
        source = self._showing.shelf.source(self._showing.subject)
        self._screen.add_class("-editing")
        self._editor.open(name, text, source.columns if source is not None else ())
        self.drawn(self._showing.made)

    def _hand_over(self, path: Path) -> None:
        trouble = edit_outside(self._screen.app, path)
        if trouble is not None:
            self._screen.workbench.tell(trouble)
        self._showing.again()
        self._refresh(None)

    def _added(self, template: Template) -> None:
        self._screen.workbench.say(f"{template.name} is added")
        self._refresh(template.name)
