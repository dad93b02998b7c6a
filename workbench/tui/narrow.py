"""Writes only the cells that changed: Textual begins each changed part at the left edge of its widget.

It stands on the inside of Textual 8.2 (`ChopsUpdate`), which is why it is alone in this module; what it does
not know passes through unchanged.
"""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate


class NarrowUpdate(CompositorUpdate):
    """Some parts of lines, each from its own first cell on.

    Args:
        update: Textual's own writing of the same parts.
    """

    def __init__(self, update: ChopsUpdate) -> None:
        self._update = update

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As Textual does it: nothing asks for this on a terminal."""
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """The parts with the control codes that place them."""
        written: list[str] = []
        for y, first, end in self._update.spans:
            for chop_end, (x, strip) in zip(
                self._update.chop_ends[y], self._update.chops[y].items(), strict=False
            ):
                start, stop = max(x, first), min(chop_end, end)
                if strip is not None and start < stop:
                    written.append(Control.move_to(start, y).segment.text)
                    written.append(strip.crop(start - x, stop - x).render(console))
        return "".join(written)


def narrowed(update: RenderableType | None) -> RenderableType | None:
    """An update of the screen that writes no more than it must."""
    return NarrowUpdate(update) if isinstance(update, ChopsUpdate) else update
