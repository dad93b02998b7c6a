"""Text as tokens: wrapped, coloured by what each is, with a cursor over them; it knows no score."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.tui import actions
from workbench.tui.clean import safe, visible
from workbench.tui.widgets.surface import Row, Surface, blank, cells, put, restyle

TOKEN_STYLES: Mapping[str, str] = {
    # Bold, underline, italic and strike tell the classes apart where there is no colour.
    "plain": "",
    "trained": "bold $accent",
    "context": "$foreground",
    "special": "$warning",
    "cut off": "strike $error",
    "padding": "italic $faint",
    "matched": "bold $success",
    "clipped": "underline $warning",
    "novel": "italic $error",
    "missed": "italic $error",
    "recalled": "bold $success",
}
EDGE_STYLE = "on $panel"
UNEDGED = "padding"
"""The class whose tokens are all alike, so that nothing is to be told by their edges."""
LABEL_STYLE = "$faint"
CURSOR_STYLE = "reverse"
PARTNER_STYLE = "bold reverse"
TOKEN_LIMIT = 2000
"""The most characters of one token that are drawn."""
TOKENS_LIMIT = 20_000
"""The most tokens of one text that are laid out."""


@dataclass(frozen=True)
class ViewToken:
    """One token to draw."""

    text: str
    """With the white space it carries."""
    style_class: str = "plain"
    """One of `TOKEN_STYLES`."""
    mark: str = ""
    """A sign put before the token where there is no colour."""
    partners: tuple[int, ...] = ()
    """Indices of the tokens in the other text that this one goes with."""
    note: str = ""
    """A sentence about this token, for whoever shows the cursor's token."""
    label: str = ""
    """A word drawn after the token where the view shows labels, such as its id."""


@dataclass(frozen=True)
class Piece:
    """A part of a token on one line."""

    token: int
    x: int
    row: Row


def flow(
    tokens: Sequence[ViewToken], width: int, *, marks: bool = False, labels: bool = False, edges: bool = False
) -> list[list[Piece]]:
    """Lay tokens out in lines of at most `width` cells.

    A token goes to the next line whole when it fits there; a longer one is broken. A line feed inside a token
    is shown as a sign and ends the line.

    Args:
        tokens: In reading order.
        width: Cells of a line.
        marks: Put each token's mark before it.
        labels: Put each token's label after it.
        edges: Give every other token a background, so that one sees where each ends.
    """
    lines: list[list[Piece]] = [[]]
    x = 0
    for index, token in enumerate(tokens[:TOKENS_LIMIT]):
        style = TOKEN_STYLES.get(token.style_class, "")
        edged = edges and bool(index % 2) and token.style_class != UNEDGED
        segments = _drawn((token.mark if marks else "") + token.text, style, EDGE_STYLE if edged else "")
        for number, row in enumerate(segments):
            ends = number < len(segments) - 1
            if labels and token.label and number == 0:
                row = [*row, *cells(token.label, LABEL_STYLE), *cells(" ")]
            if x and x + len(row) > width and (len(row) <= width or x >= width):
                lines.append([])
                x = 0
            while row:
                part, row = _split(row, width - x)
                lines[-1].append(Piece(index, x, part))
                x += len(part)
                if row:
                    lines.append([])
                    x = 0
            if ends:
                lines.append([])
                x = 0
    return lines


@lru_cache(maxsize=1 << 13)
def _drawn(text: str, style: str, edge: str) -> tuple[Row, ...]:
    """A token's cells up to each of its line feeds. A text that is edited has mostly the tokens it had."""
    segments = visible(text, TOKEN_LIMIT).split("\n")
    feed = cells(Content("↵"), "$faint")
    rows = [_token_cells(segment, style) + feed for segment in segments[:-1]]
    rows.append(_token_cells(segments[-1], style))
    return tuple(restyle(row, edge) if edge else row for row in rows)


def _token_cells(text: str, style: str) -> Row:
    """A token's cells; the white space around it is not underlined or struck."""
    core = text.strip()
    start = len(text) - len(text.lstrip())
    return cells(Content.assemble(text[:start], (core, style), text[start + len(core) :]))


def _split(row: Row, width: int) -> tuple[Row, Row]:
    """The cells that go on this line and the rest; a wide character stays whole."""
    end = max(width, 1)
    if end < len(row) and not row[end][0]:
        end = end - 1 or 2
    return row[:end], row[end:]


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
        rows = [self._draw_line(line, width) for line in self._lines[self._top : self._top + page]]
        if not self._tokens:
            rows = [(cells(self.empty, "$muted") + blank(width))[:width]]
        rows += [blank(width) for _ in range(height - len(rows))]
        if page < height:
            self._draw_legend(rows[-1])
        return rows

    def _page(self, height: int) -> int:
        return height - 1 if self.legend and height > 3 else height

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

    def on_focus(self) -> None:
        """Show the cursor."""
        self.redraw()
        if self._tokens:
            self.post_message(self.Moved(self, self._cursor, self._tokens[self._cursor]))

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the token."""
        offset = event.get_content_offset(self)
        line = self._top + offset.y if offset is not None else len(self._lines)
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
