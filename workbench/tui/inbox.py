"""One thread has what is dropped into the store's inbox folder registered, and tells what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from textual.message import Message

from store import Store, open_store
from store.inbox import INBOX, NOTE, NOTE_BEGINS, Taken, steps, waiting, watch
from workbench.tui.live import Newest

RETRY_SECONDS = 2.0
FIRST_LOOK_SECONDS = 0.5
"""The first paint does not wait for what lies in the inbox."""
KEPT = 20
NOTE_BYTES = 4096


@dataclass(frozen=True)
class Refusal:
    """An entry that cannot be registered, and why, with the remedy."""

    entry: str
    reason: str

    @property
    def told(self) -> str:
        """Both; most reasons name the entry."""
        return self.reason if self.entry in self.reason else f"{self.entry}: {self.reason}"


@dataclass(frozen=True)
class InboxState:
    """What lies in the inbox, and what came out of it since the screens were opened.

    Args:
        reading: The entry that is being registered, with the rows read so far; empty when none is.
        waiting: Entries that are still being written.
        refused: Entries that cannot be registered.
        came: What was registered, newest last.
    """

    reading: str = ""
    waiting: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    came: tuple[Taken, ...] = ()


@dataclass
class InboxChanged(Newest, bubble=False):
    """Something about the inbox is new."""

    state: InboxState


class InboxWatch:
    """Watches until stopped.

    Args:
        root: The store's folder; the thread opens its own store.
        post: Takes a message from any thread; the app's `post_message`.
    """

    def __init__(self, root: Path, post: Callable[[Message], object]) -> None:
        self._root = root
        self._post = post
        self._stop = Event()
        self._told = InboxState()
        self._came: tuple[Taken, ...] = ()
        self._thread = Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; a file that is being read is left for the next time."""
        self._stop.set()

    def _run(self) -> None:
        self._stop.wait(FIRST_LOOK_SECONDS)
        while not self._stop.is_set():
            try:
                with open_store(self._root) as store:
                    for _ in watch(self._root, self._stop):
                        self._look(store)
            except Exception:  # noqa: BLE001 (a full disk or a system without watches: tried again, the store's reader tells)
                self._stop.wait(RETRY_SECONDS)

    def _look(self, store: Store) -> None:
        self._tell("")
        for taken in steps(store, progress=self._progress):
            if taken.name is not None:
                self._came = (*self._came, taken)[-KEPT:]
            self._tell("")

    def _progress(self, entry: str, rows: int) -> None:
        self._tell(f"{entry}, {rows:,} rows read")

    def _tell(self, reading: str) -> None:
        state = InboxState(reading, tuple(waiting(self._root)), read_refusals(self._root), self._came)
        if state != self._told and not self._stop.is_set():
            self._told = state
            self._post(InboxChanged(state))


def read_refusals(root: Path) -> tuple[Refusal, ...]:
    """What the notes in the inbox say, one line each."""
    found = []
    for note in sorted((root / INBOX).glob(f"*{NOTE}"))[:KEPT]:
        with note.open("rb") as file:
            text = file.read(NOTE_BYTES).decode("utf-8", "replace")
        if text.startswith(NOTE_BEGINS):
            what, _, rest = text.removeprefix(NOTE_BEGINS).partition("\n\nWhat to do: ")
            reason = f"{what.strip()}; {rest.partition(chr(10))[0].strip()}"
            found.append(Refusal(note.name.removesuffix(NOTE), reason))
    return tuple(found)
