"""The end of every command that removes something: it is in the trash, and this is how it comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store import Store
from workbench.cli.output import cell
from workbench.cli.session import Session
from workbench.settings import load_settings


def show_removed(session: Session, store: Store, noun: str, removed: Any, name: str) -> None:
    """Tell what was removed and how to take it back; what has been in the trash for long enough is deleted.

    Args:
        session: Prints it.
        store: The store that it was removed from.
        noun: What it is; empty where the name says it.
        removed: What the JSON document says.
        name: What it was called.
    """
    days = trash_days()
    store.trash.expire(days)
    text = f"removed {noun} {cell(name)}" if noun else f"removed {cell(name)}"
    if days:
        them = "them" if isinstance(removed, list) and len(removed) > 1 else "it"
        text += f"; within {days} days `workbench trash restore` takes {them} back"
    session.show({"removed": removed}, text)


def trash_days() -> int:
    """For how many days the trash keeps what was removed."""
    return load_settings(Path.cwd()).store.trash_days
