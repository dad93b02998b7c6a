"""What the readers of the formats share: lines of bytes, the items found in them, and a file's layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NamedTuple

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "text"]

BUFFER_BYTES = 1024 * 1024
MAX_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BadLine:
    """A line that holds no valid row: the file's name, the line's number from 1, and why."""

    file: str
    line: int
    reason: str


class Item(NamedTuple):
    """A row, or None with the reason why there is none, and where it begins in its file."""

    offset: int
    line: int
    row: dict[str, Any] | None
    reason: str


@dataclass(frozen=True)
class Layout:
    """How to read a file from the middle: what its beginning said.

    Args:
        format: the file's format.
        start: byte offset of the first row.
        line: its line, from 1.
        key: the member of a JSON object that holds the rows, when they are not the whole document.
        header: a table's columns.
        delimiter: between a table's cells.
        quoted: a table's cells may stand between quotes.
    """

    format: Format
    start: int = 0
    line: int = 1
    key: str | None = None
    header: tuple[str, ...] = ()
    delimiter: str = ","
    quoted: bool = True


def lines(file: BinaryIO, offset: int, line: int = 1) -> Iterator[tuple[int, int, bytes, str]]:
    """Yield (offset, number, bytes, fault) of each line from an offset on, cut off at the longest we take.

    Only `\\n` ends a line: U+2028 and its like belong to the text.
    """
    file.seek(offset)
    while text := file.readline(MAX_LINE_BYTES + 1):
        start, offset, fault = offset, offset + len(text), ""
        if len(text) > MAX_LINE_BYTES:
            fault = f"longer than {MAX_LINE_BYTES >> 20} MiB"
            while not text.endswith(b"\n") and (text := file.readline(BUFFER_BYTES)):
                offset += len(text)
        yield start, line, text, fault
        line += 1


def not_utf8(error: UnicodeDecodeError) -> str:
    """Say where in a line a byte is not UTF-8."""
    return f"byte 0x{error.object[error.start]:02x} at position {error.start + 1} is not UTF-8"
