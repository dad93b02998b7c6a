"""What all text from outside passes before it is drawn; the rules themselves are in `workbench.text`.

Three layers: `clean` makes a string harmless, `safe` makes it a `Content` (so it is never read as markup),
and `ControlFilter` is the net under every widget: no foreign control byte passes it to the terminal.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.parse import quote

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter, NoColor

from workbench import text as outside

LIMIT = 2000
"""The most characters of one field that any widget gets."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
_LINK = re.compile(r"[A-Za-z0-9:/%._~-]+")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_ASCII = str.maketrans(
    {
        **dict.fromkeys("─━═╌╍┄┅┈┉▁▔╴╶", "-"),
        **dict.fromkeys("│┃║╎╏┆┇┊┋▏▕╵╷▎▍▌▐▋▊▉", "|"),
        **dict.fromkeys("┌┐└┘╭╮╰╯├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋", "+"),
        **dict.fromkeys("█▇▆▅▄▀▓", "#"),
        **dict.fromkeys("▃▂▒░", "."),
        **dict.fromkeys("•·∙⋅", "."),
        "…": "~",
        "↵": "$",
        "✓": "+",
        "✗": "x",
        "●": "*",
        "○": "o",
        "◌": "?",
        "–": "-",
        "—": "-",
        "‹": "<",
        "›": ">",
        "→": ">",
        "←": "<",
        "↑": "^",
        "↓": "v",
        "▲": "^",
        "▼": "v",
        "▶": ">",
        "◀": "<",
        "×": "x",
        "⋮": ":",
        "▸": ">",
        "▾": "v",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "≈": "~",
    }
)


def clean(text: str, limit: int = LIMIT) -> str:
    """Make a text from outside one harmless line of at most `limit` characters."""
    return outside.clean(text, limit=limit)


def visible(text: str, limit: int = LIMIT) -> str:
    """Make a text from outside harmless but keep its line feeds, at most `limit` characters."""
    return outside.clean(text, limit=limit, keep_newlines=True)


def safe(value: object, style: str = "", limit: int = LIMIT) -> Content:
    """Turn anything from outside into content that a widget shows as it is.

    Args:
        value: What to show, by its `str`.
        style: A Textual style, such as `$success` or `bold $muted`.
        limit: The most characters shown.
    """
    text = visible(str(value), limit)
    return Content.styled(text, style) if style else Content(text)


class ControlFilter(LineFilter):
    """The last net: replaces every control character that a widget would draw."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 (Textual's)
        """Return the segments without control characters; the terminal's own control segments stay."""
        return [
            segment if segment.control or not _CONTROLS.search(segment.text) else _without_controls(segment)
            for segment in segments
        ]


class AsciiFilter(LineFilter):
    """Draws borders, bars and marks in ASCII, for terminals and fonts that have nothing else."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 (Textual's)
        """Return the segments with every drawing character replaced by an ASCII one of the same width."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(segment.text.translate(_ASCII), segment.style)
            for segment in segments
        ]


class LinkFilter(LineFilter):
    """Lets links pass that lead to a place of ours, and makes plain text of all others.

    Args:
        beginning: What a link must begin with; empty lets none pass.
    """

    def __init__(self, beginning: str) -> None:
        super().__init__()
        self._beginning = beginning

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 (Textual's)
        """Return the segments without other links."""
        return [
            segment
            if segment.style is None or not segment.style.link or self._is_ours(segment.style.link)
            else Segment(segment.text, segment.style.update_link(None))
            for segment in segments
        ]

    def _is_ours(self, link: str) -> bool:
        return bool(self._beginning) and link.startswith(self._beginning) and bool(_LINK.fullmatch(link))


def link_to(path: Path) -> str:
    """The address of a file or folder of ours, for a terminal on this machine or another."""
    return f"file://{quote(socket.gethostname())}{quote(os.fsencode(path))}"


def line_filters(*, ascii: bool, colourless: bool, links: str = "") -> list[LineFilter]:
    """What every line passes last on its way to the terminal, after Textual's own filters.

    Args:
        ascii: Draw with ASCII alone.
        colourless: Draw without colours.
        links: What a link must begin with; empty lets none pass.
    """
    filters: list[LineFilter] = [ControlFilter(), LinkFilter(links)]
    if ascii:
        filters.append(AsciiFilter())
    if colourless:
        # Textual's own answer to NO_COLOR is shades of grey, which are colours to a terminal.
        filters.append(NoColor())
    return filters


def _without_controls(segment: Segment) -> Segment:
    return Segment(_CONTROLS.sub(_REPLACEMENT, segment.text), segment.style)
