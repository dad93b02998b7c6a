"""What the keyboard remembers of one store: the lines typed after `:`, and the places that letters mark.

A small file in the store's folder; a damaged one counts as empty and is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from store.files import write_atomic
from workbench.tui.actions import MODES

FILE = "keyboard.json"
VERSION = 1
KEPT = 200
LIMIT_BYTES = 1_000_000
LANE = "keyboard"
"""All of it is read and written on one thread: nothing that was kept a moment ago is lost."""


@dataclass(frozen=True)
class Place:
    """A row of a screen.

    Args:
        mode: One of the eight screens.
        key: The row of the screen's list; empty where the list has none.
        row: The row below it, of a dataset or an evaluation; None where there is none.
    """

    mode: str
    key: str
    row: int | None = None


@dataclass(frozen=True)
class Kept:
    """Everything.

    Args:
        commands: The lines, the latest last, each once.
        marks: Places by their letters.
    """

    commands: tuple[str, ...] = ()
    marks: Mapping[str, Place] = field(default_factory=dict)


def read(root: Path) -> Kept:
    """Read what is kept of the store in a folder."""
    path = root / FILE
    try:
        if path.stat().st_size > LIMIT_BYTES:
            return Kept()
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            return Kept()
        commands = tuple(each for each in document["commands"] if isinstance(each, str))
        marks = {letter: _place(each) for letter, each in document["marks"].items()}
        return Kept(commands[-KEPT:], marks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Kept()


def keep_command(root: Path, line: str) -> Kept:
    """Keep a line as the latest, and of all lines no more than one looks through."""
    kept = read(root)
    others = [each for each in kept.commands if each != line]
    return _write(root, replace(kept, commands=(*others, line)[-KEPT:]))


def keep_mark(root: Path, letter: str, place: Place) -> Kept:
    """Let a letter mark a place, and no longer the one that it marked before."""
    kept = read(root)
    return _write(root, replace(kept, marks={**kept.marks, letter: place}))


def _write(root: Path, kept: Kept) -> Kept:
    document = {"version": VERSION, "commands": kept.commands}
    document["marks"] = {letter: asdict(place) for letter, place in kept.marks.items()}
    write_atomic(root / FILE, json.dumps(document))
    return kept


def _place(found: Any) -> Place:
    mode, key, row = found["mode"], found["key"], found["row"]
    if mode not in MODES or not isinstance(key, str) or not (row is None or type(row) is int):
        raise ValueError("no place")
    return Place(mode, key, row)
