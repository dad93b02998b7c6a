"""Named TOML files that a person may edit with any editor: what templates and mixtures have in common.

The file `<noun>s/<name>.toml` is the truth, whatever wrote it; the catalog says that it was added.
"""

from __future__ import annotations

import builtins
import re
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from store.db import write
from store.entries import Noun, drop
from store.errors import BadInput, Conflict, StoreError, near, not_found
from store.files import check_name, inside, private_folder, shown, write_atomic

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_BYTES = 256 * 1024
"""Far more than a person writes; Python's parser takes up to 500 bytes of memory for each."""
MAX_KEY_PARTS = 50
MAX_TOLD = 20

_LONG_KEY = re.compile(
    rf"""(?<![\w"'-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}"""
)

Fault = Callable[[Any], str | None]
"""From a value to what is wrong with it."""


class Named(Protocol):
    """What a file is read as: a frozen dataclass with a name and a hash of its meaning."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """Its name in the store."""

    @property
    def hash(self) -> str:
        """The sha256 of its canonical text."""


Record = TypeVar("Record", bound=Named)


@dataclass(frozen=True)
class Form(Generic[Record]):
    """How one noun's files are read and written.

    Args:
        noun: as the command line says it.
        parse: from a text and what to call it in errors; raises BadInput with all faults at once.
        format: its canonical text.
        columns: what the catalog keeps besides name, hash, source and time.
    """

    noun: Noun
    parse: Callable[[str, str], Record]
    format: Callable[[Record], str]
    columns: Callable[[Record], dict[str, Any]]


def load(text: str, origin: str) -> dict[str, Any]:
    """Read a TOML document.

    Raises:
        BadInput: it is none; line and column are told.
    """
    if len(text) > MAX_BYTES:
        raise BadInput(f"{origin} is larger than 256 KiB", "write a smaller one")
    if _LONG_KEY.search(text):
        # Python's parser takes memory by the square of a key's parts: a small file could ask for gigabytes.
        raise BadInput(f"{origin}: a key has more than {MAX_KEY_PARTS} parts", "write short keys")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BadInput(f"{origin}: its lists or tables are nested too deeply", "write them flat") from error
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        raise BadInput(f"{origin}: {error}", 'mend the TOML; multi-line texts stand between """') from error


def told(faults: Sequence[str]) -> str:
    """Put faults into one sentence, the first twenty of them."""
    more = len(faults) - MAX_TOLD
    return "; ".join([*faults[:MAX_TOLD], *([f"and {more} more"] if more > 0 else [])])


def faults_of_keys(
    table: Mapping[str, Any], known: Mapping[str, Fault], needed: tuple[str, ...], where: str
) -> list[str]:
    """List what is wrong with a table's keys and values.

    Args:
        table: of a TOML document.
        known: what a value of each key must be.
        needed: the keys that cannot be left out.
        where: put before each fault.
    """
    faults = [f"{where}{key!r} is missing" for key in needed if key not in table]
    for key, value in table.items():
        if key not in known:
            nearest = near(key, known) or ", ".join(known)
            faults.append(f"{where}unknown key {key[:60]!r}, did you mean {nearest}?")
        elif fault := known[key](value):
            faults.append(f"{where}{key!r} {fault}")
    return faults


def text_fault(value: Any) -> str | None:
    """Tell what is wrong with a value that must be a text."""
    return None if isinstance(value, str) else f"must be a text, not {type(value).__name__}"


class Texts(Generic[Record]):
    """The files of one noun in one store."""

    def __init__(self, root: Path, db: Database, form: Form[Record]) -> None:
        self._root = root
        self._db = db
        self._form = form
        self._noun = form.noun

    def add(
        self, file: Path, *, name: str | None = None, accept: Callable[[Record], object] | None = None
    ) -> Record:
        """Copy a file into the store, as written, and enter it in the catalog.

        Args:
            file: a TOML file.
            name: another name than the one in the file.
            accept: looks at the record before it enters, and raises what is wrong with it.
        Raises:
            BadInput: the file is not valid.
            Conflict: the name is taken.
        """
        text = _read(Path(file).expanduser(), self._noun)
        source = shown(Path(file).absolute())
        return self.add_text(text, str(file), name=name, accept=accept, source=source)

    def add_text(
        self,
        text: str,
        origin: str,
        *,
        name: str | None = None,
        accept: Callable[[Record], object] | None = None,
        source: str | None = None,
    ) -> Record:
        """Put a text into the store as a file, and enter it in the catalog.

        Args:
            text: the TOML text.
            origin: what to call it in errors.
            name, accept: as in `add`.
            source: where it came from; `origin` when left out.
        Raises:
            BadInput: the text is not valid.
            Conflict: the name is taken.
        """
        record = self._form.parse(text, origin)
        if name is not None and name != record.name:
            record = replace(record, name=check_name(name))
            text = self._form.format(record)
        if accept is not None:
            accept(record)
        path = self.path(record.name)
        with write(self._db):
            if path.exists():
                again = f"`workbench {self._noun} remove {record.name}`"
                raise Conflict(
                    f"there is a {self._noun} {record.name!r} already",
                    f"choose another --name, edit {path}, or {again}",
                )
            private_folder(path.parent)
            write_atomic(path, text)
            row = {"name": record.name, **self._form.columns(record), "hash": record.hash}
            row |= {"source": source or origin, "created": time.time()}
            self._db.table(f"{self._noun}s").upsert(row, pk="name")
        return record

    def get(self, name: str) -> Record:
        """Return a record as its file says now.

        Raises:
            NotFound: there is none.
            BadInput: its file was edited and is not valid any more.
        """
        return replace(self._form.parse(self.text(name), str(self.path(name))), name=name)

    def text(self, name: str) -> str:
        """Return the text of a file.

        Raises:
            NotFound: there is none.
        """
        path = self.path(name)
        if not path.is_file():
            raise not_found(self._noun, name, self.names())
        return _read(path, self._noun)

    def path(self, name: str) -> Path:
        """Return where a file is, for an editor."""
        return inside(self._root, f"{self._noun}s", f"{check_name(name)}.toml")

    def names(self) -> builtins.list[str]:
        """Return the names of all files, valid or not."""
        return sorted(path.stem for path in (self._root / f"{self._noun}s").glob("[!.]*.toml"))

    def list(self) -> builtins.list[Record]:
        """Return all records whose files are valid; `faults` tells of the others."""
        found = (self._try(name) for name in self.names())
        return [record for record in found if not isinstance(record, StoreError)]

    def faults(self) -> dict[str, StoreError]:
        """Return what is wrong with the files that are not valid, by name."""
        found = {name: self._try(name) for name in self.names()}
        return {name: fault for name, fault in found.items() if isinstance(fault, StoreError)}

    def remove(self, name: str) -> None:
        """Remove a file.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        path = self.path(name)
        if not path.exists():
            raise not_found(self._noun, name, self.names())
        drop(self._db, self._noun, name, path, self._root)

    def _try(self, name: str) -> Record | StoreError:
        try:
            return self.get(name)
        except StoreError as error:
            return error


def _read(path: Path, noun: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than 256 KiB", f"a {noun} is a small TOML file")
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not UTF-8", "save the file as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "name a TOML file") from error
