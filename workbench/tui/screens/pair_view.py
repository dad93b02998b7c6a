"""One row's answers, each beside the reference: what every word earned, and in a sentence why."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Resize
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
        .verdict { height: auto; padding: 0 2; }
        .note { height: auto; min-height: 1; max-height: 2; padding: 0 2; }
        Horizontal { height: 1fr; }
        TokenView { width: 1fr; }
    }
    """

    def compose(self) -> ComposeResult:
        """Scores over both texts."""
        yield Static(classes="verdict", markup=False)
        yield Static(classes="note", markup=False)
        with Horizontal():
            yield TokenView(title="answer", legend=True, classes="pane prediction")
            yield TokenView(title="reference", legend=True, classes="pane reference")

    def on_resize(self, event: Resize) -> None:
        """Where there is room, no sentence is cut short."""
        self.query_one(".verdict").styles.max_height = max(4, event.size.height // 3)
        if isinstance(self.parent, Panes):
            self.parent.level()

    def show(self, explanation: Explanation) -> None:
        """Show an answer."""
        self.query_one(".verdict", Static).update(present.verdict(explanation))
        prediction, reference = present.sides(explanation)
        self.query_one(".note", Static).update("")
        answer = self.query_one(".prediction", TokenView)
        answer.border_title = safe(present.answer_title(explanation.metric))
        answer.set_tokens(present.tokens(prediction, reference))
        self.query_one(".reference", TokenView).set_tokens(present.tokens(reference, prediction))

    @on(TokenView.Moved)
    def _moved(self, message: TokenView.Moved) -> None:
        self.query_one(".note", Static).update(present.note(message.token.text, message.token.note))
        for view in self.query(TokenView):
            view.highlight([] if view is message.view else message.token.partners)


class Panes(VerticalScroll, can_focus=False):
    """The systems' panes, below each other; on a wide screen side by side."""

    DEFAULT_CSS = """
    Panes { height: 1fr; }
    """

    def level(self) -> None:
        """Side by side the answers begin on one line, however long the sentences over them are."""
        verdicts = list(self.query(".verdict").results(Static))
        beside = len({each.region.x for each in verdicts}) > 1
        height: int | str = max(map(self._lines, verdicts)) if beside else "auto"
        for each in verdicts:
            each.styles.height = height

    def _lines(self, text: Static) -> int:
        """How many lines a text needs in the width that it has."""
        return text.get_content_height(self.size, self.size, text.content_size.width)


class PairView(Vertical):
    """What was asked, and the systems' answers."""

    DEFAULT_CSS = """
    PairView #asked { height: auto; max-height: 3; padding: 0 2; }
    """

    def compose(self) -> ComposeResult:
        """The prompt over the panes."""
        yield Static(id="asked", markup=False)
        yield Panes()

    async def show(self, prompt: str, explanations: Sequence[Explanation]) -> None:
        """Show what the systems answered to one prompt."""
        self.query_one("#asked", Static).update(present.asked(prompt))
        panes = list(self.query(SystemPane))
        for pane in panes[len(explanations) :]:
            await pane.remove()
        for _ in range(len(explanations) - len(panes)):
            await self.query_one(Panes).mount(SystemPane())
        for pane, explanation in zip(self.query(SystemPane), explanations, strict=True):
            pane.show(explanation)
        self.query_one(Panes).level()
