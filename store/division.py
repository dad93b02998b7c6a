"""Divides a split in two or three so that equal rows stay together: a row's hash decides, not its place."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import BadInput
from store.files import check_name, private_folder
from store.lines import Layout
from store.pieces import INDEX, STRIDE, Piece, good_rows, write_index

PREFIX = "divided"
PARTS = 64  # the hashes are counted part by part, so that few of them are objects at once
PROGRESS_ROWS = 2048


@dataclass(frozen=True)
class Plan:
    """How to divide a split.

    Args:
        source: the split to divide, which keeps what the others do not get.
        shares: of its rows, by the name of the new split.
        seed: another one makes another division.
        by: rows with equal values in these columns stay together; equal rows when empty.
    """

    source: str
    shares: Mapping[str, float]
    seed: int = 0
    by: Sequence[str] = ()

    def check(self, columns: Iterable[str]) -> None:
        """Refuse what makes no sense.

        Raises:
            BadInput: shares that leave nothing, or columns that are not there.
        """
        if not self.shares or not all(0 < share < 1 for share in self.shares.values()):
            raise BadInput("a share must lie between 0 and 1", "give one or more, as --test 0.1")
        if sum(self.shares.values()) >= 1 - 1e-9:
            raise BadInput(
                f"the shares leave nothing to {self.source!r}", "give shares that add up to less than 1"
            )
        if self.source in self.shares:
            raise BadInput(f"{self.source!r} cannot be divided into itself", "name other splits")
        for split in self.shares:
            check_name(split)
        known = list(columns)
        for column in self.by:
            if column not in known:
                raise BadInput(f"there is no column {column!r}", f"there are: {', '.join(known)}")


@dataclass(frozen=True)
class Divided:
    """A split that was divided, in files of its own.

    Args:
        pieces: the new pieces, in the staging folder.
        groups: how many different rows there were.
        duplicates: rows that are equal to an earlier one, and went where that one went.
    """

    pieces: list[Piece]
    groups: int
    duplicates: int


def divide(
    folder: Path,
    pieces: list[Piece],
    plan: Plan,
    staged: Path,
    token: str,
    progress: Callable[[int], None] | None = None,
) -> Divided:
    """Write the rows of a split to new files, one for each side, in the order that they had.

    Args:
        folder: the dataset's folder.
        pieces: of the split.
        plan: how to divide it.
        staged: where the files are written.
        token: a part of their names, which no other files have.
        progress: called now and then with the number of rows read; every row is read twice.
    Raises:
        BadInput: a side would be empty.
    """
    tell = progress or (lambda _: None)
    hashes = array("Q")
    for number, row in enumerate(_rows(folder, pieces)):
        hashes.append(_hash(row, plan))
        if number % PROGRESS_ROWS == 0:
            tell(number)
    targets = {split: max(1, round(share * len(hashes))) for split, share in plan.shares.items()}
    groups, large = _groups(hashes, max(2, min(targets.values()) // 2))
    bounds = _bounds(array("Q", (each for each in hashes if each not in large)), targets)
    with _Writers(staged, token, [*plan.shares, plan.source]) as writers:
        for number, (hash, row) in enumerate(zip(hashes, _rows(folder, pieces), strict=True)):
            side = plan.source if hash in large else _side(hash, bounds, plan.source)
            writers.write(side, row)
            if number % PROGRESS_ROWS == 0:
                tell(len(hashes) + number)
    made = writers.pieces()
    for split in (plan.source, *plan.shares):
        if split not in {piece.split for piece in made}:
            raise BadInput(
                f"{len(hashes):,} rows, {groups:,} of them different, leave none for {split!r}",
                "give another share or --seed, or more rows",
            )
    made.sort(key=lambda piece: (piece.split != plan.source, piece.split != "validation"))
    return Divided(made, groups, len(hashes) - groups)


def _rows(folder: Path, pieces: list[Piece]) -> Iterator[dict[str, Any]]:
    for piece in pieces:
        yield from good_rows(folder, piece, 0)


def _hash(row: dict[str, Any], plan: Plan) -> int:
    chosen = {name: row.get(name) for name in plan.by} if plan.by else row
    plain = {name: _plain(value) for name, value in chosen.items() if value is not None}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=str(plan.seed).encode()[:64])
    return int.from_bytes(digest.digest(), "little")


def _plain(value: Any) -> Any:
    """Make texts equal that differ only in white space and the case of their letters."""
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def _groups(hashes: array[int], most: int) -> tuple[int, set[int]]:
    """Count the different hashes, and name those that occur so often that they would fill a side."""
    parts = [array("Q") for _ in range(PARTS)]
    for hash in hashes:
        parts[hash % PARTS].append(hash)
    groups, large = 0, set[int]()
    for part in parts:
        counts = Counter(part)
        groups += len(counts)
        large.update(hash for hash, count in counts.items() if count > most)
    return groups, large


def _bounds(hashes: array[int], targets: dict[str, int]) -> list[tuple[int, str]]:
    """Return up to which hash a row belongs to which side, so that the sides have as many rows as wanted."""
    buckets = Counter(hash >> 48 for hash in hashes)
    bounds, rank = [], 0
    for split, target in targets.items():
        rank += target
        bucket, before = 0, 0
        for bucket in sorted(buckets):
            if before + buckets[bucket] >= rank:
                break
            before += buckets[bucket]
        inside = sorted(hash for hash in hashes if hash >> 48 == bucket)
        bound = inside[min(rank - before, len(inside)) - 1] if inside else 0
        rank = before + sum(hash <= bound for hash in inside)  # equal rows beyond the target are in it too
        bounds.append((bound, split))
    return bounds


def _side(hash: int, bounds: list[tuple[int, str]], rest: str) -> str:
    for bound, split in bounds:
        if hash <= bound:
            return split
    return rest


@dataclass
class _Side:
    """A file that is being written."""

    file: BinaryIO
    rows: int = 0
    bytes: int = 0
    marks: array[int] = field(default_factory=lambda: array("Q"))
    digest: Any = field(default_factory=hashlib.sha256)


class _Writers:
    """The files of all sides, open while they are written."""

    def __init__(self, folder: Path, token: str, splits: list[str]) -> None:
        self._folder = folder
        self._names = {split: f"{PREFIX}-{token}-{split}" for split in splits}
        self._sides: dict[str, _Side] = {}

    def __enter__(self) -> _Writers:
        for split, name in self._names.items():
            self._sides[split] = _Side((self._folder / f"{name}.jsonl").open("xb"))
        return self

    def __exit__(self, *_: object) -> None:
        for side in self._sides.values():
            side.file.close()

    def write(self, split: str, row: dict[str, Any]) -> None:
        """Append a row to a side."""
        side = self._sides[split]
        if side.rows % STRIDE == 0:
            side.marks.append(side.bytes)
        line = f"{json.dumps(row, ensure_ascii=False)}\n".encode()
        side.file.write(line)
        side.digest.update(line)
        side.rows += 1
        side.bytes += len(line)

    def pieces(self) -> list[Piece]:
        """Write the indexes and return the sides that have rows."""
        private_folder(self._folder / INDEX)
        return [self._piece(split, side) for split, side in self._sides.items() if side.rows]

    def _piece(self, split: str, side: _Side) -> Piece:
        name = self._names[split]
        index = f"{INDEX}/{name}.u64"
        write_index(self._folder / index, side.marks)
        digest = side.digest.hexdigest()
        return Piece(split, f"{name}.jsonl", side.rows, side.bytes, digest, index, Layout("jsonl"))
