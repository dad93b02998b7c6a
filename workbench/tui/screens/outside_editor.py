"""A file in the user's own editor, which has the terminal for itself until it ends."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from store.errors import StoreError, Unavailable
from workbench.tui.sentences import keyed

FALLBACK = "vi"
REMEDY = "set EDITOR to an editor of the terminal, or press {key:compose.edit} for the one that is built in"


def edit_outside(app: App[Any], path: Path) -> StoreError | None:
    """Hand the terminal over, and take it back.

    Returns:
        Why that could not be done; None when it was.
    """
    remedy = keyed(app, REMEDY)
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or FALLBACK
    try:
        with app.suspend():
            code = subprocess.run([*shlex.split(named), str(path)], check=False).returncode
    except SuspendNotSupported:
        return Unavailable("this terminal cannot be handed over", remedy)
    except (OSError, ValueError):
        return Unavailable(f"the editor {named!r} cannot be started", remedy)
    return Unavailable(f"the editor {named!r} ended with code {code}", remedy) if code else None
