"""What the form's run takes in memory, asked in the background while the form is filled in.

The probe's process is started at the first question and lives as long as the form.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer

from store.errors import StoreError
from workbench.runs import estimate, plan, probing
from workbench.tui.present import launch as present
from workbench.tui.present.cells import lines

if TYPE_CHECKING:
    from store import Store
    from workbench.runs.options import RunOptions
    from workbench.tui.screen import Workbench

LANE = "memory"
QUIET_SECONDS = 0.4
"""Of typing, before a question is asked."""

Answer = tuple[probing.Memory, estimate.Estimate]


class MemoryLane:
    """Follows a form: the newest question alone is asked and answered.

    Args:
        screen: The form's screen.
        show: Takes what there is to say.
    """

    def __init__(self, screen: Screen[None], show: Callable[[Content], None]) -> None:
        self._screen = screen
        self._show = show
        self._newest: RunOptions | None = None
        self._timer: Timer | None = None
        self._prober: probing.Prober | None = None
        self._closed = False
        self.way_out: probing.Alternative | None = None
        """What to change about the run shown, where it does not fit."""

    def follow(self, options: RunOptions) -> None:
        """Ask about a run, once the form has been quiet for a moment."""
        if options == self._newest:
            return
        self.forget()
        self._newest = options
        self._show(present.reckoning())
        self._timer = self._screen.set_timer(QUIET_SECONDS, partial(self._ask, options))

    def forget(self) -> None:
        """Drop the question; an answer that is on its way is not shown."""
        self._newest = self.way_out = None
        if self._timer is not None:
            self._timer.stop()
        self._show(Content(""))

    def close(self) -> None:
        """End the probe, whatever it is at."""
        self._closed = True
        if self._prober is not None:
            self._prober.kill()

    def _ask(self, options: RunOptions) -> None:
        workbench = cast("Workbench", self._screen.app)
        workbench.ask(
            LANE,
            partial(self._reckon, options),
            partial(self._answered, options),
            partial(self._refused, options),
        )

    def _reckon(self, options: RunOptions, store: Store) -> Answer | None:
        """Run on the lane's thread: the answer, or None where nobody waits for it any more."""
        if self._closed or options != self._newest:
            return None
        found = probing.cached(store, options)
        if found is None:
            found = probing.memory(store, options, self._living_prober(store))
        return found, estimate.estimate(store, options, plan.plan(store, options), found)

    def _living_prober(self, store: Store) -> probing.Prober:
        prober = self._prober
        if prober is None or not prober.alive:
            self._prober = prober = probing.Prober(store.root)
        return prober

    def _answered(self, options: RunOptions, answer: Answer | None) -> None:
        if answer is None or options != self._newest or self._closed:
            return
        found, reckoned = answer
        self.way_out = found.alternatives[0] if found.alternatives and not found.fits else None
        self._show(lines([present.memory(found), present.estimate(reckoned)]))

    def _refused(self, options: RunOptions, error: StoreError) -> None:
        if options == self._newest and not self._closed:
            self._show(present.refusal(error.what, error.remedy))
