"""A form whose typing survives: a draft of it is kept until it is accepted, and is there when it opens again.

A form that is opened by itself comes back filled with its draft. One that is opened for something that it
shows, such as a run to repeat, is not changed: the draft is a key away, and stays until it is gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.messages import Prune
from textual.widgets import Static

from workbench.tui import drafts
from workbench.tui.present.cells import quiet
from workbench.tui.screens.draft_keeping import DraftKeeper
from workbench.tui.sentences import keyed
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.form_row import TEXT_LIMIT

if TYPE_CHECKING:
    from store import Store
    from workbench.tui.drafts import Draft


def newest(store: Store, name: str) -> Draft | None:
    """The latest draft of a form that no other session is writing; to be read on the lane of drafts.

    Args:
        store: The store.
        name: What the form's drafts are called.
    """
    for draft in drafts.free(store.root, drafts.FORM):
        if draft.name == name:
            if _texts(draft):
                return draft
            drafts.pass_over(store.root, draft.place, "it holds no field of a form")
    return None


def taken_up(store: Store, name: str) -> Draft | None:
    """The same for a form that comes back filled with it: from now on it is this session's."""
    while (draft := newest(store, name)) is not None:
        if mine := drafts.claim(draft):
            return mine
    return None


class DraftedForm(Vertical):
    """A form under a line that says what there is of a draft.

    Args:
        form: The form.
        name: What its drafts are called.
        draft: The one that there is.
        filled: Whether the form was opened for something that it shows, and the draft is to be offered only.
    """

    DEFAULT_CSS = """
    DraftedForm { height: auto; max-height: 100%; }
    DraftedForm #draft { display: none; height: 1; padding: 0 1; }
    DraftedForm.-told #draft { display: block; }
    """

    def __init__(self, form: Form, name: str, draft: Draft | None, *, filled: bool) -> None:
        super().__init__()
        self._form = form
        self._called = name
        self._draft = draft
        self._filled = filled
        self._drafted: Mapping[str, str] = {}
        """What stands in the form where the draft does."""
        self._looked_at = False
        """The draft that was offered stands in the form as it was; nobody goes on with it yet."""
        self._keeper = DraftKeeper(self, drafts.FORM, self._written)

    def compose(self) -> ComposeResult:
        """The line, the form."""
        yield Static(id="draft", markup=False)
        yield self._form

    def begin(self) -> None:
        """Take the draft up, or offer it; to be called once, when the form stands as it is opened."""
        form, draft = self._form, self._draft
        form.mark_opened()
        self._keeper.begin(self._called)
        if draft is None:
            return
        known = {name: text for name, text in _texts(draft).items() if name in form.opened}
        self._drafted = {**form.opened, **known}
        if self._drafted == form.opened:
            self._go_on()
            self._keeper.forget()
        elif self._filled:
            form.put_aside(self._drafted)
            self._offer(draft)
        else:
            self._go_on()
            form.take(self._drafted)
            self._tell(
                f"This is the draft of {draft.clock} that was not started; {{key:form.afresh}} begins afresh"
            )

    def accepted(self) -> None:
        """Keep nothing of what was typed any more: it has become what it was typed for."""
        if self._looked_at:
            self._go_on()
        self._keeper.forget()

    def settle(self) -> None:
        """Keep what was typed just now: the form is left."""
        self._keeper.settle()

    @on(Form.Changed)
    def _typed(self) -> None:
        if self._looked_at:
            self._go_on()
        elif self._draft is not None:
            self._offer(self._draft)
        self._keeper.touch()

    @on(Prune)
    def _going(self) -> None:
        self.settle()  # the fields are still there; they are not any more when this is unmounted

    @on(Form.Replaced)
    def _replaced(self, message: Form.Replaced) -> None:
        if message.afresh and self._draft is not None:
            self._form.put_aside(self._drafted)  # it was there first, and is kept nowhere else in the form
            self._tell(f"Begun afresh; {{key:form.afresh}} takes up the draft of {self._draft.clock}")
        elif message.afresh:
            self._tell("Begun afresh; {key:form.afresh} brings back what was typed")
        else:
            self._tell("What was typed is back; {key:form.afresh} begins afresh")
        self._looked_at = self._draft is not None and self._form.shown() == self._drafted
        if self._looked_at:
            self._keeper.forget()  # of what was typed before
        else:
            self._keeper.touch()

    def _offer(self, draft: Draft) -> None:
        """Say how the form comes to a draft that does not stand in it."""
        if self._form.shown() == self._form.opened:
            told = f"There is a draft of {draft.clock} that was not started; {{key:form.afresh}} takes it up"
        else:
            told = f"{{key:form.afresh}} begins afresh, and again takes up the draft of {draft.clock}"
        self._tell(told)

    def _go_on(self) -> None:
        """Let the draft be this form's own, to be written further and thrown away."""
        if self._draft is not None:
            self._keeper.take(self._draft)
        self._draft, self._looked_at = None, False

    def _written(self) -> str | None:
        shown = self._form.shown()
        return json.dumps(shown) if shown != self._form.opened else None

    def _tell(self, told: str) -> None:
        self.query_one("#draft", Static).update(keyed(self, quiet(told)))
        self.add_class("-told")


def _texts(draft: Draft) -> dict[str, str]:
    """What a draft holds, by field; lines that a field can hold, and no others."""
    try:
        held: Any = json.loads(draft.text)
        fields = held.items()
    except (ValueError, AttributeError, RecursionError):
        return {}
    return {
        name: text
        for name, text in fields
        if isinstance(text, str) and len(text) <= TEXT_LIMIT and len(text.splitlines()) <= 1
    }
