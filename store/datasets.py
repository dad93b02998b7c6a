"""Datasets: their record, table, splits and pages of rows; `rows` and `pieces` know how files are read."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.configs import dump, read_json
from store.dataset_card import BAD_LINES, described, divided_card, row_of, undivided, write_card
from store.db import write
from store.division import Divided, Plan, divide
from store.entries import CARD, check_unused, drop, enter, is_known
from store.errors import BadInput, Conflict, NotFound, StoreError
from store.files import check_name, inside, name_from, seal, staging, sync, write_atomic
from store.finding import Found, Stop, find_rows
from store.hub_data import Tell, find_data, name_of
from store.lines import BadLine
from store.pieces import INDEX, Intake, Piece, Progress, good_rows, piece_from, take_in
from store.rows import OnBad
from store.statistics import Kept, describe
from store.strangers import SOUND, folder_of, is_stranger, missing, told

if TYPE_CHECKING:
    from sqlite_utils import Database


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


@dataclass(frozen=True)
class Division:
    """What dividing a split came to.

    Args:
        dataset: with its new splits.
        groups: how many different rows were divided.
        duplicates: rows that are equal to another one, and were kept with it.
    """

    dataset: Dataset
    groups: int
    duplicates: int


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
        revision: str | None = None,
        config: str | None = None,
        progress: Progress | None = None,
        tell: Tell | None = None,
    ) -> Dataset:
        """Bring rows into the store: a file, a folder with files by split, or a dataset of the Hub.

        Args:
            source: a data file, compressed or not; a folder whose files or folders are named after splits; a
                folder of `save_to_disk`; `owner/name` of the Hub. The originals are copied (those compressed,
                unpacked) and kept as they are.
            name: what to call it here; the source's own name when left out. A dataset of that name is
                extended when a new `split` is given.
            split: the split of a single file, `train` when left out; of other sources the only one wanted.
            on_bad: `refuse` a file with bad lines, naming the first few, or `skip` them and keep the rest.
            revision: a branch, tag or commit of the Hub's repository; what it names now is kept as a commit.
            config: the configuration wanted, where the source has several.
            progress: called now and then with the number of rows read so far.
            tell: called with a line about what is being fetched and how large it is.
        Raises:
            BadInput: no such file, an unknown format, bad lines, no rows, other columns than the dataset's.
            Conflict: the name or the split is taken.
            NotFound, Unavailable: the Hub lacks it or does not answer.
        """
        wanted = check_name(name) if name else name_from(name_of(source))
        self._check_free(wanted, split)  # before anything is fetched
        origin = find_data(source, split, revision=revision, config=config, tell=tell)
        with staging(self._root) as staged:
            intake = Intake(staged, on_bad, progress)
            for file in origin.files:
                take_in(intake, file)
            card = write_card(intake, wanted, origin.source)
            if is_known(self._db, "dataset", wanted):
                self._extend(staged, card, split)
            else:
                enter(self._db, "dataset", row_of(card), staged, self._folder(wanted))
        return self.get(wanted)

    def get(self, name: str) -> Dataset:
        """Return a dataset by its name.

        Raises:
            NotFound: there is none.
        """
        for row in self._db.table("datasets").rows_where(f"name = ? and {SOUND['dataset']}", [name]):
            return _record(row, self._folder(name))
        raise missing(self._db, "dataset", name, [dataset.name for dataset in self.list()])

    def list(self) -> builtins.list[Dataset]:
        """Return all datasets by name; that no link leads out of the store is looked at when one is used."""
        folder = inside(self._root, "datasets")
        found = self._db.table("datasets").rows_where(SOUND["dataset"], order_by="name")
        return [_record(row, folder / row["name"]) for row in found]

    def left_out(self) -> StoreError | None:
        """Tell of the rows that are no dataset's, and are in no list; None where there are none."""
        return told(self._db, "dataset")

    def remove(self, name: str) -> None:
        """Remove a dataset with its files.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        if not is_stranger(self._db, "dataset", name):
            self.get(name)
        drop(self._db, "dataset", name, folder_of(self._root, "dataset", name), self._root)

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

    def find(
        self,
        name: str,
        split: str,
        text: str | re.Pattern[str],
        start: int | None = None,
        limit: int = 100,
        *,
        backwards: bool = False,
        stop: Stop | None = None,
    ) -> Found:
        """Search a split's values for a text, whatever the case of its letters, or for a pattern.

        Args:
            name: the dataset.
            split: one of its splits.
            text: what to look for; see `finding.find_rows`.
            start: the number of the first row to look at; the first row (backwards: the last) when left out.
            limit: stop at so many matches.
            backwards: look at ever smaller numbers.
            stop: asked now and then whether to give up.
        Returns:
            The matches, and the number of the row to go on from.
        Raises:
            NotFound: there is no such dataset or split.
        """
        dataset = self.get(name)
        pieces = self._pieces(dataset, split)
        found = find_rows(dataset.path, pieces, text, start, limit, backwards=backwards, stop=stop)
        empty = dict.fromkeys(dataset.columns)
        return replace(found, matches=[(number, {**empty, **row}) for number, row in found.matches])

    def statistics(
        self,
        name: str,
        split: str | None = None,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> dict[str, Any]:
        """Return the figures of every column: kinds, lengths, numbers, different and frequent values.

        What was counted to the end is kept beside the dataset's files until they change.

        Args:
            name: the dataset.
            split: one of its splits; all of them when left out.
            limit: read a sample of at most so many rows, spread over all of them.
            progress: called now and then with the number of rows read.
            stop: asked now and then whether to give up; what was read until then is returned.
        Raises:
            NotFound: there is no such dataset or split.
        """
        dataset = self.get(name)
        pieces = self._pieces(dataset, split)
        kept = Kept(dataset.path, (dataset.fingerprint, split, limit))
        figures = kept.read()
        if figures is None:
            columns = dataset.columns
            figures = describe(dataset.path, pieces, columns, limit=limit, progress=progress, stop=stop)
            if figures["finished"]:
                kept.write(figures)
        return figures

    def split(
        self,
        name: str,
        shares: Mapping[str, float],
        *,
        seed: int = 0,
        source: str = "train",
        by: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Division:
        """Divide a split so that equal rows stay on one side; the files that there were are kept as they are.

        Args:
            name: the dataset.
            shares: of the rows, by the name of the new split, as {"test": 0.1}.
            seed: another one makes another division; the same makes the same, in whatever order the rows are.
            source: the split to divide; it keeps the rest.
            by: keep rows together that are equal in these columns; those equal in all when left out.
            progress: called now and then with the number of rows read, of which each is read twice.
        Raises:
            NotFound: there is no such dataset or split.
            BadInput: impossible shares, or rows too few or too alike.
            Conflict: a split of that name exists, or a run that is queued or going on needs the dataset.
        """
        dataset, plan = self.get(name), Plan(source, shares, seed, by)
        pieces = self._pieces(dataset, source)
        plan.check(dataset.columns)
        for new in shares:
            if new in dataset.splits:
                raise Conflict(
                    f"{name} has a split {new!r} already",
                    f"take another name, or take a division back: `workbench dataset split {name} --undo`",
                )
        check_unused(self._db, "dataset", name)
        token = secrets.token_hex(4)
        with staging(self._root) as staged:
            divided = divide(dataset.path, pieces, plan, staged, token, progress)
            self._replace(dataset, staged, plan, divided)
        return Division(self.get(name), divided.groups, divided.duplicates)

    def unsplit(self, name: str) -> Dataset:
        """Take the last division of a dataset back: its splits are again what they were.

        Raises:
            NotFound: there is no such dataset.
            Conflict: it was not divided, or a run that is queued or going on needs it.
        """
        dataset = self.get(name)
        with write(self._db):
            check_unused(self._db, "dataset", name)
            card, gone = undivided(read_json(dataset.path / CARD))
            self._rewrite(dataset, card)
        for part in gone:
            (dataset.path / part).unlink(missing_ok=True)
        return self.get(name)

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
            self._rewrite(self.get(card["name"]), self._merge(staged, card))

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
        return described(pieces, {**old, "bad_lines": old["bad_lines"] + card["bad_lines"]})

    def _replace(self, dataset: Dataset, staged: Path, plan: Plan, divided: Divided) -> None:
        """Put the pieces of a division in the place of the old; the card, written last, makes it so."""
        seal(staged)
        with write(self._db):
            check_unused(self._db, "dataset", dataset.name)
            card = read_json(dataset.path / CARD)
            if card["fingerprint"] != dataset.fingerprint:
                raise Conflict(f"{dataset.name} was changed meanwhile", "look at it, and divide it again")
            for piece in divided.pieces:
                for part in (piece.index, piece.file):
                    (staged / part).rename(dataset.path / part)
            sync(dataset.path / INDEX)
            self._rewrite(dataset, divided_card(card, plan, divided.pieces))

    def _rewrite(self, dataset: Dataset, card: dict[str, Any]) -> None:
        write_atomic(dataset.path / CARD, dump(card))
        self._db.table("datasets").update(dataset.name, row_of(card))

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


def _record(row: dict[str, Any], path: Path) -> Dataset:
    """Make a dataset of its row, or of its card, which a crash may have left ahead of the row."""
    # A link out of the store is not followed, and the card of a copied folder renames nothing.
    with contextlib.suppress(StoreError, KeyError, TypeError):
        if Path(os.path.realpath(path / CARD)).is_relative_to(path.parents[1]):
            told = read_json(path / CARD)
            row = row if told["fingerprint"] == row["fingerprint"] else row_of(told) | {"name": row["name"]}
    columns, splits = tuple(json.loads(row["columns"])), json.loads(row["splits"])
    return Dataset(**{**row, "path": path, "columns": columns, "splits": splits})
