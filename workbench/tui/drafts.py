"""What is being written and not saved, in files of its own, so that a crash loses none of it.

Each draft has a file that no other session writes to; others are offered it once its writer has ended.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from store.errors import Unavailable
from store.files import NAME, check_name, in_trash, private_folder, write_atomic
from store.identity import Identity
from store.sizes import bytes_text
from workbench import processes
from workbench.tui import log

FOLDER = "drafts"
LANE = "drafts"
"""All are read and written on one thread, and nothing else: it is waited for when the app ends.

What was typed just before is given to it as the widgets go, so that nothing of that is missed.
"""
TEMPLATE = "json"
FORM = "form"
"""Kinds of drafts, by which their files end: the text of a template, what was typed into a form."""
KEPT = 50
"""So many of a kind are kept that nobody writes any more, the newest."""
LIMIT_BYTES = 4_000_000
LATEST = 1e11
"""No clock goes beyond this, in seconds since the epoch."""


@dataclass(frozen=True)
class Draft:
    """What was typed and not saved.

    Args:
        name: The template, or the form.
        text: What was typed.
        written: When, in seconds since the epoch.
        writer: The process that it was typed into.
        place: The file that it is kept in.
    """

    name: str
    text: str
    written: float
    writer: Identity
    place: Path

    @property
    def kind(self) -> str:
        """As `TEMPLATE` and `FORM` are."""
        return self.place.suffix[1:]

    @property
    def clock(self) -> str:
        """When it was typed: the time of day, with the date where that was another day."""
        then, now = time.localtime(self.written), time.localtime()
        same = then[:3] == now[:3]
        return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", then)


def new_place(root: Path, name: str, kind: str = TEMPLATE) -> Path:
    """A file for a draft that is begun: nobody else keeps one there."""
    return root / FOLDER / _file_name(check_name(name), kind)


def keep(place: Path, text: str) -> None:
    """Keep a text as it stands now, in the place of what was kept there before.

    Args:
        place: What `new_place` gave to this session.
        text: What was typed.

    Raises:
        Unavailable: It is too large, or the disk is full, or cannot be written.
    """
    name = place.name.rsplit(".", 2)[0]
    try:
        if not private_folder(place.parent).joinpath(place.name).exists():
            _make_room(place)
        _write(Draft(name, text, time.time(), processes.me(""), place))
    except OSError as error:
        why = f"no draft of {name} can be kept ({error.strerror})"
        action = "form.submit" if place.suffix == f".{FORM}" else "editor.save"
        remedy = f"free some space, and finish it with {{key:{action}}}{in_trash(place)}"
        raise Unavailable(why, remedy) from error


def claim(draft: Draft) -> Draft | None:
    """Make a draft that was left this session's own, before it is offered to yet another.

    Returns:
        The draft in its new place; None where another session was faster.
    """
    me = processes.me("")
    if draft.writer == me:
        return draft
    mine = replace(draft, writer=me, place=draft.place.with_name(_file_name(draft.name, draft.kind)))
    try:
        draft.place.rename(mine.place)  # of two sessions that try, one finds it
    except FileNotFoundError:
        return None
    except OSError:
        return draft  # of a folder that cannot be written to it can be shown all the same
    with contextlib.suppress(OSError):  # where the disk is full, it stays one that was left
        _write(mine)
    return mine


def forget(place: Path) -> None:
    """Throw a draft away: it was saved, or is not wanted."""
    place.unlink(missing_ok=True)


def left(root: Path, kind: str = TEMPLATE) -> list[Draft]:
    """The drafts whose writers have ended, the newest first; a file that holds none is passed over."""
    return [draft for draft in _all(root, kind) if not processes.lives(draft.writer)]


def free(root: Path, kind: str) -> list[Draft]:
    """The drafts that no other session is writing, the newest first: its own, and those that were left."""
    me = processes.me("")
    return [draft for draft in _all(root, kind) if draft.writer == me or not processes.lives(draft.writer)]


def _file_name(name: str, kind: str) -> str:
    return f"{name}.{secrets.token_hex(8)}.{kind}"


def _write(draft: Draft) -> None:
    held = {"name": draft.name, "text": draft.text, "written": draft.written, "writer": vars(draft.writer)}
    document = json.dumps(held)
    if len(document) > LIMIT_BYTES:
        raise OSError(0, f"it takes more than {bytes_text(LIMIT_BYTES)}")
    write_atomic(draft.place, document)


def _make_room(place: Path) -> None:
    """Throw the oldest away, so that they do not become more and more; those that are written stay."""
    for draft in left(place.parent.parent, place.suffix[1:])[KEPT - 1 :]:
        forget(draft.place)


def _all(root: Path, kind: str) -> list[Draft]:
    found = [draft for path in (root / FOLDER).glob(f"*.{kind}") for draft in _read(root, path)]
    return sorted(found, key=lambda draft: draft.written, reverse=True)


def _read(root: Path, path: Path) -> Iterator[Draft]:
    try:
        yield _parse(path)
    except FileNotFoundError:
        return  # thrown away by another session in this moment
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        pass_over(root, path, f"it holds no draft ({type(error).__name__})")


@functools.lru_cache(maxsize=1000)
def pass_over(root: Path, path: Path, why: str) -> None:
    """Write down that a file of the folder is of no use; once in a session, as it is looked at many times."""
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    log.note(root, [f"{at} {FOLDER}/{path.name!r} is passed over: {why}\n"])


def _parse(path: Path) -> Draft:
    if not path.is_file() and path.exists():  # to read a pipe would wait for ever
        raise ValueError("no file")
    if path.stat().st_size > LIMIT_BYTES:
        raise ValueError("too large")
    held: Any = json.loads(path.read_text(encoding="utf-8"))
    writer = Identity(**held["writer"])
    draft = Draft(held["name"], held["text"], held["written"], writer, path)
    kinds = [type(each) for each in (draft.name, draft.text, draft.written, *vars(writer).values())]
    if kinds != [str, str, float, str, int, int, str]:
        raise TypeError("another kind")
    if not NAME.fullmatch(draft.name) or not path.name.startswith(f"{draft.name}."):
        raise ValueError("another name")
    if not 0 <= draft.written < LATEST:
        raise ValueError("no time")
    return draft
