"""One row's answers, each beside the reference: what every word earned, and in a sentence why."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.present import pair as present
from workbench.tui.present.pair import Explanation
from workbench.tui.widgets.token_view import TokenView


class SystemPane(Vertical):
    """One system's answer and the reference, linked word by word, under its scores."""

    DEFAULT_CSS = """
    SystemPane {
        height: 1fr;
        min-height: 8;
        .verdict { height: auto; max-height: 4; padding: 0 2; }
        Horizontal { height: 1fr; }
        TokenView { width: 1fr; }
    }
    """

    def compose(self) -> ComposeResult:
        """Scores over both texts."""
        yield Static(classes="verdict", markup=False)
        with Horizontal():
            yield TokenView(title="answer", legend=True, classes="pane prediction")
            yield TokenView(title="reference", legend=True, classes="pane reference")

    def show(self, explanation: Explanation) -> None:
        """Show an answer."""
        self.query_one(".verdict", Static).update(present.verdict(explanation))
        prediction, reference = present.sides(explanation)
        self.query_one(".prediction", TokenView).set_tokens(present.tokens(prediction, reference))
        self.query_one(".reference", TokenView).set_tokens(present.tokens(reference, prediction))

    @on(TokenView.Moved)
    def _moved(self, message: TokenView.Moved) -> None:
        message.view.border_subtitle = safe(message.token.note)
        for view in self.query(TokenView):
            view.highlight([] if view is message.view else message.token.partners)


class PairView(VerticalScroll, can_focus=False):
    """The systems' panes below each other."""

    DEFAULT_CSS = """
    PairView #asked { height: auto; max-height: 3; padding: 0 2; }
    """

    def compose(self) -> ComposeResult:
        """What was asked."""
        yield Static(id="asked", markup=False)

    async def show(self, prompt: str, explanations: Sequence[Explanation]) -> None:
        """Show what the systems answered to one prompt."""
        self.query_one("#asked", Static).update(present.asked(prompt))
        panes = list(self.query(SystemPane))
        for pane in panes[len(explanations) :]:
            await pane.remove()
        for _ in range(len(explanations) - len(panes)):
            await self.mount(SystemPane())
        for pane, explanation in zip(self.query(SystemPane), explanations, strict=True):
            pane.show(explanation)
