"""One row as a template makes it: its tokens by what is done with them, or its text, and what is wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import compose as present
from workbench.tui.sentences import keyed
from workbench.tui.widgets.batch_view import BatchView
from workbench.tui.widgets.token_view import TokenView

if TYPE_CHECKING:
    from store.templates import Template
    from workbench.tui.screens.previewing import Made
    from workbench.tui.screens.rendering import Shelf


class PreviewPane(Vertical):
    """What is on show. What cannot be rendered leaves the last good row in sight, dim, and says why.

    Args:
        subject_line: The line over all panes, which says what row, phrasing and model are shown.
    """

    DEFAULT_CSS = """
    PreviewPane {
        #example, #tokens { height: 1fr; }
        #tokens, #batch { display: none; }
        &.-tokens #tokens { display: block; }
        &.-tokens #example { display: none; }
        &.-batch #batch { display: block; }
        &.-stale #tokens, &.-stale #rendered, &.-stale #batch { text-opacity: 45%; }
        #wrong { height: auto; max-height: 6; padding: 0 2; }
        #wrong Static { height: auto; }
        &.-sound #wrong { display: none; }
    }
    """

    def __init__(self, subject_line: Static, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject_line = subject_line
        self._good: Made | None = None

    def compose(self) -> ComposeResult:
        """Batch, tokens or text, problems."""
        yield BatchView(id="batch", classes="pane")
        with VerticalScroll(id="example", classes="pane") as pane:
            pane.border_title = "row"
            yield Static(id="rendered", markup=False)
        yield TokenView(title="tokens", legend=True, edges=True, id="tokens", classes="pane")
        with VerticalScroll(id="wrong", can_focus=False):
            yield Static(id="problems", markup=False)

    @property
    def tokens(self) -> TokenView:
        """The tokens."""
        return self.query_one(TokenView)

    @on(TokenView.Moved)
    def _moved(self, message: TokenView.Moved) -> None:
        message.view.border_subtitle = safe(message.token.note)

    def show(self, made: Made, template: Template | None, shelf: Shelf) -> None:
        """Show a row, or why it cannot be shown."""
        stale = made.trouble is not None and self._is_of(made)
        self.set_class(stale, "-stale")
        if made.trouble is not None:
            self._tell(present.trouble(made.trouble))
        if stale:
            self.tokens.border_subtitle = safe("the last good preview")
            return
        before, self._good = self._good, made if made.trouble is None else None
        on, shown = made.wanted.subject, made.shown
        names = [variant.name for variant in template.variants] if template is not None else []
        subject = present.subject(on, shown, names, shelf.length(on), partial(keyed, self))
        self.subject_line.update(subject)
        told = present.body(on, shown, template)
        # Rows and templates are drawn as they are.
        is_data = shown is not None or template is not None
        self.query_one("#rendered", Static).update(told if is_data else keyed(self, told))
        self.set_class(bool(shown and shown.tokens), "-tokens")
        self.set_class(bool(shown and shown.batch), "-batch")
        if shown is None:
            return
        self._tell(present.problems(shown))
        same = before is not None and before.wanted.subject == on
        self.tokens.set_tokens(present.tokens(shown.tokens), stay=same)
        self.tokens.border_title = present.totals(shown)
        self.tokens.border_subtitle = None
        self.query_one(BatchView).show(shown.batch, on.row)

    def _is_of(self, made: Made) -> bool:
        """Whether the last good preview is of what is asked for now, before the template was changed."""
        return self._good is not None and self._good.wanted.subject == made.wanted.subject

    def _tell(self, told: Content) -> None:
        self.set_class(not told.plain, "-sound")
        self.query_one("#problems", Static).update(told)
