"""What all text from outside passes before it is drawn; the rules themselves are in `workbench.text`.

Three layers: `clean` makes a string harmless, `safe` makes it a `Content` (so it is never read as markup),
and `ControlFilter` is the net under every widget: no foreign control byte passes it to the terminal.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter, NoColor
from textual.style import Style

from workbench import text as outside

LIMIT = 2000
"""The most characters of one field that any widget gets."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
_LINK = re.compile(r"[A-Za-z0-9:/%._~-]+")
_WEB = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}(?::\d{1,5})?"
    r"(?:[/?#](?:[A-Za-z0-9._~:/?#!$&'()*+,;=@-]|%[2-9A-Fa-f][0-9A-Fa-f])*)?"
)
"""An address that says where it leads: no name or password before its host, no address in numbers or in
another alphabet, nothing that a terminal or a shell could take for more than a letter."""
_WEB_CHARACTERS = 300
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_ASCII = str.maketrans(
    {
        **dict.fromkeys("─━═╌╍┄┅┈┉▁▔╴╶", "-"),
        **dict.fromkeys("│┃║╎╏┆┇┊┋▏▕╵╷▎▍▌▐▋▊▉", "|"),
        **dict.fromkeys("┌┐└┘╭╮╰╯├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋", "+"),
        **dict.fromkeys("█▇▆▅▄▀▓", "#"),
        **dict.fromkeys("▃▂▒░", "."),
        **dict.fromkeys("•·∙⋅", "."),
        # What stands for a control character.
        **dict.fromkeys([_REPLACEMENT, *map(chr, range(0x2400, 0x2422))], "?"),
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
    """Lets links pass that lead to a place of ours or to what their own text says; the others are plain text.

    Args:
        beginning: What a link to a place of ours begins with; empty lets no link pass.
    """

    def __init__(self, beginning: str) -> None:
        super().__init__()
        self._beginning = beginning

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 (Textual's)
        """Return the segments without other links."""
        return [
            Segment(segment.text, segment.style.update_link(None))
            if segment.style is not None and segment.style.link and not self._passes(segment)
            else segment
            for segment in segments
        ]

    def _passes(self, segment: Segment) -> bool:
        link = segment.style.link if segment.style is not None else None
        if not self._beginning or not link:
            return False
        part = segment.text.strip()  # a line may hold a part of a text that was wrapped
        if is_web(link):
            return bool(part) and part in link
        if not _LINK.fullmatch(link) or not link.startswith(_here()):
            return False
        return link.startswith(self._beginning) or (bool(part) and part in unquote(link))


class Filters(LineFilter):
    """Some filters as one, so that a line is drawn anew once and then kept, not once for each of them.

    Args:
        filters: What a line passes, one after the other.
    """

    def __init__(self, filters: Sequence[LineFilter]) -> None:
        super().__init__()
        self._filters = filters

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments as they come out of the last filter."""
        for each in self._filters:
            segments = each.apply(segments, background)
        return segments


def link_to(path: Path) -> str:
    """The address of a file or folder of ours, for a terminal on this machine or another."""
    return f"{_here()}{quote(os.fsencode(path))}"


def is_web(text: str) -> bool:
    """Whether a text is the plain address of a page (https), and can be the target of a link."""
    return len(text) <= _WEB_CHARACTERS and _WEB.fullmatch(text) is not None


def page(text: str) -> Content:
    """A text from outside; where all of it is the address of a page, it is a link there."""
    told = clean(text)
    return Content.styled(told, Style(link=text)) if told == text and is_web(text) else Content(told)


def origin(text: str) -> Content:
    """Where a record came from; an address of a page or a path from the root is a link to just that."""
    is_path = text.startswith("/") and not text.startswith("//") and text == os.path.normpath(text)
    if is_path and clean(text) == text:
        return Content.styled(text, Style(link=link_to(Path(text))))
    return page(text)


def _here() -> str:
    return f"file://{quote(socket.gethostname())}"


def line_filters(*, ascii: bool, colourless: bool, links: str = "") -> list[LineFilter]:
    """What every line passes last on its way to the terminal, after Textual's own filters.

    Args:
        ascii: Draw with ASCII alone.
        colourless: Draw without colours.
        links: What a link to a place of ours begins with; empty lets no link pass.
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
