"""Tokenised rows kept for the next run that needs the same: disposable, bounded, the oldest go first.

What is kept is found by everything that made it. It is read only when it is whole, and made anew otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
from array import array
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import store
from store.files import private_folder
from store.models import Model
from workbench import composing
from workbench.processes import HeldLock
from workbench.worker import batches
from workbench.worker.batches import TokenRows

FOLDER = ("cache", "tokens")
MOST_BYTES = 4 << 30
"""Of all that is kept; as many again must be free on the disk beside a new file."""

_TOKENIZER_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
_PACKAGES = ("tokenizers", "jinja2", "pyarrow")
_HEADER_BYTES = 1 << 16
_SUFFIX = ".tokens"
_LOOK_SECONDS = 0.5


def through(
    root: Path,
    key: dict[str, Any],
    make: Callable[[], TokenRows],
    check: Callable[[], None],
    most_bytes: int = MOST_BYTES,
) -> TokenRows:
    """Rows as they were kept, or made and kept; what one process makes, others that need it wait for.

    Args:
        root: The store's folder.
        key: All that the rows depend on beside the code, as JSON has it.
        make: Tokenises them.
        check: Called while another process makes them; may raise to end.
        most_bytes: The most that is kept in all.

    Raises:
        BadInput: Whatever making them raises; nothing is kept then.
    """
    told = json.dumps({**key, "code": code_version()}, sort_keys=True)
    folder = root.joinpath(*FOLDER)
    path = folder / f"{hashlib.sha256(told.encode()).hexdigest()}{_SUFFIX}"
    kept = _read(path)
    if kept is not None:
        return kept
    with _turn(path, check):
        kept = _read(path)
        return _kept(path, make(), most_bytes) if kept is None else kept


def tokenizer_hash(model: Model) -> str:
    """sha256 over the files that say how a model's tokenizer works."""
    digest = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        path = model.path / name
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def code_version() -> str:
    """sha256 over the code and the packages that make tokens of rows."""
    digest = hashlib.sha256()
    for folder in (Path(str(store.__file__)).parent, *map(Path, composing.__path__)):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(Path(batches.__file__).read_bytes())
    digest.update(" ".join(metadata.version(package) for package in _PACKAGES).encode())
    return digest.hexdigest()


@contextlib.contextmanager
def _turn(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Be the only process that makes these rows, where a lock can be had at all."""
    place, lock = path.with_suffix(".lock"), None
    with contextlib.suppress(OSError):
        private_folder(path.parent)
        while (lock := HeldLock.take(place, wait_seconds=_LOOK_SECONDS)) is None:
            check()
    try:
        yield
    finally:
        if lock is not None:
            # Who waits at it finds the rows; who comes later finds no lock, and finds them too.
            place.unlink(missing_ok=True)
            lock.release()


def _kept(path: Path, made: TokenRows, most_bytes: int) -> TokenRows:
    try:
        if _write(path, made, most_bytes):
            _make_room(path.parent, path, most_bytes)
    except OSError as error:
        sys.stdout.write(f"tokens are not kept: {error.strerror}\n")
    return made


def _write(path: Path, rows: TokenRows, most_bytes: int) -> bool:
    """Write rows beside their place and rename: no sync, since what is not whole is not read."""
    ends, numbers = np.frombuffer(rows.ends, np.int64), rows.numbers
    size = ends.nbytes + numbers.nbytes
    if size > most_bytes or shutil.disk_usage(path.parent).free < most_bytes + size:
        return False
    digest = hashlib.sha256(ends.data)
    digest.update(numbers.data)
    header = json.dumps(
        {
            "ends": len(ends),
            "numbers": len(numbers),
            "skipped": rows.skipped,
            "reasons": rows.reasons,
            "sha256": digest.hexdigest(),
        }
    ).encode()
    beside = path.with_name(f".{secrets.token_hex(8)}{_SUFFIX}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(header.ljust(_HEADER_BYTES - 1) + b"\n")
            ends.tofile(file)
            numbers.tofile(file)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return True


def _read(path: Path) -> TokenRows | None:
    """The rows of a file, if it is there and whole; it counts as used now."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    try:
        header = json.loads(file.read(_HEADER_BYTES))
        ends = array("q", file.read(8 * header["ends"]))
        digest = hashlib.sha256(ends)
        numbers = np.memmap(
            file, dtype=np.int32, mode="r", offset=_HEADER_BYTES + 8 * len(ends), shape=(header["numbers"],)
        )
        digest.update(numbers.data)
        if digest.hexdigest() != header["sha256"]:
            raise ValueError("other content than was written")
        rows = TokenRows.of(file, ends, numbers, header["skipped"], header["reasons"])
    except (OSError, ValueError, KeyError, TypeError):
        file.close()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return rows


def _make_room(folder: Path, newest: Path, most_bytes: int) -> None:
    """Remove what was used longest ago until the rest is within bounds; who reads it now keeps it."""
    files = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            about = path.stat()
            files.append((path == newest, about.st_mtime, about.st_size, path))
    total = sum(size for _, _, size, _ in files)
    for _, _, size, path in sorted(files):
        if total <= most_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size
