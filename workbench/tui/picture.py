"""A picture of the screens as SVG, drawn without a terminal: README's pictures are made by it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from store.files import write_atomic
from workbench.settings import UiSection
from workbench.terminal import look_at
from workbench.tui.start import prepare_environment

COLUMNS, LINES = 120, 36
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
"""All have the width of 0.6 of their size that the picture's columns are laid out for."""
SETTLE_SECONDS = 3.0
"""Long enough for the history, the newest points and one reading of the machine to be drawn."""


def save_picture(root: Path, target: Path) -> None:
    """Open the screens on a store as they stand now, and save what they show.

    Args:
        root: The store's folder.
        target: The SVG file to write, whole or not at all.
    """
    prepare_environment(look_at(UiSection(color="truecolor"), {}))
    # Textual reads its settings while it is imported, so not before this line.
    from workbench.tui.app import WorkbenchApp

    async def draw() -> str:
        app = WorkbenchApp(root)
        async with app.run_test(size=(COLUMNS, LINES)) as pilot:
            await pilot.pause(SETTLE_SECONDS)
            return app.export_screenshot(title="workbench")

    write_atomic(target.expanduser().absolute(), with_local_fonts(asyncio.run(draw())))


def with_local_fonts(svg: str) -> str:
    """Let a picture use the reader's own fonts: Textual's names a web font that looking at it would fetch."""
    without_downloads = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    return without_downloads.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
