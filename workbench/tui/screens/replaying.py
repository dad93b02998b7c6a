"""Plays a run that is over again in the chart of the Runs screen, as it was seen while it went on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.tui.present.replay import Replay, begin

if TYPE_CHECKING:
    from textual.timer import Timer

    from workbench.tui.screens.overlay import Overlay
    from workbench.tui.widgets.line_chart import LineChart

FRAME_SECONDS = 0.1


class Replaying:
    """Lets the curves of an overlay grow from their beginning.

    Args:
        overlay: Has the curves.
        chart: Draws them.
    """

    def __init__(self, overlay: Overlay, chart: LineChart) -> None:
        self._overlay = overlay
        self._chart = chart
        self._state: Replay | None = None
        self._timer: Timer | None = None
        self._then = 0.0

    @property
    def active(self) -> bool:
        """Whether one is going on."""
        return self._state is not None

    def toggle(self) -> None:
        """Begin, or end and show all of the curves again."""
        if self.active:
            self.stop()
            return
        self._state = begin(self._overlay.drawn_series)
        if self._state is not None:
            self._then = time.monotonic()
            self._timer = self._chart.set_interval(FRAME_SECONDS, self._go_on)
            self._show()

    def faster(self, times: int) -> None:
        """Twice as fast, or half as fast below zero."""
        if self._state is not None:
            self._state = self._state.faster(times)
            self._show()

    def stop(self) -> None:
        """Show all of the curves again."""
        if self._timer is not None:
            self._timer.stop()
        self._state, self._timer = None, None
        self._show()

    def _go_on(self) -> None:
        if self._state is None:
            return
        now = time.monotonic()
        self._state, self._then = self._state.on(now - self._then), now
        if self._state.over:
            self.stop()
        else:
            self._show()

    def _show(self) -> None:
        state = self._state
        if state is None:
            self._overlay.cut(None, "")
        else:
            self._overlay.cut(state.at, state.told(self._chart.x_unit))
