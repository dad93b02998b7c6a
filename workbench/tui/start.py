"""The door to the screens: sets what Textual reads once from the environment, then imports and runs them."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from store.errors import Unavailable

FRAMES_PER_SECOND = 12
COLLECTED_AFTER = (700, 10, 100)
"""Python's own thresholds but for the last, which says how seldom everything that is held is looked over."""


def run_app(root: Path, *, demo: bool = False, ascii: bool = False) -> int:
    """Run the screens on a store until the user leaves.

    Args:
        root: The store's folder.
        demo: Show the sentences that lead a newcomer through the screens.
        ascii: Draw with ASCII alone.

    Returns:
        The exit code.

    Raises:
        Unavailable: when there is no terminal to draw on.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Unavailable("this is no terminal", "open one, or use the commands: `workbench --help`")
    prepare_environment()
    collect_rarely()
    # Textual reads its settings while it is imported, so not before this line.
    from workbench.tui.app import run_app as run

    return run(root, demo=demo, ascii=ascii or not _speaks_utf8())


def prepare_environment() -> None:
    """Choose calm settings for a terminal that may be far away; what the user has set stays."""
    os.environ.setdefault("TEXTUAL_FPS", str(FRAMES_PER_SECOND))
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")


def collect_rarely() -> None:
    """Keep the screens from standing still: to look over all that Textual holds takes a fifth of a second."""
    gc.set_threshold(*COLLECTED_AFTER)


def _speaks_utf8() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
