"""What the form's run takes in memory, asked in the background while the form is filled in.

The probe's process is started at the first question and lives as long as the form.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, cast

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

    def __init__(self, screen: Screen[Any], show: Callable[[Content], None]) -> None:
        self._screen = screen
        self._show = show
        self._newest: RunOptions | None = None
        self._timer: Timer | None = None
        self._prober: probing.Prober | None = None
        self._closed = Event()
        self.way_out: probing.Alternative | None = None
        """What to change about the run shown, where it does not fit."""

    def expect(self) -> None:
        """Drop the question; the next one is on its way."""
        self._drop()
        self._show(present.reckoning())

    def forget(self) -> None:
        """Drop the question; an answer that is on its way is not shown."""
        self._drop()
        self._show(Content(""))

    def follow(self, options: RunOptions, planned: plan.Plan) -> None:
        """Ask about a run and its plan, once the form has been quiet for a moment."""
        self._drop()
        self._newest = options
        self._timer = self._screen.set_timer(QUIET_SECONDS, partial(self._ask, options, planned))

    def close(self) -> None:
        """End the probe, whatever it is at."""
        self._closed.set()
        self._drop()
        if self._prober is not None:
            # Killed at once, so that the lane waits for no answer; what is left of it is cleared away there.
            self._prober.kill()
            self._workbench.ask(LANE, self._clear_away)

    def _drop(self) -> None:
        self._newest = self.way_out = None
        if self._timer is not None:
            self._timer.stop()

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self._screen.app)

    def _ask(self, options: RunOptions, planned: plan.Plan) -> None:
        self._workbench.ask(
            LANE,
            partial(self._reckon, options, planned),
            partial(self._answered, options),
            partial(self._refused, options),
        )

    # On the lane's thread

    def _reckon(self, options: RunOptions, planned: plan.Plan, store: Store) -> Answer | None:
        """The answer, or None where nobody waits for it any more."""
        if options != self._newest:
            return None
        found = probing.cached(store, options)
        if found is None:
            prober = self._living_prober(store)
            if self._closed.is_set():
                # The form was closed while the process was started, and could not end it.
                prober.close()
                return None
            found = probing.memory(store, options, prober)
        return found, estimate.estimate(store, options, planned, found)

    def _living_prober(self, store: Store) -> probing.Prober:
        prober = self._prober
        if prober is None or not prober.alive:
            self._clear_away(store)
            self._prober = prober = probing.Prober(store.root)
        return prober

    def _clear_away(self, _store: Store) -> None:
        if self._prober is not None:
            self._prober.close()

    # On the loop

    def _answered(self, options: RunOptions, answer: Answer | None) -> None:
        if answer is None or options != self._newest:
            return
        found, reckoned = answer
        self.way_out = found.alternatives[0] if found.alternatives and not found.fits else None
        self._show(lines([present.memory(found), present.estimate(reckoned)]))

    def _refused(self, options: RunOptions, error: StoreError) -> None:
        if options == self._newest:
            self._show(present.refusal(error.what, error.remedy))
