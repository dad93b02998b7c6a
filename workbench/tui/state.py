"""What the screens show, as a small file in the store's folder, so that they come back to it.

It knows no screen: what each one keeps is its own, and read with care, since a file may hold anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from store.files import write_atomic

FILE = "screens.json"
VERSION = 1
LIMIT_BYTES = 4_000_000

Saved = Mapping[str, Any]
"""What one screen keeps: values that JSON has."""


@dataclass(frozen=True)
class State:
    """What the screens of one store show.

    Args:
        mode: Which of the eight is in sight.
        theme: The theme that was chosen on the screens; empty where none was.
        instead_of: The theme that the settings named then; once they name another, that one counts.
        screens: What each screen keeps, by its scope.
    """

    mode: str = "runs"
    theme: str = ""
    instead_of: str = ""
    screens: Mapping[str, Saved] = field(default_factory=dict)


def load(root: Path) -> tuple[State, str]:
    """Read what was kept.

    Args:
        root: The store's folder.

    Returns:
        The state, the default one where there is none or a damaged one; what to tell of that, if anything.
    """
    path = root / FILE
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise ValueError("too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise ValueError("another version")
        screens = document["screens"]
        if not isinstance(screens, dict) or not all(isinstance(each, dict) for each in screens.values()):
            raise ValueError("no screens")
        state = State(
            _text(document["mode"]), _text(document["theme"]), _text(document["instead_of"]), screens
        )
    except FileNotFoundError:
        return State(), ""
    except (OSError, ValueError, KeyError, RecursionError):
        return State(), f"{path} cannot be read; the screens begin anew and write another"
    return state, ""


def save(root: Path, state: State) -> None:
    """Write what is to be kept, whole or not at all."""
    write_atomic(root / FILE, json.dumps({"version": VERSION, **asdict(state)}, ensure_ascii=True))


def chosen(saved: Saved, name: str, kind: type, default: Any) -> Any:
    """One value of what was kept; the default where it is missing or of another kind."""
    value = saved.get(name, default)
    return value if type(value) is kind else default


def texts(saved: Saved, name: str) -> list[str]:
    """A list of texts of what was kept; what is no text is left out."""
    return [each for each in chosen(saved, name, list, []) if isinstance(each, str)]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value
