"""Tokens laid out in lines of cells: their styles, and where each begins; it knows no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from textual.content import Content

from workbench.tui.clean import visible
from workbench.tui.widgets.surface import Row, cells, restyle

TOKEN_STYLES: Mapping[str, str] = {
    # Bold, underline, italic and strike tell the classes apart where there is no colour.
    "plain": "",
    "trained": "bold $accent",
    "context": "$foreground",
    "special": "$warning",
    "cut off": "strike $error",
    "padding": "italic $faint",
    "matched": "bold $success",
    "may match": "underline $success",
    "clipped": "underline $warning",
    "novel": "italic $error",
    "missed": "italic $error",
    "recalled": "bold $success",
}
EDGE_STYLE = "on $panel"
UNEDGED = "padding"
"""The class whose tokens are all alike, so that nothing is to be told by their edges."""
LABEL_STYLE = "$muted"
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
    bar: float = 0.0
    """How high the bar under the token is, from 0 to 1, or to -1 for a loss."""


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
