"""The connection to the catalog and its write transaction; nothing else in the product talks to SQLite.

The catalog file is never opened by anything but SQLite: closing any other descriptor of it would drop this
process's POSIX locks, and another process could then delete the write-ahead log under us.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Unavailable
from store.files import in_trash
from store.places import check_folder_is_local

if TYPE_CHECKING:
    import sqlite3 as sqlite3

    import sqlite_utils as sqlite_utils
    from sqlite_utils import Database

CATALOG = "catalog.db"
LOCK = "catalog.lock"
BUSY_SECONDS = 10.0  # SQLite's own wait, for writers that are not ours (a `sqlite3` shell, a backup)
LOCK_SECONDS = 30.0  # our fair lock: longer than any honest transaction
ATTEMPTS = 4
WAL_LIMIT_BYTES = 64 * 1024 * 1024


def _light_import() -> tuple[Any, Any]:
    """Import sqlite-utils without the pandas and numpy that it would load when they are installed.

    They cost 0.2 s and 40 MB per process and serve only values that we never hand in.
    """
    hidden = [name for name in ("pandas", "numpy") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("sqlite_utils"), importlib.import_module("sqlite_utils.utils").sqlite3
    finally:
        for name in hidden:
            del sys.modules[name]


if not TYPE_CHECKING:
    sqlite_utils, sqlite3 = _light_import()


def sqlite_version_is_safe(version: tuple[int, ...] | None = None) -> bool:
    """Tell whether an SQLite version is free of the WAL-reset defect, which can lose committed rows.

    Fixed in 3.51.3 and, in their branches, in 3.50.7 and 3.44.6.

    Args:
        version: (major, minor, patch); the linked library's when left out.
    """
    number = tuple(version or sqlite3.sqlite_version_info)
    return number >= (3, 51, 3) or (3, 50, 7) <= number < (3, 51) or (3, 44, 6) <= number < (3, 45)


def connect(path: Path, *, create: bool = True, read_only: bool = False) -> Database:
    """Open the catalog in WAL mode, private to its owner.

    Args:
        path: the catalog file; its folder must exist.
        create: make the file when it is missing.
        read_only: open a catalog on a medium that cannot be written, ignoring any write-ahead log.
    Returns:
        A sqlite-utils database in autocommit mode; changes go through `write`.
    Raises:
        Unavailable: the linked SQLite is unsafe, the file system unsuited, or the file unreadable.
    """
    if not sqlite_version_is_safe():
        raise Unavailable(
            f"SQLite {sqlite3.sqlite_version} can lose committed rows (its WAL-reset defect)",
            "pip install 'pysqlite3>=0.6.1'",
        )
    if read_only:
        with explained(path):
            return _open(f"{path.resolve().as_uri()}?immutable=1")
    check_folder_is_local(path.parent)
    if create:
        _create_private(path)
    with explained(path):
        db = _open(f"{path.resolve().as_uri()}?mode=rw")
        _prepare(db, path)
    return db


def _open(uri: str) -> Database:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    connection.text_factory = _text
    db: Database = sqlite_utils.Database(connection, execute_plugins=False)
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma trusted_schema = off")
    return db


def _text(raw: bytes) -> str:
    """Read what another program wrote that is not UTF-8, too: it must not end a whole list."""
    return raw.decode("utf-8", "replace")


def _prepare(db: Database, path: Path) -> None:
    if db.conn.execute("pragma journal_mode").fetchone()[0] != "wal":
        with _fair_lock(path.parent):
            mode = db.conn.execute("pragma journal_mode = wal").fetchone()[0]
        if mode != "wal":
            raise Unavailable(
                f"the file system of {path.parent} does not support SQLite's write-ahead log",
                "put the store on a local disk: --store DIR or WORKBENCH_STORE",
            )
    db.conn.execute(f"pragma journal_size_limit = {WAL_LIMIT_BYTES}")


def _create_private(path: Path) -> None:
    """Make the empty catalog with mode 0600 whatever the umask; SQLite copies its mode to -wal and -shm.

    `mknod` makes a file without opening it, as the module's docstring demands.
    """
    for new in (path, path.with_name(LOCK)):
        with contextlib.suppress(FileExistsError):
            os.mknod(new, stat.S_IFREG | 0o600)
    for name in (LOCK, path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(name).chmod(0o600)


@contextlib.contextmanager
def write(db: Database, *, durable: bool = True) -> Iterator[Database]:
    """Run one write transaction: fair lock, `BEGIN IMMEDIATE`, commit or roll back.

    A blocking `flock` on a file beside the catalog makes the writers queue up in order, which SQLite's own
    busy handler does not. A block inside another one joins the outer transaction.

    Args:
        db: a database of `connect`.
        durable: wait until the commit survives a power cut; False (metric points) promises an intact file.
    Raises:
        Unavailable: locked for too long, disk full, read-only or damaged.
    """
    if db.conn.in_transaction:
        yield db
        return
    path = catalog_path(db)
    with explained(path), _fair_lock(path.parent):
        db.conn.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
        _retry(db, "begin immediate")
        try:
            yield db
            _retry(db, "commit")
        except BaseException:
            db.rollback()
            raise


def storable(text: str) -> str:
    """Replace lone surrogates, which a model's or a file's text may hold and SQLite refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def catalog_path(db: Database) -> Path:
    """Return the file of a database of `connect`."""
    return Path(db.conn.execute("pragma database_list").fetchone()[2])


def _retry(db: Database, statement: str) -> None:
    for attempt in range(ATTEMPTS):
        try:
            db.conn.execute(statement)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.05 * 2**attempt)
        else:
            return


def _is_busy(error: Exception) -> bool:
    # The low byte is the primary code: 5 is SQLITE_BUSY, 6 SQLITE_LOCKED.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (5, 6)


@contextlib.contextmanager
def _fair_lock(root: Path) -> Iterator[None]:
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _wait_for(descriptor, root / LOCK)
    try:
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    """Take the lock in the kernel's order of arrival; a thread does the blocking so that waiting can end."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiter = _Waiter(descriptor)
        if not waiter.wait(LOCK_SECONDS):
            raise Unavailable(
                f"{path} has been locked by another process for {LOCK_SECONDS:.0f} seconds",
                f"end or resume the stuck process (see `fuser -v {path}`), then try again",
            ) from None


class _Waiter:
    """Blocks on a lock in a thread, and lets go of it when nobody waits any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._guard = threading.Lock()
        self._taken = threading.Event()
        self._abandoned = False
        self._error: OSError | None = None
        threading.Thread(target=self._block, name="catalog-lock", daemon=True).start()

    def _block(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._guard:
            if self._abandoned:
                os.close(self._descriptor)
            self._taken.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the lock; after False the descriptor belongs to the thread, which closes it."""
        try:
            self._taken.wait(seconds)
        finally:  # an interrupt from the keyboard gives up too
            with self._guard:
                self._abandoned = not self._taken.is_set()
        if self._error is not None:
            raise self._error
        return not self._abandoned


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn those of SQLite's errors that a user can do something about into ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        explanation = _EXPLANATIONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if explanation is None:
            raise
        more = in_trash(path) if explanation is _FULL else ""
        raise Unavailable(f"{path}: {explanation[0]}", explanation[1] + more) from error


_HELD = ("locked by another program", "close the program that holds it open, then try again")
_FULL = ("the disk is full", "free some space and try again; nothing was lost")
_EXPLANATIONS: dict[int, tuple[str, str]] = {
    5: _HELD,
    6: _HELD,
    8: ("the catalog is read-only", "make the store's folder writable, or name another with --store"),
    10: ("the disk failed to read or write", "look for disk errors with `dmesg`"),
    11: ("the catalog is damaged", "put a backup of it in its place, or name another store with --store"),
    13: _FULL,
    14: ("the catalog cannot be opened", "check that the folder exists and is yours"),
    26: ("this file is not an SQLite catalog", "name another store with --store"),
}
