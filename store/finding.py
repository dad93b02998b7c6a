"""Rows that contain a text: the bytes of a file are searched first, and only what may match is parsed.

In files of lines a stretch of 256 rows is looked at closely only when its bytes hold the longest piece of the
text that is written the same in any spelling of the format. Columnar files are read row by row.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from store import patterns
from store.lines import Format
from store.pieces import STRIDE, Piece, good_rows, read_marks
from store.rows import COLUMNAR

Stop = Callable[[], bool]
Contains = Callable[[str], bool]

WINDOW_BYTES = 128 * 1024  # larger ones leave the processor's cache: half as fast
GROUP_BYTES = 4 * 1024 * 1024
COLUMNAR_ROWS = 16_384  # a columnar file is read forwards only: backwards it goes in steps of so many rows
STOP_ROWS = 64
MATCHES_CHARACTERS = 32 * 1024 * 1024  # what one answer may hold, whatever its limit


@dataclass(frozen=True)
class Found:
    """What a search has found so far.

    Args:
        matches: rows with their numbers in their split, in the order of the search.
        next: the number of the row to go on from.
        finished: there is nothing left to search.
    """

    matches: list[tuple[int, dict[str, Any]]]
    next: int
    finished: bool


@dataclass(frozen=True)
class _Sought:
    """Bytes, in lower case, of which every row that matches holds one; none: no row can be ruled out."""

    needles: tuple[bytes, ...]
    pattern: re.Pattern[bytes] | None = None

    @property
    def longest(self) -> int:
        return max(6, *(len(needle) for needle in self.needles))


# A stretch of a piece that was searched, and the rows in it that may match, as ranges.
_Group = tuple[range, list[range]]


def find_rows(
    folder: Path,
    pieces: list[Piece],
    text: str | re.Pattern[str],
    start: int | None,
    limit: int,
    *,
    backwards: bool = False,
    stop: Stop | None = None,
) -> Found:
    """Search the texts and numbers of rows for a text, whatever the case of its letters, or for a pattern.

    Args:
        folder: the dataset's folder.
        pieces: of one split, in their order.
        text: what to look for.
        start: the number of the first row to look at; the first row (backwards: the last) when left out.
        limit: stop at so many matches.
        backwards: look at ever smaller numbers.
        stop: asked now and then whether to give up; a little is always searched first.
    """
    total = sum(piece.rows for piece in pieces)
    first = start if start is not None else total - 1 if backwards else 0
    first = max(-1, min(first, total))
    wanted = range(min(first + 1, total)) if backwards else range(first, total)
    needle, contains = _read(text)
    step = -1 if backwards else 1
    matches: list[tuple[int, dict[str, Any]]] = []
    held, end = 0, -1 if backwards else total
    for offset, piece, group, ranges in _groups(folder, pieces, needle, wanted, backwards):
        for rows in ranges:
            for number, row in _looked_at(folder, piece, rows, contains, backwards, stop):
                if row is None:
                    return Found(matches, offset + number, finished=False)
                matches.append((offset + number, row))
                held += sum(len(value) for value in row.values() if isinstance(value, str))
                if len(matches) >= limit or held > MATCHES_CHARACTERS:
                    following = offset + number + step
                    return Found(matches, following, finished=following == end)
        after = offset + (group.start - 1 if backwards else group.stop)
        if stop is not None and stop() and after != end:
            return Found(matches, after, finished=False)
    return Found(matches, end, finished=True)


def _groups(
    folder: Path, pieces: list[Piece], needle: str, wanted: range, backwards: bool
) -> Iterator[tuple[int, Piece, range, list[range]]]:
    """Yield the pieces' groups in the order of the search, each with the number of its piece's first row."""
    offsets = [sum(piece.rows for piece in pieces[:number]) for number in range(len(pieces))]
    placed = list(zip(offsets, pieces, strict=True))
    for offset, piece in reversed(placed) if backwards else placed:
        inside = range(max(0, wanted.start - offset), min(piece.rows, wanted.stop - offset))
        if inside:
            groups = _columnar if piece.layout.format in COLUMNAR else _of_lines
            for group, ranges in groups(folder, piece, needle, inside, backwards):
                yield offset, piece, group, ranges


def _columnar(folder: Path, piece: Piece, needle: str, inside: range, backwards: bool) -> Iterator[_Group]:  # noqa: ARG001 (one signature for both)
    if not backwards:
        yield inside, [inside]
        return
    for stop in range(inside.stop, inside.start, -COLUMNAR_ROWS):
        group = range(max(inside.start, stop - COLUMNAR_ROWS), stop)
        yield group, [group]


def _of_lines(folder: Path, piece: Piece, needle: str, inside: range, backwards: bool) -> Iterator[_Group]:
    marks = read_marks(folder, piece)
    marks.append(piece.bytes)
    sought = _sought(needle, piece.layout.format)
    groups = list(_cut(marks, range(inside.start // STRIDE, (inside.stop - 1) // STRIDE + 1)))
    with (folder / piece.file).open("rb", buffering=0) as file:
        for strides in reversed(groups) if backwards else groups:
            hits = _hits(file, marks, strides, sought) if sought.needles else list(strides)
            ranges = [_within(range(hit * STRIDE, (hit + 1) * STRIDE), inside) for hit in hits]
            group = _within(range(strides.start * STRIDE, strides.stop * STRIDE), inside)
            yield group, ranges[::-1] if backwards else ranges


def _within(rows: range, inside: range) -> range:
    return range(max(rows.start, inside.start), min(rows.stop, inside.stop))


def _cut(marks: array[int], strides: range) -> Iterator[range]:
    """Cut strides into groups of a few megabytes, of one stride at least."""
    start = strides.start
    while start < strides.stop:
        stop = bisect_right(marks, marks[start] + GROUP_BYTES, start + 1, strides.stop)
        yield range(start, stop)
        start = stop


def _hits(file: BinaryIO, marks: array[int], strides: range, sought: _Sought) -> list[int]:
    """Return the strides whose bytes hold what is sought."""
    hits: set[int] = set()
    at, end, tail = marks[strides.start], marks[strides.stop], b""
    file.seek(at)
    while at < end and (raw := file.read(min(WINDOW_BYTES, end - at))):
        window = tail + raw.lower()
        begin = at - len(tail)
        for position in _positions(window, begin, marks, sought):
            hits.add(max(strides.start, bisect_right(marks, begin + position) - 1))
        at += len(raw)
        tail = window[-sought.longest :]
    return sorted(hits)


def _positions(window: bytes, begin: int, marks: array[int], sought: _Sought) -> Iterator[int]:
    """Yield where in a window something sought begins, at most once for each needle and stride."""
    finders: list[Callable[[int], int]] = [
        lambda start, needle=needle: window.find(needle, start)  # type: ignore[misc]
        for needle in sought.needles
    ]
    if (pattern := sought.pattern) is not None:
        finders.append(lambda start: found.start() if (found := pattern.search(window, start)) else -1)
    for find in finders:
        position = find(0)
        while position >= 0:
            yield position
            following = bisect_right(marks, begin + position)
            if following >= len(marks):
                break
            position = find(max(position + 1, marks[following] - begin))


def _looked_at(
    folder: Path, piece: Piece, rows: range, contains: Contains, backwards: bool, stop: Stop | None
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the matching rows of a range in the order of the search; None where it was told to stop."""
    found = []
    for number, row in zip(rows, good_rows(folder, piece, rows.start), strict=False):
        if any(_contains(value, contains) for value in row.values()):
            if not backwards:
                yield number, row
            else:
                found.append((number, row))
        if not backwards and stop is not None and number % STOP_ROWS == STOP_ROWS - 1 and stop():
            yield number + 1, None
            return
    yield from reversed(found)


def _read(text: str | re.Pattern[str]) -> tuple[str, Contains]:
    """What every match holds, in lower case, and the rule for the texts of a row."""
    if isinstance(text, re.Pattern) and not patterns.plain(text):
        search = text.search
        return patterns.needed(text), lambda value: search(value) is not None
    needle = (text if isinstance(text, str) else text.pattern).lower()
    return needle, lambda value: needle in value.lower()


def _contains(value: Any, contains: Contains) -> bool:
    if isinstance(value, str):
        return contains(value)
    if isinstance(value, dict):
        return any(_contains(member, contains) for member in value.values())
    if isinstance(value, list):
        return any(_contains(member, contains) for member in value)
    return value is not None and contains(json.dumps(value))


# Characters that every writer of JSON, CSV or text may write as themselves, and as one escape at most.
_PLAIN = re.compile(r"[ !#-.0-\[\]-~]+")
# JSON may write any of them as \u0020 to \u007e: stretches with such an escape are always parsed.
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
SHORT = 3


@lru_cache(maxsize=64)
def _sought(needle: str, format: Format) -> _Sought:
    """Choose the piece of a text, already in lower case, that rules out most."""
    escapes = format in ("json", "jsonl")
    plain = max(_PLAIN.findall(needle), key=len, default="")
    caseless = max(re.findall(r"[^\x00-\x7f\u2028\u2029]+", needle), key=len, default="")
    caseless = caseless if caseless.upper() == caseless else ""
    if len(caseless.encode()) > len(plain):
        return _Sought((caseless.encode(), *([_escaped(caseless)] if escapes else [])))
    cased = next((letter for letter in needle if letter > "\x7f"), None)
    if len(plain) < SHORT and cased is not None:
        letters = _spellings(cased)
        raw = tuple(letter.encode("utf-8", "surrogatepass") for letter in letters)
        return _Sought(raw + tuple(_escaped(letter) for letter in letters) if escapes else raw)
    return _Sought((plain.encode(),) if plain else (), _ESCAPED_ASCII if escapes else None)


def _escaped(text: str) -> bytes:
    """Write a text as JSON does in ASCII, in lower case."""
    return json.dumps(text)[1:-1].lower().encode()


def _spellings(letter: str) -> list[str]:
    """Return the characters whose lower case is this letter."""
    return [
        letter,
        *(each for each in map(chr, range(0x80, 0x1F000)) if each != letter and each.lower() == letter),
    ]
