"""Text from outside made safe to print: what could steer or deceive a terminal becomes a visible mark.

It works one code point at a time, so a text cleaned in pieces (a stream) is as safe as one cleaned whole.
It knows nothing of screens or of the command line; both draw through it.
"""

from __future__ import annotations

import re

TAB = "    "
NEWLINE_MARK = "↵"
CUT_MARK = "…"
MARKS_PER_LETTER = 4

# C0, DEL, C1, line separators, lone surrogates, non-characters, and every format character that is
# invisible or reorders its neighbours: bidi controls, zero-width characters, fillers, tag characters
# and the variation selectors that carry hidden text (FE0E and FE0F stay: emoji use them).
_INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Combining marks piled on one letter ("zalgo") would draw over the lines above and below.
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_MARKS = re.compile(f"({_MARK}{{{MARKS_PER_LETTER}}}){_MARK}+")


def clean(text: str, *, limit: int = 2000, keep_newlines: bool = False) -> str:
    """Make a text from outside safe to draw, and no longer than `limit`.

    Args:
        text: Anything a file, a model or another process produced.
        limit: The most characters of the result; a longer text ends in an ellipsis.
        keep_newlines: Keep line feeds; otherwise each becomes one visible mark and the result is one line.

    Returns:
        The text with every control, reordering, invisible or lone surrogate code point made visible.
    """
    shown = visible(text[: limit + 1], keep_newlines=keep_newlines)
    if len(text) <= limit and len(shown) <= limit:
        return shown
    return shown[: max(limit - 1, 0)] + CUT_MARK


def visible(text: str, *, keep_newlines: bool = False) -> str:
    """Make invisible and steering code points visible, at any length.

    Args:
        text: A whole text or a piece of a stream.
        keep_newlines: Keep line feeds; otherwise each becomes one visible mark.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n")
    marked = _INVISIBLE.sub(_mark, _PILED_MARKS.sub(r"\1" + CUT_MARK, lines))
    return marked if keep_newlines else marked.replace("\n", NEWLINE_MARK)


def markdown(text: str) -> str:
    """Text from outside that may stand in a line of Markdown, between backticks or not."""
    return " ".join(text.replace("`", "'").split())


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x09:
        return TAB
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␛ for escape
    if code == 0x7F:
        return "␡"
    return f"<U+{code:04X}>"
