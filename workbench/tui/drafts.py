"""Texts that are being written and not saved, in files of their own, so that a crash loses none of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from store.errors import Unavailable
from store.files import check_name, in_trash, private_folder, write_atomic
from store.identity import Identity
from workbench import processes

FOLDER = "drafts"


@dataclass(frozen=True)
class Draft:
    """An unsaved text of a template.

    Args:
        name: The template.
        text: What was typed.
        written: When, in seconds since the epoch.
        writer: The process that it was typed into.
    """

    name: str
    text: str
    written: float
    writer: Identity

    @property
    def clock(self) -> str:
        """When it was typed: the time of day, with the date where that was another day."""
        then, now = time.localtime(self.written), time.localtime()
        same = then[:3] == now[:3]
        return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", then)


def keep(root: Path, name: str, text: str) -> None:
    """Keep a text as it stands now, in the place of an earlier one.

    Raises:
        Unavailable: The disk is full, or cannot be written.
    """
    draft = Draft(name, text, time.time(), processes.me(""))
    try:
        path = private_folder(root / FOLDER) / f"{check_name(name)}.json"
        write_atomic(path, json.dumps(asdict(draft)))
    except OSError as error:
        why = f"no draft of {name} can be kept ({error.strerror})"
        raise Unavailable(why, f"free some space, and save with ^s{in_trash(root)}") from error


def forget(root: Path, name: str) -> None:
    """Throw a draft away: it was saved, or is not wanted."""
    (root / FOLDER / f"{check_name(name)}.json").unlink(missing_ok=True)


def left(root: Path) -> list[Draft]:
    """The drafts whose writers have ended, the newest first; a file that is damaged holds none."""
    found = [draft for path in (root / FOLDER).glob("*.json") for draft in _read(path)]
    orphans = [draft for draft in found if not processes.lives(draft.writer)]
    return sorted(orphans, key=lambda draft: draft.written, reverse=True)


def _read(path: Path) -> Iterator[Draft]:
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8"))
        draft = Draft(held["name"], held["text"], held["written"], Identity(**held["writer"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return
    kinds = (type(draft.name), type(draft.text), type(draft.written))
    if kinds == (str, str, float) and draft.name == path.stem:
        yield draft
