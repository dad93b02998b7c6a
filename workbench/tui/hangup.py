"""Ends the process when its terminal goes away, even when the event loop is stuck writing to it.

SIGHUP and SIGTERM ask the app to leave; a closed terminal is seen on standard input without reading it.
Whoever has not left a moment later is ended without ceremony: nothing is lost, for the screens own no state.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType

GRACE_SECONDS = 1.6
POLL_MILLISECONDS = 1000
EXIT_CODE = 128 + signal.SIGHUP


class HangUpGuard:
    """Watches one terminal for one app.

    Args:
        leave: Asks the app to exit; called from a signal handler or another thread.
        terminal: The file descriptor of standard input.
    """

    def __init__(self, leave: Callable[[], object], terminal: int = 0) -> None:
        self._leave = leave
        self._terminal = terminal
        self._leaving = threading.Event()

    def install(self) -> None:
        """Begin to watch; to be called on the main thread."""
        # Also where SIGHUP came ignored (nohup): screens without a terminal are of no use to anybody.
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch, name="hang-up", daemon=True).start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._end()

    def _watch(self) -> None:
        poll = select.poll()
        # No event asked for: only hang-up and error are reported, and no key press is taken from Textual.
        poll.register(self._terminal, 0)
        while not self._leaving.is_set():
            if poll.poll(POLL_MILLISECONDS):
                self._end()

    def _end(self) -> None:
        if self._leaving.is_set():
            return
        self._leaving.set()
        last_resort = threading.Timer(GRACE_SECONDS, os._exit, (EXIT_CODE,))
        last_resort.daemon = True
        last_resort.start()
        self._leave()
