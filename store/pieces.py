"""Pieces of a dataset: one file's rows of one split, read once at adding and by an index ever after."""

from __future__ import annotations

import contextlib
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from store.compressed import is_packed, unpack
from store.errors import BadInput
from store.files import check_name, copy_hashed, fingerprint_file, private_folder, shown
from store.lines import BadLine, Layout
from store.rows import OnBad, detect, examine, format_named, items, refusal
from store.splits import SPLITS, SourceFile

STRIDE = 256  # rows between two entries of the index: a page is at most so many rows of reading away
INDEX = "index"
MAX_KEPT_BAD_LINES = 10_000
MAX_COLUMNS = 2000
PROGRESS_ROWS = 2048

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Piece:
    """One file's rows of one split, as the dataset's card describes them.

    Args:
        split: the split that the rows belong to.
        file: the file's name in the dataset's folder.
        rows: how many valid rows it has.
        bytes: of the whole file.
        sha256: of the whole file.
        index: the name of the index: the offset of every 256th row, 8 bytes each, little-endian.
        layout: how to read the file from the middle.
    """

    split: str
    file: str
    rows: int
    bytes: int
    sha256: str
    index: str
    layout: Layout


@dataclass
class Intake:
    """What has been staged so far: pieces, the columns of each split, and the lines that held no row."""

    folder: Path
    on_bad: OnBad
    progress: Progress | None
    pieces: list[Piece] = field(default_factory=list)
    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    bad: list[BadLine] = field(default_factory=list)
    bad_count: int = 0

    @property
    def rows(self) -> int:
        """Valid rows so far."""
        return sum(piece.rows for piece in self.pieces)


@dataclass
class _Scan:
    rows: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    marks: array[int] = field(default_factory=lambda: array("Q"))
    bad: list[BadLine] = field(default_factory=list)
    bad_count: int = 0


def take_in(intake: Intake, source: SourceFile) -> None:
    """Copy a data file into the staging folder, read every row of it once, and add its pieces to the intake.

    A compressed file is kept unpacked: an index of offsets is of use only where one can seek.

    Raises:
        BadInput: an unknown format, no rows, or bad lines that are to be refused.
    """
    format_named(source.path)  # before it is copied in vain
    copy = intake.folder / source.stored_name
    digest = _bring(source, copy)
    try:
        layouts = examine(copy, detect(copy))
        _add_pieces(intake, source, copy, digest, layouts)
    except BadInput as error:  # the user knows the file by its own name
        what, remedy = (text.replace(copy.name, source.path.name) for text in (error.what, error.remedy))
        raise BadInput(what, remedy) from error


def _bring(source: SourceFile, copy: Path) -> str:
    """Unpack or copy a file, or give the Hub cache's own a second name; return the sha256 of the content."""
    if is_packed(source.path):
        return unpack(source.path, copy)
    if source.cached:
        with contextlib.suppress(OSError):  # another file system, or a cache of another user
            copy.hardlink_to(source.path.resolve())
            return fingerprint_file(copy)
    return copy_hashed(source.path, copy)


def _add_pieces(intake: Intake, source: SourceFile, copy: Path, digest: str, layouts: list[Layout]) -> None:
    for layout in layouts:
        split = _split_of(source, layout, len(layouts))
        scan = _scan(copy, layout, source.path.name, intake)
        if scan.bad_count and intake.on_bad == "refuse":
            raise refusal(source.path.name, scan.bad, scan.bad_count)
        if not scan.rows:
            raise BadInput(f"{source.path.name} has no valid row", "name a file with rows")
        index = f"{INDEX}/{copy.stem}-{split}.u64"
        write_index(intake.folder / index, scan.marks)
        intake.pieces.append(Piece(split, copy.name, scan.rows, copy.stat().st_size, digest, index, layout))
        intake.columns.setdefault(split, {}).update(scan.columns)
        intake.bad += scan.bad
        intake.bad_count += scan.bad_count


def _split_of(source: SourceFile, layout: Layout, count: int) -> str:
    """A JSON document with several arrays names the splits itself; one array may, by a word for a split."""
    if count == 1 and (layout.key not in SPLITS or source.named):
        return source.split
    if source.named:
        raise BadInput(
            f"{source.path.name} holds several splits itself, so it cannot be {source.split!r}",
            "add the file by itself, without --split",
        )
    return check_name(str(layout.key))


def _scan(copy: Path, layout: Layout, name: str, intake: Intake) -> _Scan:
    scan, before = _Scan(), intake.rows
    for item in items(copy, layout):
        if item.row is None:
            scan.bad_count += 1
            if len(scan.bad) < MAX_KEPT_BAD_LINES:
                scan.bad.append(BadLine(shown(Path(name)), item.line, item.reason))
            continue
        if scan.rows % STRIDE == 0:
            scan.marks.append(item.offset)
        if item.row.keys() - scan.columns.keys():
            scan.columns |= dict.fromkeys(item.row)
            _check_columns(scan.columns, name)
        scan.rows += 1
        if intake.progress and scan.rows % PROGRESS_ROWS == 0:
            intake.progress(before + scan.rows)
    if intake.progress:
        intake.progress(before + scan.rows)
    return scan


def _check_columns(columns: dict[str, None], name: str) -> None:
    if len(columns) > MAX_COLUMNS:
        raise BadInput(
            f"the rows of {name} have more than {MAX_COLUMNS} different keys", "put what varies under one key"
        )


def write_index(path: Path, marks: array[int]) -> None:
    """Write where every 256th row begins."""
    private_folder(path.parent)
    path.write_bytes(_little_endian(marks).tobytes())


def read_marks(folder: Path, piece: Piece) -> array[int]:
    """Return where every 256th row of a piece begins."""
    marks = array("Q")
    marks.frombytes((folder / piece.index).read_bytes())
    return _little_endian(marks)


def _little_endian(marks: array[int]) -> array[int]:
    swapped = array("Q", marks)
    if sys.byteorder == "big":
        swapped.byteswap()
    return swapped


def good_rows(folder: Path, piece: Piece, start: int) -> Iterator[dict[str, Any]]:
    """Yield the valid rows of a piece from the start-th on, reading from the nearest entry of its index."""
    with (folder / piece.index).open("rb") as file:
        file.seek(8 * (start // STRIDE))
        offset = int.from_bytes(file.read(8), "little")
    rows = (item.row for item in items(folder / piece.file, piece.layout, offset) if item.row is not None)
    skipped = start % STRIDE
    return islice(rows, skipped, skipped + piece.rows - start)


def piece_from(card: dict[str, Any]) -> Piece:
    """Make a piece of its entry in a dataset's card."""
    layout = {**card["layout"], "header": tuple(card["layout"]["header"])}
    return Piece(**{**card, "layout": Layout(**layout)})
