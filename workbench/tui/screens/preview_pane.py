"""A row as a template makes it: its text, its tokens by what is trained, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import compose as present
from workbench.tui.widgets.token_view import TokenView

if TYPE_CHECKING:
    from workbench.tui.screens.rendering import Preview


class PreviewPane(Vertical):
    """What is on show, as text above and as tokens below."""

    DEFAULT_CSS = """
    PreviewPane {
        #subject { height: 1; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
        #example, #tokens { height: 1fr; }
        #summary { height: auto; max-height: 4; padding: 0 2; }
    }
    """

    def compose(self) -> ComposeResult:
        """Subject, text, tokens, summary."""
        yield Static(id="subject", markup=False)
        with VerticalScroll(id="example", classes="pane") as pane:
            pane.border_title = "example"
            yield Static(id="rendered", markup=False)
        yield TokenView(title="tokens", legend=True, id="tokens", classes="pane")
        yield Static(id="summary", markup=False)

    @on(TokenView.Moved)
    def _moved(self, message: TokenView.Moved) -> None:
        message.view.border_subtitle = safe(message.token.note)

    def show(self, preview: Preview) -> None:
        """Show a row."""
        template, subject = preview.template, preview.subject
        self.query_one("#subject", Static).update(present.subject(template, subject))
        self.query_one("#rendered", Static).update(present.body(template, subject, preview.example))
        self.query_one(TokenView).set_tokens(preview.tokens)
        trouble = present.trouble(preview.trouble) if preview.trouble else None
        self.query_one("#summary", Static).update(trouble or preview.summary or "")
