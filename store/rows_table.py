"""Rows of CSV and TSV: quoted cells with line breaks inside, any line ending, no bad row harming another."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import BadInput
from store.lines import BUFFER_BYTES, MAX_LINE_BYTES, Format, Item, Layout, lines, not_utf8

DELIMITERS = ";\t|"
TRIAL_ROWS = 1000


class _BadBytesError(ValueError):
    """A line that is no text; the reader passes it on to the loop over the rows."""


class _Lines:
    """The lines of a file as text, knowing where the reader is between two rows."""

    def __init__(self, file: BinaryIO, offset: int, line: int) -> None:
        self._lines = lines(file, offset, line)
        self.offset = offset
        self.line = line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        offset, line, raw, fault = next(self._lines)
        self.offset = offset + len(raw)
        self.line = line + 1
        if fault:
            raise _BadBytesError(fault)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _BadBytesError(not_utf8(error)) from error
        if "\0" in text:
            raise _BadBytesError("a NUL character")
        return text


def find_header(path: Path, format: Format, bom: int) -> Layout:
    """Read a table's header and find how its cells are divided and quoted.

    A comma separates the cells of CSV, or what the header has instead; a tab those of TSV. TSV files are
    often written without quoting; then a quote is an ordinary character, which shows when the quoted reading
    fails.

    Raises:
        BadInput: there is no header, or it names a column twice.
    """
    layout = Layout(format, start=bom, delimiter=_delimiter(path, format, bom))
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        source = _Lines(file, bom, 1)
        try:
            header = next((cells for cells in _reader(source, layout) if cells), [])
        except (csv.Error, _BadBytesError) as error:
            raise BadInput(
                f"{path.name} has no readable header: {error}", "begin with a line of names"
            ) from error
    layout = replace(layout, header=_names(path, header), start=source.offset, line=source.line)
    if format == "tsv" and _faults(path, layout) > _faults(path, replace(layout, quoted=False)):
        return replace(layout, quoted=False)
    return layout


def _delimiter(path: Path, format: Format, bom: int) -> str:
    if format == "tsv":
        return "\t"
    with path.open("rb") as file:
        file.seek(bom)
        first = file.readline(BUFFER_BYTES).decode("utf-8", "replace")
    return "," if "," in first else max(DELIMITERS, key=first.count) if set(DELIMITERS) & set(first) else ","


def _names(path: Path, header: list[str]) -> tuple[str, ...]:
    names = [name.strip() or f"column_{number}" for number, name in enumerate(header, start=1)]
    if not names:
        raise BadInput(f"{path.name} has no header", "begin it with a line of column names")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"{path.name} names the column {twice[0]!r} twice", "rename one of them in the header")
    return tuple(names)


def _faults(path: Path, layout: Layout) -> int:
    found = zip(range(TRIAL_ROWS), table_items(path, layout, layout.start), strict=False)
    return sum(item.row is None for _, item in found)


def _reader(source: _Lines, layout: Layout) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_LINE_BYTES)  # of the whole process, and far above the library's 128 KiB
    if layout.quoted:
        return csv.reader(source, delimiter=layout.delimiter, strict=True)
    return csv.reader(source, delimiter=layout.delimiter, quoting=csv.QUOTE_NONE)


def table_items(path: Path, layout: Layout, begin: int) -> Iterator[Item]:
    """Yield the rows of a table from an offset on, every cell a text."""
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        source = _Lines(file, begin, layout.line)
        reader = _reader(source, layout)
        while True:
            offset, line = source.offset, source.line
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _BadBytesError) as error:
                yield Item(offset, line, None, str(error))
                continue
            if cells:
                row, reason = _row(layout.header, cells)
                yield Item(offset, line, row, reason)


def _row(header: tuple[str, ...], cells: list[str]) -> tuple[dict[str, Any] | None, str]:
    if len(cells) != len(header):
        return None, f"{len(cells)} cells where the header has {len(header)}"
    return dict(zip(header, cells, strict=True)), ""
