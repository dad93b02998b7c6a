"""Rows of a file of predictions, read line by line with progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from store.errors import BadInput
from workbench.cli.output import ascii_only
from workbench.cli.progress import Line
from workbench.evaluation.rows import Row, checked, read_lines

STDIN = Path("-")
BAR_CELLS = 20
TOLD_EVERY = 200


def rows_of(file: Path, line: Line | None) -> Iterator[Row]:
    """Read and check the rows of a file one by one.

    Args:
        file: Its path, or a dash for standard input.
        line: Where progress is told; None for silence.

    Raises:
        BadInput: The file cannot be read, or has lines that are no rows.
    """
    for number, row in enumerate(checked(read_lines(_lines(file, line))), 1):
        if line is not None and number % TOLD_EVERY == 0 and file == STDIN:
            line.write(f"{number:,} rows")
        yield row


def name_of(file: Path) -> str:
    """What a file of predictions is called."""
    return "standard input" if file == STDIN else file.name


def names_of(files: tuple[Sequence[Path], Sequence[Path]]) -> tuple[list[str], list[str]]:
    """What files are called beside each other: by their paths where two have one name."""
    flat = [*files[0], *files[1]]
    alike = len({file.name for file in flat}) < len(flat)
    one, other = ([str(file) if alike else file.name for file in side] for side in files)
    return one, other


def _lines(file: Path, line: Line | None) -> Iterator[str]:
    if file == STDIN:
        yield from _decoded(sys.stdin.buffer, name_of(file))
        return
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            yield from _decoded(_watched(opened, size, line), str(file))
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror})", "name a file of JSON lines") from error


def _watched(lines: Iterable[bytes], size: int, line: Line | None) -> Iterator[bytes]:
    done = 0
    for number, each in enumerate(lines, 1):
        yield each
        done += len(each)
        if line is not None and (number % TOLD_EVERY == 0 or done == size):
            line.write(f"{_bar(done / max(size, 1))} {number:,} rows")


def _bar(share: float) -> str:
    full, empty = ("#", ".") if ascii_only() else ("█", "░")
    cells = round(share * BAR_CELLS)
    return f"{full * cells}{empty * (BAR_CELLS - cells)} {share:4.0%}"


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{name}, line {number} is not UTF-8 text", "save the file as UTF-8") from error
