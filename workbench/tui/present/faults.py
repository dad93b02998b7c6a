"""Where in a template's file a fault stands that is told in words, so that an editor can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOML = re.compile(r"\(at line (\d+), column (\d+)\)")
_TOML_END = re.compile(r"\(at end of document\)")
_NAME = r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\""
_VARIANT = re.compile(rf"variant (?:{_NAME}), (prompt|completion)(?:, line (\d+))?(?:, column (\d+))?")
_SYSTEM = re.compile(r"the system text(?:, line (\d+))?(?:, column (\d+))?")
_COLUMN = re.compile(r"the column '([^']+)' is not there")
_UNKNOWN = re.compile(r"unknown key '([^']+)'")
_HEADER = re.compile(r"^\s*\[\[\s*variants\s*\]\]")


@dataclass(frozen=True)
class Place:
    """A place in a text, line and column from 1, and how many characters stand out there."""

    line: int
    column: int
    length: int = 1


def place(what: str, text: str) -> Place | None:
    """Where a fault is.

    Args:
        what: The fault as it is told.
        text: The template's TOML text.
    """
    if found := _TOML.search(what):
        return Place(int(found[1]), int(found[2]))
    lines = text.split("\n")
    if _TOML_END.search(what):
        return Place(len(lines), len(lines[-1]) + 1)
    if found := _VARIANT.search(what):
        name, at = found[1] or found[2], (_number(found[4]), _number(found[5]))
        return _in_variant(lines, what, name, found[3], *at)
    if found := _SYSTEM.search(what):
        return _in_value(lines, 0, _end(lines, 0), "system", what, _number(found[1]), _number(found[2]))
    if found := _UNKNOWN.search(what):
        return _of_key(lines, 0, len(lines), found[1])
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _in_variant(
    lines: list[str], what: str, name: str, key: str, line: int | None, column: int | None
) -> Place | None:
    for start in (at for at, text in enumerate(lines) if _HEADER.match(text)):
        end = _end(lines, start + 1)
        named = _of_key(lines, start, end, "name")
        if named is not None and re.search(rf"=\s*[\"']{re.escape(name)}[\"']", lines[named.line - 1]):
            return _in_value(lines, start, end, key, what, line, column)
    return None


def _end(lines: list[str], start: int) -> int:
    """The line at which the table that begins at `start` is over."""
    return next((at for at in range(start, len(lines)) if _HEADER.match(lines[at])), len(lines))


def _of_key(lines: list[str], start: int, end: int, key: str) -> Place | None:
    wanted = re.compile(rf"^(\s*){re.escape(key)}\s*=")
    for at in range(start, end):
        if found := wanted.match(lines[at]):
            return Place(at + 1, len(found[1]) + 1, len(key))
    return None


def _in_value(
    lines: list[str], start: int, end: int, key: str, what: str, line: int | None, column: int | None
) -> Place | None:
    """The place in a value: its first line is the key's, or the next where a multi-line text opens there."""
    at = _of_key(lines, start, end, key)
    if at is None:
        return None
    opening = re.match(r"\s*[\w-]+\s*=\s*(\"\"\"|'''|\"|')?", lines[at.line - 1])
    quotes = (opening[1] if opening else None) or ""
    offset = opening.end() if opening else 0
    first = at.line
    if len(quotes) == 3 and lines[at.line - 1][offset:] == "":
        first, offset = at.line + 1, 0
    if len(quotes) < 3:
        # One line of TOML: its line breaks are written as escapes, and columns count what they stand for.
        line, column = 1, column if line in (None, 1) else None
    if (named := _COLUMN.search(what)) is not None and column is None:
        return _of_word(lines, named[1], first if line is None else first + line - 1, end, line) or at
    if line is None:
        return at
    row = first + line - 1
    if row > len(lines):
        return at
    return Place(row, (offset if line == 1 else 0) + (column or 1), 1 if column else len(lines[row - 1]))


def _of_word(lines: list[str], word: str, first: int, end: int, line: int | None) -> Place | None:
    """Where a column's name stands: on the line that is known, else anywhere down to the end."""
    wanted = re.compile(rf"(?<![\w]){re.escape(word)}(?![\w])")
    for row in range(first, (first if line is not None else end) + 1):
        if 0 < row <= len(lines) and (found := wanted.search(lines[row - 1])):
            return Place(row, found.start() + 1, len(word))
    return None
