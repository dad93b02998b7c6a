"""The inbox: what is dropped into the store's `inbox` folder is registered, or explained by a note beside it.

It registers datasets, adapters, templates and mixtures; it never takes what is still being written, and never
follows a link. Any number of processes may look at once: one of them works.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.compressed import is_packed, plain_name
from store.errors import BadInput, StoreError
from store.files import name_from, private_folder, shown, write_atomic
from store.hub_data import find_data
from store.peft_folder import CONFIG, WEIGHTS
from store.rows import SUFFIXES
from store.texts import MAX_BYTES, load

if TYPE_CHECKING:
    from store import Store

INBOX = "inbox"
NOTE = ".error.txt"
NOTE_BEGINS = "Not registered: "
TAKEN = ".taken"
QUIET_SECONDS = 1.0
LOOK_MILLISECONDS = 500
MAX_ENTRIES = 100_000  # files of one folder
MAX_NAME_BYTES = 200  # a note's name must fit beside its entry's
UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".swp", "~")


@dataclass(frozen=True)
class Taken:
    """What became of one entry of the inbox.

    Args:
        entry: its name in the inbox.
        noun: what it is: dataset, adapter, template or mixture; empty when that could not be told.
        name: what it is called in the store; None when it was not taken.
        error: why it was not taken, as its note says; None when it was.
    """

    entry: str
    noun: str
    name: str | None
    error: str | None


@dataclass(frozen=True)
class _State:
    """What changes when somebody writes to an entry: all paths below it, their sizes and change times."""

    files: tuple[tuple[str, int, int], ...]

    @property
    def changed(self) -> float:
        """When the last of them changed, by this machine's clock; a copy may keep an older mtime."""
        return max(nanoseconds for _, _, nanoseconds in self.files) / 1e9


def take_in(store: Store, *, progress: Callable[[str, int], None] | None = None) -> list[Taken]:
    """Register everything in the inbox that is whole and quiet.

    What was taken leaves the inbox; what cannot be taken stays, with a note that says why and what to do.
    Files of a folder that the store has no place for are kept in `inbox/.taken`. Nothing is done while
    another process is at it.

    Args:
        store: the store.
        progress: called now and then with an entry's name and the number of its rows read so far.
    """
    return list(steps(store, progress=progress))


def steps(store: Store, *, progress: Callable[[str, int], None] | None = None) -> Iterator[Taken]:
    """Do the same entry by entry, for a caller with other things to do in between."""
    inbox = store.root / INBOX
    with _alone(inbox) as alone:
        if not alone or store.read_only:
            return
        _drop_old_notes(inbox)
        for entry in _entries(inbox):
            taken = _take(store, entry, progress)
            if taken is not None:
                yield taken


def waiting(root: Path) -> list[str]:
    """Name the entries that are still being written, or were a moment ago."""
    return [entry.name for entry in _entries(root / INBOX) if not _is_told(entry) and not _is_quiet(entry)]


def watch(root: Path, stop: threading.Event) -> Iterator[None]:
    """Yield at the start, after each change in the inbox, and again when what changed has become quiet.

    Args:
        root: the store's folder.
        stop: set it to end the iteration within half a second.
    """
    from watchfiles import watch as changes  # a tenth of a second, with its event loop

    yield
    looking = changes(
        root / INBOX,
        stop_event=stop,
        debounce=200,
        rust_timeout=LOOK_MILLISECONDS,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    pending = bool(waiting(root))
    for changed in looking:
        if changed or pending:
            pending = bool(waiting(root))
            yield


def _take(store: Store, entry: Path, progress: Callable[[str, int], None] | None) -> Taken | None:
    """Register one entry; None when it is not its time, or its note says already why it cannot be."""
    if _is_told(entry) or not _is_quiet(entry):
        return None
    name, noun = shown(Path(entry.name)), ""
    try:
        before = _state(entry)
        noun = _noun_of(entry)
        files = _files_of(noun, entry)
        registered = _register(store, noun, entry, progress)
        if _state(entry) != before:  # it was written to in the meantime: what was registered may be half
            _forget(store, noun, registered)
            return None
    except StoreError as error:
        _explain(entry, error)
        return Taken(name, noun, None, str(error))
    except OSError as error:
        told = BadInput(f"{name} cannot be read: {error.strerror or error}", "check its permissions")
        _explain(entry, told)
        return Taken(name, noun, None, str(told))
    _clear(entry, files)
    _note_of(entry).unlink(missing_ok=True)
    return Taken(name, noun, registered, None)


def _files_of(noun: str, entry: Path) -> list[Path]:
    """Name the files of an entry that the store copies."""
    if noun == "adapter":
        return [entry / CONFIG, entry / WEIGHTS]
    return [file.path for file in find_data(entry).files] if noun == "dataset" else [entry]


def _clear(entry: Path, files: list[Path]) -> None:
    """Take away what the store has now; what else a folder holds may be its only copy and is moved aside."""
    for file in files:
        file.unlink(missing_ok=True)
    if not entry.is_dir():
        return
    for current, _, _ in os.walk(entry, topdown=False):
        with contextlib.suppress(OSError):  # not empty
            Path(current).rmdir()
    if entry.is_dir():
        aside = private_folder(entry.parent / TAKEN)
        entry.rename(aside / f"{entry.name[:100]}-{secrets.token_hex(4)}")


def _noun_of(entry: Path) -> str:
    """Tell what an entry is.

    Raises:
        BadInput: a link, or none of what an inbox is for.
    """
    _check_plain(entry)
    if entry.is_dir():
        if (entry / CONFIG).is_file():
            return "adapter"
        if (entry / "config.json").is_file() and any(entry.glob("*.safetensors")):
            raise BadInput(f"{entry.name} is a model", f"workbench model add {entry}")
        return "dataset"
    if entry.suffix.lower() == ".toml":
        with entry.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
        return "mixture" if "tasks" in load(text, entry.name) else "template"
    if plain_name(entry).suffix.lower() in SUFFIXES or is_packed(entry):
        return "dataset"
    raise BadInput(
        f"{entry.name} is nothing that the inbox takes",
        f"drop a data file ({', '.join(SUFFIXES)}), a folder of a dataset or an adapter, or a template",
    )


def _check_plain(entry: Path) -> None:
    for path in (entry, *_below(entry)):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise BadInput(f"{path.name} is a link", "put the file itself into the inbox")
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise BadInput(f"{path.name} is neither a file nor a folder", "remove it from the inbox")


def _register(store: Store, noun: str, entry: Path, progress: Callable[[str, int], None] | None) -> str:
    name = shown(Path(entry.name))
    if noun == "adapter":
        # One that was dropped before and has changed stands beside the earlier one: both can be compared.
        return store.adapters.add(entry, name=store.adapters.free_name(name_from(entry.name))).name
    if noun == "template":
        return store.templates.add(entry).name
    if noun == "mixture":
        return store.mixtures.add(entry).name
    tell = (lambda rows: progress(name, rows)) if progress is not None else None
    return store.datasets.add(entry, progress=tell).name


def _forget(store: Store, noun: str, name: str) -> None:
    nouns = {"adapter": store.adapters, "template": store.templates, "mixture": store.mixtures}
    nouns.get(noun, store.datasets).remove(name)  # type: ignore[attr-defined]


def _entries(inbox: Path) -> list[Path]:
    """Return what may be taken: no notes, nothing hidden, no download that names itself unfinished."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(
            entry
            for entry in inbox.iterdir()
            if not entry.name.startswith(".") and not entry.name.lower().endswith((NOTE, *UNFINISHED))
        )
    return []


def _below(entry: Path) -> Iterator[Path]:
    """Yield everything below a folder that is no link; not in any order."""
    if entry.is_symlink() or not entry.is_dir():
        return
    count = 0
    for current, folders, files in os.walk(entry):
        for name in (*folders, *files):
            count += 1
            if count > MAX_ENTRIES:
                raise BadInput(f"{entry.name} holds more than {MAX_ENTRIES:,} files", "pack them in fewer")
            yield Path(current) / name


def _state(entry: Path) -> _State:
    found = []
    for path in (entry, *_below(entry)):
        about = path.lstat()
        found.append((os.fsdecode(path), about.st_size, about.st_ctime_ns))
    return _State(tuple(sorted(found)))


def _is_quiet(entry: Path) -> bool:
    """Tell whether nothing has changed for a second and nobody has a file of it open for writing."""
    try:
        return time.time() - _state(entry).changed >= QUIET_SECONDS and not _is_being_written(entry)
    except FileNotFoundError:
        return False
    except StoreError:
        return True  # too large to look through: taking it in says so


def _is_being_written(entry: Path) -> bool:
    """Ask the kernel: it lends a lease for reading only while no descriptor is open for writing."""
    lease = getattr(fcntl, "F_SETLEASE", None)
    if lease is None:
        return False
    for path in (entry, *_below(entry)):
        if not stat.S_ISREG(path.lstat().st_mode):
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # taking it in says why
        try:
            # Who opens the file right now makes the kernel send a signal: one that does nothing, not SIGIO.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, lease, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, lease, fcntl.F_UNLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return True
        finally:
            os.close(descriptor)
    return False


def _note_of(entry: Path) -> Path:
    """Return where an entry's note lies; a very long name is cut, at a byte that its hash follows."""
    name = os.fsencode(entry.name)
    if len(name) > MAX_NAME_BYTES:
        name = name[: MAX_NAME_BYTES - 20] + f"-{len(name)}".encode()
    return entry.with_name(os.fsdecode(name) + NOTE)


def _is_told(entry: Path) -> bool:
    """Tell whether a note says why the entry cannot be taken, and nothing has changed since."""
    try:
        return _note_of(entry).lstat().st_ctime_ns / 1e9 >= _state(entry).changed
    except FileNotFoundError:
        return False
    except StoreError:
        return _note_of(entry).exists()


def _explain(entry: Path, error: StoreError) -> None:
    again = "Delete this note, or change the file, to try again."
    text = f"{NOTE_BEGINS}{error.what}\n\nWhat to do: {error.remedy}\n\n{again}\n"
    write_atomic(_note_of(entry), text.encode("utf-8", "replace"))


def _drop_old_notes(inbox: Path) -> None:
    """Remove our notes of entries that have gone, and no file that only has such a name."""
    notes = {_note_of(entry) for entry in _entries(inbox)}
    for note in inbox.glob(f"*{NOTE}"):
        if note not in notes and note.is_file() and not note.is_symlink():
            with note.open("rb") as file:
                is_ours = file.read(len(NOTE_BEGINS)) == NOTE_BEGINS.encode()
            if is_ours:
                note.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(inbox: Path) -> Iterator[bool]:
    """Lock the inbox if nobody else has it; the kernel gives the lock back when a process dies."""
    descriptor = os.open(inbox, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
