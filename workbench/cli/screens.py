"""From the command line into the screens."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.settings import UiSection


def open_screens(root: Path, ui: UiSection, *, demo: bool = False) -> None:
    """Run the screens on a store until the user leaves.

    Args:
        root: The store's folder.
        ui: What the settings say about drawing.
        demo: Show the sentences that lead a newcomer through the screens.
    """
    if ui.color == "never":
        os.environ["NO_COLOR"] = "1"  # Textual's own switch, read while it is imported
    # Loads textual, which no other command needs.
    from workbench.tui.start import run_app

    code = run_app(root, demo=demo, ascii=ui.ascii)
    if code:
        raise SystemExit(code)


def draw_screens(root: Path, target: Path) -> None:
    """Save what the screens show of a store as an SVG picture, without a terminal."""
    # Loads textual, which no other command needs.
    from workbench.tui.picture import save_picture

    save_picture(root, target)
