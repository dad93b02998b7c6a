"""The log of the screens in the store's folder: defects of ours, and files that were passed over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

FILE = "tui.log"
LIMIT_BYTES = 1_000_000


def note(root: Path, lines: Iterable[str]) -> Path:
    """Add lines, each with its end, to the log; one that has become too long is begun anew.

    Returns:
        The log. Where the disk takes nothing more, nothing is added: what is told is not to do harm itself.
    """
    log = root / FILE
    with contextlib.suppress(OSError):
        mode = "w" if log.exists() and log.stat().st_size > LIMIT_BYTES else "a"
        with log.open(mode, encoding="utf-8", errors="replace") as file:
            file.writelines(lines)
    return log
