"""A picture of the screens as SVG, drawn without a terminal: README's pictures are made by it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import Unavailable
from store.files import write_atomic
from workbench.handbook.tour import STOPS, Stop
from workbench.settings import UiSection
from workbench.terminal import look_at
from workbench.tui.start import prepare_environment

if TYPE_CHECKING:
    from textual.pilot import Pilot

COLUMNS, LINES = 120, 36
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
"""All have the width of 0.6 of their size that the picture's columns are laid out for."""
SETTLE_SECONDS = 3.0
"""Long enough for the history, the newest points and one reading of the machine to be drawn."""
STOP_SECONDS = 60


def save_picture(root: Path, target: Path) -> None:
    """Open the screens on a store as they stand now, and save what they show.

    Args:
        root: The store's folder.
        target: The SVG file to write, whole or not at all.
    """

    async def draw(pilot: Pilot[None]) -> None:
        await pilot.pause(SETTLE_SECONDS)
        _save(pilot, target.expanduser().absolute())

    _on_screens(root, draw, demo=False)


def save_stops(root: Path, folder: Path) -> list[Path]:
    """Go through the stops of the tour on the demo's store, and save what each shows.

    Args:
        root: The store's folder; its newest run is the demo's, and over.
        folder: Where the SVG files go, by the names of the stops.

    Returns:
        The files.

    Raises:
        Unavailable: A stop did not show what it should within a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    saved = []

    async def draw(pilot: Pilot[None]) -> None:
        for number, stop in enumerate(STOPS, start=1):
            await pilot.press(*stop.keys)
            await _until_shown(pilot, stop)
            saved.append(folder.absolute() / f"{number}-{stop.name}.svg")
            _save(pilot, saved[-1])

    _on_screens(root, draw, demo=True)
    return saved


async def _until_shown(pilot: Pilot[None], stop: Stop) -> None:
    for _ in range(STOP_SECONDS):
        await pilot.pause(1.0)
        if stop.shows in pilot.app.export_screenshot().replace("&#160;", " "):
            await pilot.pause(SETTLE_SECONDS)
            return
    raise Unavailable(
        f"the tour's stop {stop.name!r} does not show {stop.shows!r}",
        "remove the demo's store and try again",
    )


def _on_screens(root: Path, draw: Callable[[Pilot[None]], Awaitable[None]], *, demo: bool) -> None:
    prepare_environment(look_at(UiSection(color="truecolor"), {}))
    # Textual reads its settings while it is imported, so not before this line.
    from workbench.tui.app import WorkbenchApp

    async def visit() -> None:
        async with WorkbenchApp(root, demo=demo).run_test(size=(COLUMNS, LINES)) as pilot:
            await draw(pilot)

    asyncio.run(visit())


def _save(pilot: Pilot[None], target: Path) -> None:
    write_atomic(target, with_local_fonts(pilot.app.export_screenshot(title="workbench")))


def with_local_fonts(svg: str) -> str:
    """Let a picture use the reader's own fonts: Textual's names a web font that looking at it would fetch."""
    without_downloads = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    return without_downloads.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
