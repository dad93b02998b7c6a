"""The columns of the Compare screen: one answer each, growing as it is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from workbench.tui.clean import safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import compare as present
from workbench.tui.present.compare import Answer


class AnswerColumn(VerticalScroll):
    """One system's answer under its name, with its figures in the lower border.

    Args:
        answer: The answer, which may be empty yet.
        model: The base's name.
        hint: What stands there while it is empty.
    """

    DEFAULT_CSS = """
    AnswerColumn { width: 1fr; height: 1fr; scrollbar-size-vertical: 1; }
    """

    def __init__(self, answer: Answer, model: str, hint: str) -> None:
        super().__init__(classes="pane")
        self.border_title = safe(present.title(answer.adapter, model))
        self._hint = hint
        self._text = Static(markup=False)
        self.answer = answer

    def compose(self) -> ComposeResult:
        """The text."""
        yield self._text

    def on_mount(self) -> None:
        """Show what there is."""
        self._draw()

    def show(self, answer: Answer) -> None:
        """Show an answer as far as it is spoken; what has not changed is not drawn again."""
        if answer != self.answer:
            self.answer = answer
            self._draw()

    def copy_text(self) -> str:
        """The answer."""
        return self.answer.text

    def _draw(self) -> None:
        self._text.update(present.body(self.answer, self._hint))
        self.border_subtitle = safe(present.figures(self.answer, glyphs(self)))
        if self.answer.output is None:
            self.scroll_end(animate=False)


class Answers(Horizontal):
    """The columns, side by side."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns: list[AnswerColumn] = []

    def offer(self, systems: Sequence[str | None], model: str) -> None:
        """Put up the columns of those who could answer; an answer that was given stays."""
        if [column.answer.adapter for column in self._columns] != list(systems):
            given = {column.answer.adapter: column.answer for column in self._columns}
            self._put_up([given.get(system, Answer(system)) for system in systems], model, present.HINT)

    def open(self, systems: Sequence[str | None], model: str) -> None:
        """Put up empty columns, one per system that has been asked."""
        self._put_up(present.columns(systems), model, "")

    def show(self, answers: Sequence[Answer]) -> None:
        """Show the answers in their columns."""
        for column, answer in zip(self._columns, answers, strict=False):
            column.show(answer)

    def _put_up(self, answers: Sequence[Answer], model: str, hint: str) -> None:
        for column in self._columns:
            column.remove()
        self._columns = [AnswerColumn(answer, model, hint) for answer in answers]
        self.mount_all(self._columns)
