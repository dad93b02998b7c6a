"""One thread follows a folder of small files and tells which of them another program has written.

It is quick where the system tells of changes, and looks three times a second where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

STEP_MILLISECONDS = 10
"""Changes within this time of one another are told together: an editor writes, renames and removes."""
MOST_MILLISECONDS = 50
POLL_MILLISECONDS = 300
RETRY_SECONDS = 2.0


class FolderWatch:
    """Watches until stopped.

    Args:
        folder: The folder; it may be missing for a while.
        suffix: Of the files that matter.
        changed: Told, by the thread, the names (without the suffix) of the files that came, changed or went.
    """

    def __init__(self, folder: Path, suffix: str, changed: Callable[[frozenset[str]], object]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._changed = changed
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"watch-{folder.name}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stop.set()

    def _run(self) -> None:
        polling: bool | None = None
        while not self._stop.is_set():
            try:
                self._watch(polling)
            except FileNotFoundError:
                self._stop.wait(RETRY_SECONDS)
            except (OSError, RuntimeError):
                # The system has no more watches to give, or this file system knows none.
                polling = True
                self._stop.wait(RETRY_SECONDS)

    def _watch(self, polling: bool | None) -> None:
        # Imported on the thread: the first paint does not wait for it.
        from watchfiles import watch

        for changes in watch(
            self._folder,
            watch_filter=None,
            debounce=MOST_MILLISECONDS,
            step=STEP_MILLISECONDS,
            stop_event=self._stop,
            rust_timeout=1000,
            raise_interrupt=False,
            force_polling=polling,
            poll_delay_ms=POLL_MILLISECONDS,
            recursive=False,
        ):
            paths = [Path(path) for _, path in changes]
            names = frozenset(
                path.stem for path in paths if path.suffix == self._suffix and not path.name.startswith(".")
            )
            if names:
                self._changed(names)
