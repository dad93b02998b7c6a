"""A few lines of text that change often: only the cells that differ are written, lines too long are cut."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size

from workbench.tui.widgets.surface import CellText, Row, Surface, cells, fit


class Lines(Surface):
    """Text like a `Static`'s, without wrapping.

    Args:
        text: What is shown first; a plain string counts as text from outside.
    """

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, text: CellText = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text: tuple[CellText, ...] = _lines(text)

    def update(self, text: CellText) -> None:
        """Show another text."""
        before, self._text = self._text, _lines(text)
        if len(before) != len(self._text):
            self.refresh(layout=True)
        self.redraw()

    def copy_text(self) -> str:
        """The text."""
        return "\n".join(line if isinstance(line, str) else line.plain for line in self._text)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 (Textual's)
        """As many rows as there are lines."""
        return len(self._text)

    def draw(self, width: int, height: int) -> list[Row]:
        """One row per line."""
        ellipsis = self.signs.ellipsis
        return [fit(cells(line), width, ellipsis=ellipsis) for line in self._text[:height]]


def _lines(text: CellText) -> tuple[CellText, ...]:
    return tuple(text.split("\n", allow_blank=True)) if isinstance(text, Content) else tuple(text.split("\n"))
