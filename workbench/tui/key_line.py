"""Keys one after the other: what a key does is done before the next one is looked at.

Over a slow line keys come in bursts. Textual hands each to the widget in focus at once, and a binding runs
when its key has bubbled up to the app: the second key of `/r` would still go to the list that the first left.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from textual import events
from textual.app import App
from textual.message import Message
from textual.screen import UPDATE_PERIOD

LOST_SECONDS = 0.5
"""After so long a key counts as done: the widget that had it may be gone, and what follows it too."""


class KeyDone(Message):
    """Follows a key through the same widgets up to the app; `number` is the key's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeyLine:
    """The keys, and what is pasted, that wait for the one on its way.

    Args:
        app: Whose keys they are; it calls `done` for each `KeyDone`.
        send: Sends a key on its way.
    """

    def __init__(self, app: App[None], send: Callable[[events.Key | events.Paste], Awaitable[None]]) -> None:
        self._app = app
        self._send = send
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way = 0
        self._sent = 0
        self._painted = 0.0
        self._came = 0.0

    @property
    def quiet_seconds(self) -> float:
        """For how long no key has come."""
        return time.monotonic() - self._came

    async def add(self, key: events.Key | events.Paste) -> None:
        """Send a key, or let it wait."""
        self._came = time.monotonic()
        self._waiting.append(key)
        if not self._under_way:
            await self._next()
        else:
            self._app.set_timer(LOST_SECONDS, partial(self.done, self._sent))

    async def done(self, number: int) -> None:
        """Send the next key, unless that key was given up and another is on its way."""
        if number != self._under_way:
            return
        self._under_way = 0
        if self._waiting:
            await self._next()
        else:
            self._paint()

    def _paint(self) -> None:
        """Show what the keys did without waiting for the frame after one that something else took.

        A key that is held down keeps to the limit of frames: one a frame is painted so.
        """
        now = time.monotonic()
        if now - self._painted >= UPDATE_PERIOD:
            self._painted = now
            screen = self._app.screen
            # A widget tells its screen what changed just before the screen's turn: what is called directly
            # would come before that, and the key wait for a frame; what is called from there comes after it.
            screen.call_later(screen.call_later, screen._on_timer_update)

    async def _next(self) -> None:
        key = self._waiting.popleft()
        self._sent += 1
        self._under_way = self._sent
        way = self._app.focused or self._app.screen
        await self._send(key)
        if not way.post_message(KeyDone(self._sent)):
            await self.done(self._sent)
