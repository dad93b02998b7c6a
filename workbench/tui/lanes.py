"""Work on the store off the event loop: per lane one thread with its own store, and things done in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from textual.message import Message

from store import Store, open_store

Work = Callable[[Store], Any]
AWAITED_SECONDS = 1.0
"""Less than the time after which a terminal that has gone away ends the process."""


@dataclass
class Answer(Message):
    """What became of one piece of work: its value, or the error it ended with."""

    value: Any
    error: Exception | None
    then: Callable[[Any], None] | None
    failed: Callable[[Any], None] | None


@dataclass(frozen=True)
class _Request:
    work: Work
    then: Callable[[Any], None] | None
    failed: Callable[[Any], None] | None


class Lanes:
    """The named lanes of one app. Threads are daemons: work in progress never holds up leaving.

    Args:
        root: The store's folder.
        post: Takes an `Answer` from any thread; the app's `post_message`.
    """

    def __init__(self, root: Path, post: Callable[[Message], object]) -> None:
        self._root = root
        self._post = post
        self._queues: dict[str, SimpleQueue[_Request | None]] = {}
        self._threads: dict[str, Thread] = {}

    def ask(
        self,
        lane: str,
        work: Work,
        then: Callable[[Any], None] | None,
        failed: Callable[[Any], None] | None,
    ) -> None:
        """Queue work on a lane, which is started when it is first asked."""
        if lane not in self._queues:
            queue: SimpleQueue[_Request | None] = SimpleQueue()
            self._queues[lane] = queue
            self._threads[lane] = Thread(target=self._serve, args=(queue,), name=f"lane-{lane}", daemon=True)
            self._threads[lane].start()
        self._queues[lane].put(_Request(work, then, failed))

    def close(self, awaited: str = "") -> None:
        """Let every lane end after the work it has.

        Args:
            awaited: The one lane whose work is too dear to be lost with the process, and quick; if any.
        """
        for queue in self._queues.values():
            queue.put(None)
        if awaited in self._threads:
            self._threads[awaited].join(AWAITED_SECONDS)

    def _serve(self, queue: SimpleQueue[_Request | None]) -> None:
        store: Store | None = None
        while (request := queue.get()) is not None:
            value, error = None, None
            try:
                store = store or open_store(self._root)
                value = request.work(store)
            except Exception as caught:  # noqa: BLE001 - the loop decides: an error of ours is told, others are logged
                error = caught
            self._post(Answer(value, error, request.then, request.failed))
        if store is not None:
            store.close()
