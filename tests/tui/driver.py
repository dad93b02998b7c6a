"""What a user does and sees, so that a test of the screens reads as a story.

It knows keys and the text on the screen, and nothing of widgets; `User.pilot` is for what words cannot tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from textual import events
from textual.pilot import Pilot

from workbench.tui.actions import MODES

PATIENCE_SECONDS = 30.0
"""The machine may be busy: only what does not come at all takes so long."""


def words(pilot: Pilot[Any]) -> str:
    """All that is on the screen, as lines."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def wait_for(pilot: Pilot[Any], text: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a text is on the screen."""
    await _wait(pilot, lambda: text in words(pilot), f"{text!r} is not on the screen", seconds)


async def _wait(pilot: Pilot[Any], true: Callable[[], bool], fault: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{fault}:\n{words(pilot)}"
        await pilot.pause(0.05)


class User:
    """Sits before the screens: presses keys, and waits for what is to be seen.

    Each step raises AssertionError with the screen as text where it does not come true in time.

    Args:
        pilot: Of the app that is open.
    """

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    async def opens(self, mode: str) -> None:
        """Go to one of the eight screens by its digit."""
        await self.presses(str(MODES.index(mode) + 1))
        await self.is_on(mode)

    async def is_on(self, mode: str) -> None:
        """Wait until one of the eight screens is there, under any dialog."""
        app = self.pilot.app
        await _wait(
            self.pilot,
            lambda: app.current_mode == mode,
            f"the screen is not {mode} but {app.current_mode}",
            PATIENCE_SECONDS,
        )

    async def presses(self, *keys: str) -> None:
        """Press keys, one after the other: characters, or names as `enter` and `ctrl+s`."""
        await self.pilot.press(*keys)

    async def types(self, text: str) -> None:
        """Press the key of each character."""
        await self.pilot.press(*text)

    async def pastes(self, text: object) -> None:
        """Let the terminal hand over a text at once, as it does with the clipboard."""
        self.pilot.app.post_message(events.Paste(str(text)))
        await self.pilot.pause()

    async def sees(self, *texts: str, within: float = PATIENCE_SECONDS) -> None:
        """Wait until each of the texts has been on the screen."""
        for text in texts:
            await wait_for(self.pilot, text, within)

    async def sees_not(self, *texts: str, within: float = PATIENCE_SECONDS) -> None:
        """Wait until none of the texts is on the screen any more."""
        for text in texts:
            await _wait(self.pilot, partial(self._lacks, text), f"{text!r} is still on the screen", within)

    def _lacks(self, text: str) -> bool:
        return text not in words(self.pilot)

    async def sees_on(self, line: int, text: str) -> None:
        """Wait until a text is on one line of the screen: 0 the header, -1 the footer."""
        fault = f"{text!r} is not on line {line} of the screen"
        await _wait(self.pilot, lambda: text in words(self.pilot).splitlines()[line], fault, PATIENCE_SECONDS)

    async def at(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        await self.pilot.resize_terminal(columns, rows)
        await self.pilot.pause()

    async def leaves(self) -> None:
        """Go, once what is shown has been kept for the next session."""
        await self.pilot.pause(0.2)
        await self.pilot.press("q")
