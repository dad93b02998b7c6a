"""Rows of data files in our formats: detect, read as a stream, page by offset, report bad lines by number.

It knows files, not datasets. A file is read in bounded memory whatever its size: no row is held longer than
it takes to hand it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from store.compressed import ARCHIVES, is_packed, plain_name
from store.errors import BadInput
from store.lines import BUFFER_BYTES, BadLine, Format, Item, Layout, lines, not_utf8
from store.rows_arrow import arrow_items
from store.rows_json import array_items, find_arrays, is_json_lines, line_items
from store.rows_parquet import parquet_items
from store.rows_table import find_header, table_items

OnBad = Literal["refuse", "skip"]

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": "text",
    ".text": "text",
}
COLUMNAR: tuple[Format, ...] = ("parquet", "arrow")
SHOWN_BAD_LINES = 3


def detect(path: Path) -> Format:
    """Tell a data file's format by its name, and for `.json` by its content too: many are JSONL.

    Raises:
        BadInput: none of our formats, or still compressed.
    """
    if is_packed(path):
        raise BadInput(f"{path.name} is compressed", "add it to a store, which unpacks it")
    format = format_named(path)
    if format == "json":
        return "jsonl" if is_json_lines(path) else "json"
    return format


def format_named(path: Path) -> Format:
    """Tell a data file's format by its name alone, also when it is compressed.

    Raises:
        BadInput: none of our formats.
    """
    plain = plain_name(path)
    archive = plain.suffix.lower() if plain.suffix.lower() in ARCHIVES else None
    if archive:
        raise BadInput(
            f"{path.name} is an archive of files", f"unpack it first: {ARCHIVES[archive]} {path.name}"
        )
    if plain.suffix.lower() not in SUFFIXES:
        raise BadInput(
            f"the format of {path.name} is not known by its ending {plain.suffix.lower()!r}",
            f"rename it to end in one of {', '.join(SUFFIXES)}",
        )
    return SUFFIXES[plain.suffix.lower()]


def read(path: Path, format: Format | None = None, on_bad: OnBad = "refuse") -> Iterator[dict[str, Any]]:
    """Yield the rows of a file.

    Args:
        path: the file.
        format: its format; told by its name when left out.
        on_bad: `refuse` stops at the first bad line, `skip` leaves bad lines out.
    Raises:
        BadInput: a bad line and `refuse`, or a file that cannot be read as that format at all.
    """
    for layout in examine(path, format or detect(path)):
        for item in items(path, layout):
            if item.row is not None:
                yield item.row
            elif on_bad == "refuse":
                raise refusal(path.name, [BadLine(path.name, item.line, item.reason)], 1)


def refusal(name: str, first: list[BadLine], count: int) -> BadInput:
    """Make the error for a file with bad lines, naming the first few."""
    shown = "; ".join(f"line {bad.line}: {bad.reason}" for bad in first[:SHOWN_BAD_LINES])
    more = f"; and {count - SHOWN_BAD_LINES} more" if count > SHOWN_BAD_LINES else ""
    lines = "1 bad line" if count == 1 else f"{count} bad lines"
    return BadInput(f"{name} has {lines}: {shown}{more}", "mend them, or keep the rest with --on-bad skip")


def examine(path: Path, format: Format) -> list[Layout]:
    """Read the beginning of a file and return how to read its rows: one layout for each split that it holds.

    Raises:
        BadInput: the file is empty or its beginning is not of that format.
    """
    if path.stat().st_size == 0:
        raise BadInput(f"{path.name} is empty", "name a file with rows")
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) and format not in COLUMNAR:
        raise BadInput(f"{path.name} is UTF-16", f"convert it: iconv -f UTF-16 -t UTF-8 {path.name}")
    bom = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    if format == "json":
        return find_arrays(path, bom)
    if format in ("csv", "tsv"):
        return [find_header(path, format, bom)]
    return [Layout(format, start=0 if format in COLUMNAR else bom)]


def items(path: Path, layout: Layout, offset: int | None = None) -> Iterator[Item]:
    """Yield the rows and the bad lines of a file.

    Args:
        path: the file.
        layout: of `examine`.
        offset: where to begin: the offset of an earlier item (a byte of the file, in columnar files a place
            that only their reader knows); the first row when left out. Line numbers are right only from
            the first row.
    """
    begin = layout.start if offset is None else offset
    if layout.format == "parquet":
        return parquet_items(path, begin)
    if layout.format == "arrow":
        return arrow_items(path, begin)
    if layout.format == "json":
        return array_items(path, layout, begin)
    if layout.format in ("csv", "tsv"):
        return table_items(path, layout, begin)
    if layout.format == "jsonl":
        return line_items(path, begin)
    return _text_items(path, begin)


def _text_items(path: Path, begin: int) -> Iterator[Item]:
    """Every line is a row, the empty ones too: parallel files must keep their pairing."""
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        for offset, line, raw, fault in lines(file, begin):
            try:
                text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                fault = fault or not_utf8(error)
            if not fault and "\0" in text:
                fault = "a NUL character"
            yield Item(offset, line, None if fault else {"text": text}, fault)
