"""What the columns of a dataset hold, in figures: one pass over the rows in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from store.files import write_atomic
from store.pieces import STRIDE, Piece, good_rows
from store.rows import COLUMNAR

Progress = Callable[[int], None]
Stop = Callable[[], bool]

VERSION = 1
DISTINCT = 100_000  # different values that are told apart in one column, fewer where there are many columns
DISTINCT_OF_ALL = 1_000_000
VALUES = 50  # a column of more different values has no most frequent ones
SHOWN_VALUES = 10
VALUE_CHARACTERS = 80
EXACT_LENGTH = 2048  # longer lengths are counted to within one part in two thousand
STEP_ROWS = 512
COLUMNAR_BLOCKS = 16


def describe(
    folder: Path,
    pieces: list[Piece],
    columns: Iterable[str],
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Return the figures of every column.

    Args:
        folder: the dataset's folder.
        pieces: whose rows are read.
        columns: their names.
        limit: read at most so many rows, in blocks spread evenly over all of them.
        progress: called now and then with the number of rows read.
        stop: asked now and then whether to give up; then the figures are of what was read until then.
    """
    names = list(columns)
    total = sum(piece.rows for piece in pieces)
    bound = min(DISTINCT, max(1000, DISTINCT_OF_ALL // max(1, len(names))))
    seen = {name: _Column(bound) for name in names}
    read, finished = 0, True
    for row in _sample(folder, pieces, total, limit):
        read += 1
        for name, column in seen.items():
            column.add(row.get(name))
        if read % STEP_ROWS == 0:
            if progress is not None:
                progress(read)
            if stop is not None and stop():
                finished = False
                break
    if progress is not None:
        progress(read)
    return {
        "rows": total,
        "read": read,
        "sampled": finished and read < total,
        "finished": finished,
        "splits": list(dict.fromkeys(piece.split for piece in pieces)),
        "columns": {name: column.figures() for name, column in seen.items()},
    }


class Kept:
    """Figures kept in the dataset's folder, read only while all they depend on is the same; disposable.

    Args:
        folder: the dataset's folder.
        key: what they depend on.
    """

    def __init__(self, folder: Path, key: tuple[str | int | None, ...]) -> None:
        self._folder = folder
        self._key = [VERSION, *key]
        mark = hashlib.sha256(json.dumps(self._key[2:]).encode()).hexdigest()[:12]
        self._path = folder / f"statistics-{mark}.json"

    def read(self) -> dict[str, Any] | None:
        """Return the figures, or None when there are none of this key."""
        try:
            held = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(held, dict) or held.get("key") != self._key:
            return None
        figures: dict[str, Any] = held["figures"]
        return figures

    def write(self, figures: dict[str, Any]) -> None:
        """Keep figures, where the folder can be written."""
        with contextlib.suppress(OSError):
            write_atomic(self._path, json.dumps({"key": self._key, "figures": figures}))


def _sample(folder: Path, pieces: list[Piece], total: int, limit: int | None) -> Iterator[dict[str, Any]]:
    if limit is None or limit >= total:
        for piece in pieces:
            yield from good_rows(folder, piece, 0)
        return
    columnar = any(piece.layout.format in COLUMNAR for piece in pieces)
    blocks = COLUMNAR_BLOCKS if columnar else max(1, limit // STRIDE)
    for number in range(blocks):
        count = limit * (number + 1) // blocks - limit * number // blocks
        begin = (total - count) * number // max(1, blocks - 1)
        yield from _stretch(folder, pieces, begin, count)


def _stretch(folder: Path, pieces: list[Piece], begin: int, count: int) -> Iterator[dict[str, Any]]:
    for piece in pieces:
        if begin < piece.rows and count > 0:
            here = min(count, piece.rows - begin)
            for _, row in zip(range(here), good_rows(folder, piece, begin), strict=False):
                yield row
            count -= here
        begin = max(0, begin - piece.rows)


class _Column:
    """What has been seen of one column."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._kinds: Counter[str] = Counter()
        self._missing = self._empty = 0
        self._lengths, self._items = _Lengths(), _Lengths()
        self._least = self._most = self._sum = 0.0
        self._distinct: set[int] = set()
        self._exact = True
        self._values: Counter[Any] | None = Counter()

    def add(self, value: Any) -> None:
        """Count one value; None is a missing one."""
        if value is None:
            self._missing += 1
            return
        if isinstance(value, str):
            self._kinds["text"] += 1
            self._lengths.add(len(value))
            self._empty += not value or value.isspace()
            key: Any = value
        elif isinstance(value, bool):
            self._kinds["boolean"] += 1
            key = "true" if value else "false"
        elif isinstance(value, int | float):
            self._number(value)
            key = value
        else:
            self._kinds["list" if isinstance(value, list) else "object"] += 1
            self._empty += not value
            if isinstance(value, list):
                self._items.add(len(value))
            key = json.dumps(value, sort_keys=True)
        if self._exact:
            self._tell_apart(value, key)

    def _number(self, value: float) -> None:
        if not self._kinds["number"]:
            self._least = self._most = value
        self._kinds["number"] += 1
        self._least, self._most = min(self._least, value), max(self._most, value)
        self._sum += value

    def _tell_apart(self, value: Any, key: Any) -> None:
        self._distinct.add(hash((type(value), key)))
        if len(self._distinct) > self._bound:
            self._exact, self._distinct = False, set()
        if self._values is None:
            return
        short = isinstance(value, str | int | float) and len(str(value)) <= VALUE_CHARACTERS
        if not short or len(self._distinct) > VALUES or not self._exact:
            self._values = None
        else:
            self._values[type(value), value] += 1

    def figures(self) -> dict[str, Any]:
        """Return what was counted."""
        number = None
        if count := self._kinds["number"]:
            number = {"min": self._least, "mean": self._sum / count, "max": self._most}
        common = self._values.most_common(SHOWN_VALUES) if self._values is not None else []
        return {
            "kinds": {kind: count for kind, count in self._kinds.most_common() if count},
            "missing": self._missing,
            "empty": self._empty,
            "distinct": len(self._distinct) if self._exact else self._bound,
            "distinct_exact": self._exact,
            "length": self._lengths.figures(),
            "number": number,
            "items": self._items.figures(),
            "values": [[value, count] for (_, value), count in common],
        }


class _Lengths:
    """How often each length occurs; long ones are rounded down so that there are few different ones."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._least = self._most = self._sum = 0

    def add(self, length: int) -> None:
        if not self._counts:
            self._least = self._most = length
        elif length < self._least:
            self._least = length
        elif length > self._most:
            self._most = length
        self._sum += length
        if length >= EXACT_LENGTH:
            shift = length.bit_length() - EXACT_LENGTH.bit_length() + 1
            length = length >> shift << shift
        self._counts[length] = self._counts.get(length, 0) + 1

    def figures(self) -> dict[str, float] | None:
        """Return the least, median, 95th percentile, greatest and mean length; None where there was none."""
        if not self._counts:
            return None
        count = sum(self._counts.values())
        return {
            "min": self._least,
            "median": self._at((count + 1) // 2),
            "p95": self._at(-(-count * 95 // 100)),
            "max": self._most,
            "mean": self._sum / count,
        }

    def _at(self, rank: int) -> int:
        for length in sorted(self._counts):
            rank -= self._counts[length]
            if rank <= 0:
                return max(length, self._least)
        return self._most
