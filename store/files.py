"""Files and folders under the store's root: private, inside, and whole or not there; no catalog here."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from store.errors import BadInput, Conflict, Unavailable
from store.sizes import bytes_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
STAGING = ".staging"
TRASH = "trash"
CHUNK_BYTES = 1024 * 1024


def check_name(name: str) -> str:
    """Return a name that is safe as a folder's name.

    Raises:
        BadInput: it is empty, too long, or holds something else than letters, digits, `.`, `_` and `-`.
    """
    if NAME.fullmatch(name):
        return name
    raise BadInput(
        f"{name!r} cannot be a name",
        "use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit",
    )


def name_from(text: str) -> str:
    """Make a valid name of a file's or a repository's name: other characters become `-`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:128]
    return check_name(name)


def shown(path: Path) -> str:
    """Return a path as text that JSON and SQLite can keep, even when its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def inside(root: Path, *parts: str) -> Path:
    """Join parts to the root and return the path, refusing every way out of it, links included.

    Raises:
        BadInput: the path leads outside the root.
    """
    base = root.resolve()
    path = base.joinpath(*parts)
    if any("\0" in part for part in parts) or not path.resolve().is_relative_to(base):
        raise BadInput(f"{'/'.join(parts)!r} leads outside the store", "use a name, not a path")
    return path


@contextlib.contextmanager
def staging(root: Path) -> Iterator[Path]:
    """Lend a fresh private folder under the root; what is still there at the end is removed.

    The folder is locked for as long as it is lent, so that the next one to stage can sweep what dead
    processes left behind.
    """
    place = private_folder(root / STAGING)
    with _lent(place / secrets.token_hex(8), place.iterdir) as folder:
        yield folder


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """Lend a fresh private folder that becomes `target` when all went well, and is removed otherwise.

    Args:
        target: anywhere, the store or not.
    Raises:
        Conflict: something is there already.
    """
    if target.exists() or target.is_symlink():
        raise Conflict(f"{target} is there already", "name a folder that is not, or move it away")
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk, so that it can be moved in one piece.
    beside = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}")
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with _lent(folder, lambda: (each for each in target.parent.iterdir() if beside.fullmatch(each.name))):
        yield folder
        publish(folder, target)


@contextlib.contextmanager
def _lent(folder: Path, others: Callable[[], Iterable[Path]]) -> Iterator[Path]:
    """Make a folder and lock it for as long as it is lent; sweep what others have left behind there."""
    with _locked(folder.parent):
        _sweep(others())
        folder.mkdir(mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(folders: Iterable[Path]) -> None:
    """Remove the lent folders whose lender has died: the kernel drops a lock with its holder."""
    for folder in folders:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, whatever the umask, and return it."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    return path


def seal(folder: Path) -> None:
    """Make a staged folder private and durable: modes 0700 and 0600, every file and folder synced.

    Raises:
        BadInput: it holds a link or something that is neither file nor folder.
    """
    for current, folders, names in os.walk(folder, topdown=False):
        for name in names + [name for name in folders if (Path(current) / name).is_symlink()]:
            path = Path(current) / name
            if path.is_symlink() or not path.is_file():
                raise BadInput(
                    f"{path.name!r} is not a plain file", "copy the real file in place of the link"
                )
            path.chmod(0o600)
            sync(path)
        Path(current).chmod(0o700)
        sync(Path(current))


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(staged: Path, target: Path) -> Path:
    """Move a staged folder to its place so that it appears whole, survives a power cut, or is not there.

    Raises:
        Conflict: something is at the target already.
    """
    seal(staged)
    if target.exists() or target.is_symlink():
        raise Conflict(
            f"{target.parent.name}/{target.name} is on the disk already",
            f"choose another --name, or move {target} away",
        )
    private_folder(target.parent)
    staged.rename(target)
    sync(target.parent)
    return target


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a small file beside its place, sync it, and rename it over: old or new, never half."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # an odd umask may have taken our own bits
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def copy_hashed(source: Path, target: Path) -> str:
    """Copy a file in bounded memory and return the sha256 of what was copied, in hexadecimal.

    Raises:
        Unavailable: the disk is full.
    """
    with source.open("rb") as reader:
        return write_hashed(iter(lambda: reader.read(CHUNK_BYTES), b""), target, source.name)


def write_hashed(chunks: Iterable[bytes], target: Path, name: str) -> str:
    """Write a new file of pieces as they come and return the sha256 of it all, in hexadecimal.

    Args:
        chunks: the pieces.
        target: the file, which must not be there yet.
        name: what to call it when it does not fit.
    Raises:
        Unavailable: the disk is full.
    """
    digest = hashlib.sha256()
    try:
        with target.open("xb") as writer:
            for chunk in chunks:
                digest.update(chunk)
                writer.write(chunk)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable(
            f"the disk is full: {name} does not fit",
            f"free some space and add it again; nothing was changed{in_trash(target)}",
        ) from error
    return digest.hexdigest()


def fingerprint_file(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint_folder(folder: Path, *, skip: Iterable[str] = ()) -> str:
    """Return the sha256 over the sorted relative names and contents of a folder's files, in hexadecimal.

    Args:
        folder: the folder, read with all below it.
        skip: relative names to leave out, such as the card that will hold the result.
    """
    left_out = set(skip)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return combine({name: fingerprint_file(folder / name) for name in names if name not in left_out})


def combine(digests: dict[str, str]) -> str:
    """Return one sha256 over a mapping of names to digests, independent of its order."""
    return hashlib.sha256(
        "".join(f"{name}\0{digests[name]}\n" for name in sorted(digests)).encode()
    ).hexdigest()


def trash_place(root: Path, number: int) -> Path:
    """Return the folder of an entry of the trash, which need not be there."""
    return root / TRASH / f"t{number}"


def in_trash(path: Path) -> str:
    """Say what the trash of the store around a path holds, to end a sentence on space; empty: nothing."""
    root = next((each for each in (path, *path.parents) if (each / STAGING).is_dir()), None)
    held = folder_bytes(root / TRASH) if root is not None else 0
    return f"; the trash holds {bytes_text(held)}: workbench trash empty" if held else ""


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
