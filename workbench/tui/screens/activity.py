"""A line that says what is being done in the background, and for how long; absent while nothing is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from textual.timer import Timer
from textual.widgets import Static

from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import duration

if TYPE_CHECKING:
    from store import Store
    from store.errors import StoreError
    from workbench.tui.screen import Workbench

T = TypeVar("T")
Tell = Callable[[str], None]
"""Says how far something is; may be called from any thread."""
TICK_SECONDS = 1.0


class Activity(Static):
    """What is going on, with its progress and its clock."""

    DEFAULT_CSS = """
    Activity { height: 1; padding: 0 2; color: $warning; display: none; }
    Activity.-busy { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._text = ""
        self._progress = ""
        self._since = 0.0
        self._under_way = 0
        self._clock: Timer | None = None

    def on_mount(self) -> None:
        """Keep the clock ready."""
        self._clock = self.set_interval(TICK_SECONDS, self._draw, pause=True)

    def follow(
        self, lane: str, text: str, work: Callable[[Store, Tell], T], then: Callable[[T], None]
    ) -> None:
        """Have something done in the background, and say so until it is.

        Args:
            lane: The lane to do it on.
            text: What is being done.
            work: Does it; is handed what tells how far it is.
            then: Takes its result, on the loop.
        """

        def done(result: T) -> None:
            self._end()
            then(result)

        def failed(error: StoreError) -> None:
            self._end()
            workbench.tell(error)

        workbench = cast("Workbench", self.app)
        self._begin(text)
        workbench.ask(lane, lambda store: work(store, self._take), done, failed)

    def _begin(self, text: str) -> None:
        self._text, self._progress, self._since = text, "", time.monotonic()
        self._under_way += 1
        self.add_class("-busy")
        if self._clock is not None:
            self._clock.resume()
        self._draw()

    def _take(self, progress: str) -> None:
        # Called on a lane's thread; the clock draws it.
        self._progress = progress

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self.remove_class("-busy")
            if self._clock is not None:
                self._clock.pause()

    def _draw(self) -> None:
        parts = [clean(self._text), self._progress, duration(time.monotonic() - self._since)]
        self.update(safe("  ".join(part for part in parts if part)))
