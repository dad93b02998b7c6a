"""Text as tokens: wrapped, coloured by what each is, with a cursor over them; it knows no score."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from workbench.tui import actions
from workbench.tui.clean import safe
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put, restyle
from workbench.tui.widgets.token_bars import LEAST_HEIGHT, bar_row, inked
from workbench.tui.widgets.token_flow import TOKEN_STYLES, TOKENS_LIMIT, Piece, ViewToken, flow

CURSOR_STYLE = "reverse"
PARTNER_STYLE = "bold reverse"


class TokenView(Surface, can_focus=True):
    """Tokens in reading order.

    Args:
        title: Stands in the border.
        legend: Name the classes that occur in a last line.
        edges: Give every other token a background.
    """

    scope: ClassVar[str] = "tokens"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("tokens")

    @dataclass
    class Moved(Message):
        """The cursor came to another token."""

        view: TokenView
        index: int
        token: ViewToken

        @property
        def control(self) -> TokenView:
            """The view, for `@on` with a selector."""
            return self.view

    def __init__(
        self,
        *,
        title: str = "",
        legend: bool = False,
        edges: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = safe(title) if title else None
        self.legend = legend
        self.edges = edges
        self.empty = ""
        self._labels = False
        self._tokens: tuple[ViewToken, ...] = ()
        self._has_bars = False
        self._highlighted: frozenset[int] = frozenset()
        self._cursor = 0
        self._top = 0
        self._lines: list[list[Piece]] = []
        self._laid_out: tuple[int, bool, bool] | None = None

    @property
    def cursor(self) -> int:
        """The index of the token under the cursor."""
        return self._cursor

    @cursor.setter
    def cursor(self, index: int) -> None:
        self._go(index)

    @property
    def tokens(self) -> tuple[ViewToken, ...]:
        """The tokens that are shown."""
        return self._tokens

    @property
    def labels(self) -> bool:
        """Whether each token's label is drawn after it."""
        return self._labels

    @labels.setter
    def labels(self, shown: bool) -> None:
        self._labels = shown
        self._reveal(self._cursor)
        self.redraw()

    def set_tokens(self, tokens: Sequence[ViewToken], *, stay: bool = False) -> None:
        """Show these tokens, the cursor on the first; or where it was, when they are the same text edited."""
        if tuple(tokens) == self._tokens:
            return
        self._tokens = tuple(tokens)
        self._has_bars = any(token.bar for token in self._tokens)
        self._highlighted = frozenset()
        self._laid_out = None
        if stay:
            self._cursor = max(min(self._cursor, len(self._tokens) - 1), 0)
        else:
            self._cursor, self._top = 0, 0
        self.redraw()

    def highlight(self, indices: Collection[int]) -> None:
        """Mark tokens, such as the partners of the other view's cursor."""
        self._highlighted = frozenset(indices)
        if self._highlighted and not self.has_focus:
            self._reveal(min(self._highlighted))
        self.redraw()

    def copy_text(self) -> str:
        """The whole text."""
        return "".join(token.text for token in self._tokens)

    @property
    def shows_marks(self) -> bool:
        """Whether the classes are told by signs, because there is no colour to tell them by."""
        return self.colourless or not self.signs.braille

    # Drawing

    def draw(self, width: int, height: int) -> list[Row]:
        """The lines in sight, and the legend."""
        self._lay_out(width)
        page = self._page(height)
        self._top = max(min(self._top, len(self._lines) - page), 0)
        rows = []
        for line in self._lines[self._top : self._top + page]:
            rows.append(self._draw_line(line, width))
            if self._line_rows(height) == 2:
                rows.append(self._draw_bars(line, width))
        if not self._tokens:
            rows = [(cells(self.empty, "$muted") + blank(width))[:width]]
        rows += [blank(width) for _ in range(height - len(rows))]
        if self._text_rows(height) < height:
            self._draw_legend(rows[-1])
        return rows

    def _page(self, height: int) -> int:
        """How many lines of text are in sight."""
        return max(self._text_rows(height) // self._line_rows(height), 1)

    def _text_rows(self, height: int) -> int:
        return height - 1 if self.legend and height > 3 else height

    def _line_rows(self, height: int) -> int:
        """Two where bars stand under the words, which a low view has no room for."""
        return 2 if height >= LEAST_HEIGHT and self._has_bars else 1

    def _draw_bars(self, line: Sequence[Piece], width: int) -> Row:
        bars = [(piece.x, inked(piece.row), self._tokens[piece.token].bar) for piece in line]
        return bar_row(bars, width, self.signs.ramp)

    def _lay_out(self, width: int) -> None:
        how = (width, self.shows_marks, self._labels)
        if self._laid_out != how:
            marks, edges = self.shows_marks, self.edges and not self.colourless
            self._lines = flow(self._tokens, width, marks=marks, labels=self._labels, edges=edges)
            self._laid_out = how

    def _draw_line(self, line: Sequence[Piece], width: int) -> Row:
        row = blank(width)
        for piece in line:
            drawn = restyle(piece.row, self._extra_style(piece.token))
            row[piece.x : piece.x + len(drawn)] = drawn
        return row[:width]

    def _extra_style(self, index: int) -> str:
        if index == self._cursor and self.has_focus:
            return CURSOR_STYLE
        return PARTNER_STYLE if index in self._highlighted else ""

    def _draw_legend(self, row: Row) -> None:
        present = {token.style_class: token.mark for token in self._tokens if token.style_class != "plain"}
        x = 0
        for name in TOKEN_STYLES:
            if name in present:
                mark = present[name] if self.shows_marks else ""
                x = put(row, x, mark + name, TOKEN_STYLES[name]) + 2

    # Cursor

    def _go(self, index: int) -> None:
        if not self._tokens:
            return
        moved = min(max(index, 0), min(len(self._tokens), TOKENS_LIMIT) - 1)
        if moved != self._cursor:
            self._cursor = moved
            self._reveal(moved)
            self.redraw()
            self.post_message(self.Moved(self, moved, self._tokens[moved]))

    def _reveal(self, index: int) -> None:
        """Scroll until the first line of a token is in sight."""
        if not self.size.width:
            return
        self._lay_out(self.size.width)
        line = self._line_of(index)
        page = self._page(self.size.height)
        self._top = min(max(self._top, line - page + 1), line)

    def _line_of(self, index: int) -> int:
        firsts = [line[0].token if line else -1 for line in self._filled_lines()]
        found = bisect_right(firsts, index) - 1
        while found > 0 and any(piece.token == index for piece in self._lines[found - 1]):
            found -= 1
        return max(found, 0)

    def _filled_lines(self) -> list[list[Piece]]:
        """The lines, an empty one standing for the one before it, so that their first tokens are in order."""
        filled: list[list[Piece]] = []
        for line in self._lines:
            filled.append(line or (filled[-1] if filled else []))
        return filled

    def _step_line(self, step: int) -> None:
        if not self._tokens or not self._lines:
            return
        line = self._line_of(self._cursor)
        x = next((piece.x for piece in self._lines[line] if piece.token == self._cursor), 0)
        target = line + step
        while 0 <= target < len(self._lines) and not self._lines[target]:
            target += 1 if step > 0 else -1
        if 0 <= target < len(self._lines):
            self._go(min(self._lines[target], key=lambda piece: abs(piece.x - x)).token)
        else:
            self._go(0 if step < 0 else len(self._tokens) - 1)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Tell where the cursor is, once it can move."""
        super().watch_has_focus(has_focus)
        if has_focus and self._tokens:
            self.post_message(self.Moved(self, self._cursor, self._tokens[self._cursor]))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the token."""
        offset = event.get_content_offset(self)
        rows = self._line_rows(self.size.height)
        line = self._top + offset.y // rows if offset is not None else len(self._lines)
        if offset is None or line >= len(self._lines):
            return
        for piece in self._lines[line]:
            if piece.x <= offset.x < piece.x + len(piece.row):
                self._go(piece.token)

    def action_next(self) -> None:
        """Next token."""
        self._go(self._cursor + 1)

    def action_previous(self) -> None:
        """Previous token."""
        self._go(self._cursor - 1)

    def action_line_down(self) -> None:
        """The token below."""
        self._step_line(1)

    def action_line_up(self) -> None:
        """The token above."""
        self._step_line(-1)

    def action_first(self) -> None:
        """First token."""
        self._go(0)

    def action_last(self) -> None:
        """Last token."""
        self._go(len(self._tokens) - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._step_line(max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._step_line(-max(self.size.height // 2, 1))
