"""Datasets: their record, table, splits and pages of rows; `rows` and `pieces` know how files are read."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.configs import dump, read_json
from store.db import write
from store.entries import CARD, drop, enter, is_known
from store.errors import BadInput, Conflict, NotFound, not_found
from store.files import (
    check_name,
    combine,
    inside,
    name_from,
    seal,
    shown,
    staging,
    sync,
    write_atomic,
)
from store.lines import BadLine
from store.pieces import INDEX, Intake, Piece, Progress, good_rows, piece_from, take_in
from store.rows import OnBad
from store.splits import find_files

if TYPE_CHECKING:
    from sqlite_utils import Database

BAD_LINES = "bad_lines.jsonl"


@dataclass(frozen=True)
class Dataset:
    """A dataset in the store.

    Args:
        path: its folder, which holds the original files.
        source: the file or folder it came from.
        format: of its files.
        columns: the names that its rows have, in the order first seen; a row without one has None there.
        splits: rows by split.
        bytes: of its files.
        bad_lines: lines that were left out.
        fingerprint: sha256 over its files' contents by split.
        created: seconds since the epoch.
    """

    name: str
    path: Path
    source: str
    format: str
    columns: tuple[str, ...]
    splits: dict[str, int]
    bytes: int
    bad_lines: int
    fingerprint: str
    created: float

    @property
    def rows(self) -> int:
        """Rows of all splits together."""
        return sum(self.splits.values())


class Datasets:
    """The datasets of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def add(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        split: str | None = None,
        on_bad: OnBad = "refuse",
        progress: Progress | None = None,
    ) -> Dataset:
        """Bring a file, or a folder with one file per split, into the store; or a new split to a dataset.

        Args:
            source: the file or folder; the originals are copied and kept as they are.
            name: what to call it here; the file's or folder's name when left out. A dataset of that name is
                extended when a new `split` is given.
            split: the split of a single file; `train` when left out.
            on_bad: `refuse` a file with bad lines, naming the first few, or `skip` them and keep the rest.
            progress: called now and then with the number of rows read so far.
        Raises:
            BadInput: no such file, an unknown format, bad lines, no rows, other columns than the dataset's.
            Conflict: the name or the split is taken.
        """
        path = Path(source).expanduser().absolute()
        files = find_files(path, split)
        wanted = check_name(name) if name else name_from(path.stem if path.is_file() else path.name)
        self._check_free(wanted, split)
        with staging(self._root) as staged:
            intake = Intake(staged, on_bad, progress)
            for file in files:
                take_in(intake, file)
            card = _card(intake, wanted, path)
            if is_known(self._db, "dataset", wanted):
                self._extend(staged, card, split)
            else:
                enter(self._db, "dataset", _row(card), staged, self._folder(wanted))
        return self.get(wanted)

    def get(self, name: str) -> Dataset:
        """Return a dataset by its name.

        Raises:
            NotFound: there is none.
        """
        for row in self._db.table("datasets").rows_where("name = ?", [name]):
            return self._dataset(row)
        raise not_found("dataset", name, [dataset.name for dataset in self.list()])

    def list(self) -> builtins.list[Dataset]:
        """Return all datasets by name."""
        return [self._dataset(row) for row in self._db.table("datasets").rows_where(order_by="name")]

    def remove(self, name: str) -> None:
        """Remove a dataset with its files.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        drop(self._db, "dataset", name, self.get(name).path, self._root)

    def rows(
        self, name: str, split: str | None = None, start: int = 0, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return the rows of a split, or of all splits in turn, without reading all that lies before.

        Args:
            name: the dataset.
            split: one of its splits; all of them when left out.
            start: the number of the first row, from 0.
            limit: at most so many rows.
        Raises:
            NotFound: there is no such dataset or split.
        """
        dataset = self.get(name)
        return islice(_rows_from(dataset, self._pieces(dataset, split), max(0, start)), limit)

    def row(self, name: str, split: str, index: int) -> dict[str, Any]:
        """Return one row by its number in its split, from 0.

        Raises:
            NotFound: there is no such dataset, split or row.
        """
        dataset = self.get(name)
        pieces = self._pieces(dataset, split)
        for row in _rows_from(dataset, pieces, index) if index >= 0 else ():
            return row
        last = dataset.splits[split] - 1
        raise NotFound(f"{name} has no row {index} in {split!r}", f"its rows are numbered 0 to {last}")

    def bad_lines(self, name: str) -> builtins.list[BadLine]:
        """Return the lines that were left out at adding, at most ten thousand of each file."""
        path = self.get(name).path / BAD_LINES
        if not path.exists():
            return []
        return [BadLine(**json.loads(line)) for line in path.read_bytes().split(b"\n") if line]

    def _folder(self, name: str) -> Path:
        return inside(self._root, "datasets", name)

    def _check_free(self, name: str, split: str | None) -> None:
        if not is_known(self._db, "dataset", name):
            return
        if split is None:
            raise Conflict(
                f"there is a dataset {name!r} already",
                f"choose another --name, add a new --split to it, or `workbench dataset remove {name}`",
            )
        if split in self.get(name).splits:
            raise Conflict(f"{name} has a split {split!r} already", "choose another --split or --name")

    def _extend(self, staged: Path, card: dict[str, Any], split: str | None) -> None:
        """Move a new split's files beside the others; the card, written last, makes them part of it."""
        seal(staged)
        with write(self._db):
            self._check_free(card["name"], split)
            merged = self._merge(staged, card)
            self._db.table("datasets").update(card["name"], _row(merged))

    def _merge(self, staged: Path, card: dict[str, Any]) -> dict[str, Any]:
        name, folder = card["name"], self._folder(card["name"])
        old = read_json(folder / CARD)
        if set(old["columns"]) != set(card["columns"]):
            raise BadInput(
                f"its columns are {', '.join(card['columns'])}, {name} has {', '.join(old['columns'])}",
                "give both the same columns, or add it under another --name",
            )
        for piece in card["pieces"]:
            for part in (piece["index"], piece["file"]):
                (staged / part).rename(folder / part)
        sync(folder / INDEX)
        texts = [at / BAD_LINES for at in (folder, staged) if (at / BAD_LINES).exists()]
        if texts:
            write_atomic(folder / BAD_LINES, b"".join(path.read_bytes() for path in texts))
        pieces = [piece_from(piece) for piece in old["pieces"] + card["pieces"]]
        merged = _described(pieces, {**old, "bad_lines": old["bad_lines"] + card["bad_lines"]})
        write_atomic(folder / CARD, dump(merged))
        return merged

    def _dataset(self, row: dict[str, Any]) -> Dataset:
        columns, splits = tuple(json.loads(row["columns"])), json.loads(row["splits"])
        return Dataset(**{**row, "path": self._folder(row["name"]), "columns": columns, "splits": splits})

    def _pieces(self, dataset: Dataset, split: str | None) -> builtins.list[Piece]:
        if split is not None and split not in dataset.splits:
            raise NotFound(f"{dataset.name} has no split {split!r}", f"it has {', '.join(dataset.splits)}")
        pieces = [piece_from(entry) for entry in read_json(dataset.path / CARD)["pieces"]]
        wanted = dataset.splits if split is None else (split,)
        return [piece for piece in pieces if piece.split in wanted]


def _rows_from(dataset: Dataset, pieces: list[Piece], start: int) -> Iterator[dict[str, Any]]:
    empty = dict.fromkeys(dataset.columns)
    for piece in pieces:
        if start < piece.rows:
            for row in good_rows(dataset.path, piece, start):
                yield {**empty, **row}
        start = max(0, start - piece.rows)


def _card(intake: Intake, name: str, source: Path) -> dict[str, Any]:
    """Write the staged folder's bad lines and its card, and return the card."""
    first = next(iter(intake.columns.values()))
    for split, columns in intake.columns.items():
        if columns.keys() != first.keys():
            differing = ", ".join(sorted(columns.keys() ^ first.keys()))
            raise BadInput(
                f"the split {split!r} has other columns than {next(iter(intake.columns))!r}: {differing}",
                "give all splits the same columns, or add them as datasets of their own",
            )
    if intake.bad:
        lines = (json.dumps(asdict(bad), ensure_ascii=False) for bad in intake.bad)
        (intake.folder / BAD_LINES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    about = {"name": name, "source": shown(source), "columns": list(first), "bad_lines": intake.bad_count}
    card = _described(intake.pieces, {**about, "created": time.time()})
    (intake.folder / CARD).write_text(dump(card), encoding="utf-8")
    return card


def _described(pieces: list[Piece], about: dict[str, Any]) -> dict[str, Any]:
    """Return a card with everything that follows from the pieces."""
    digests = {f"{piece.split}/{number}": piece.sha256 for number, piece in enumerate(pieces)}
    return {
        **about,
        "format": ", ".join(dict.fromkeys(piece.layout.format for piece in pieces)),
        "bytes": sum({piece.file: piece.bytes for piece in pieces}.values()),
        "fingerprint": combine(digests),
        "pieces": [asdict(piece) for piece in pieces],
    }


def _row(card: dict[str, Any]) -> dict[str, Any]:
    splits: dict[str, int] = {}
    for piece in card["pieces"]:
        splits[piece["split"]] = splits.get(piece["split"], 0) + piece["rows"]
    row = {key: value for key, value in card.items() if key != "pieces"}
    return row | {"columns": json.dumps(card["columns"]), "splits": json.dumps(splits)}
