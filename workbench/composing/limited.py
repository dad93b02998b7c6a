"""Rendering in a process of its own: whatever a template or a data file does, the one who asks goes on."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from store import errors
from store.errors import BadInput, Unavailable
from workbench.composing.shown import Preview, PreviewRequest, SurveyRequest, from_document

START_SECONDS = 20.0
PREVIEW_SECONDS = 2.0
_CHUNK = 1 << 16


class Limited:
    """The rendering process of one store; started when it is first asked, replaced when it fails.

    One request at a time: a second thread waits for the first one's answer.

    Args:
        root: The store's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._child: _Child | None = None
        self._closed = False
        self._lock = threading.Lock()

    def preview(self, request: PreviewRequest) -> Preview:
        """Show one row.

        Raises:
            StoreError: There is no such row, the template is wrong, or rendering takes too long.
        """
        return from_document(self._ask({"do": "preview", "request": asdict(request)}, PREVIEW_SECONDS))

    def next_problem(
        self, request: PreviewRequest, after: int, step: int = 1, seconds: float = 30.0
    ) -> int | None:
        """Find the next row with a problem after a row, or before it with a step of -1.

        Returns:
            Its number; None when there is none that way.

        Raises:
            StoreError: As `preview`; and when nothing is found within the seconds.
        """
        asked = {"do": "next_problem", "request": asdict(request), "after": after, "step": step}
        found = self._ask({**asked, "seconds": seconds}, seconds + PREVIEW_SECONDS)
        return found if found is None else int(found)

    def shares(
        self, mixture: str, model: str | None, max_length: int | None, seconds: float = 30.0
    ) -> list[dict[str, Any]]:
        """Reckon the parts of a mixture's tasks; the documents have the fields of `tasks.Share`.

        Raises:
            StoreError: There is no such mixture or model, or it takes longer than the seconds.
        """
        asked = {"do": "shares", "name": mixture, "model": model, "max_length": max_length}
        found: list[dict[str, Any]] = self._ask(asked, seconds)
        return found

    def interrupt(self) -> None:
        """End what it is doing, from any thread; who waits is told, and the next request is answered."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """End the process for good; whoever still asks is refused."""
        self._closed = True
        self.interrupt()

    def _ask(self, asked: dict[str, Any], seconds: float) -> Any:
        with self._lock:
            if self._child is None or not self._child.alive:
                if self._closed:
                    raise Unavailable("rendering is closed", "open the screen again")
                self._child = _Child(self._root)
                seconds += START_SECONDS
            child = self._child
            if self._closed:
                child.kill()
            try:
                child.send(asked)
                return child.receive(seconds)
            except TimeoutError as error:
                child.kill()
                raise BadInput(
                    "the template takes too long for this row", "simplify it, or shorten the row"
                ) from error
            except (OSError, EOFError) as error:
                child.kill()
                raise _ended(child) from error


class SurveyProcess:
    """A split being looked through, in a process of its own that can be stopped at once.

    Args:
        root: The store's folder.
        request: What to look through.
    """

    def __init__(self, root: Path, request: SurveyRequest) -> None:
        self._root = root
        self._request = request
        self._child: _Child | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The figures as they grow; the last ones say `finished`. A survey that is stopped just ends.

        Raises:
            StoreError: There is no such thing, the template is not valid, or the process came to an end.
        """
        with self._lock:
            if self._stopped:
                return
            child = self._child = _Child(self._root)
        try:
            child.send({"do": "survey", "request": asdict(self._request)})
            finished = False
            while not finished:
                figures = child.receive(None)
                yield figures
                finished = figures["finished"]
        except (OSError, EOFError) as error:
            if not self._stopped:
                raise _ended(child) from error
        finally:
            child.kill()

    def stop(self) -> None:
        """End it, from any thread."""
        with self._lock:
            self._stopped = True
            child = self._child
        if child is not None:
            child.kill()


class _Child:
    """The process and its two pipes."""

    def __init__(self, root: Path) -> None:
        # `-P` keeps the working folder off the import path: a file there is never code.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.composing", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._waiting = b""
        self._killed = False
        # Whoever forgets it leaves nothing behind.
        weakref.finalize(self, _end, self._process)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._killed and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended."""
        return self._process.poll()

    def send(self, asked: dict[str, Any]) -> None:
        """Ask."""
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            raise EOFError
        pipe.write(json.dumps(asked).encode() + b"\n")
        pipe.flush()

    def receive(self, seconds: float | None) -> Any:
        """Wait for a line, and return its answer.

        Raises:
            StoreError: The answer is an error.
            TimeoutError: There is none in time.
            EOFError: The process has ended.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        pipe = self._process.stdout
        if pipe is None or pipe.closed:
            raise EOFError
        while b"\n" not in self._waiting:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and (left <= 0 or not select.select([pipe], [], [], left)[0]):
                raise TimeoutError
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                raise EOFError
            self._waiting += chunk
        line, _, self._waiting = self._waiting.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise getattr(errors, answer["error"])(answer["what"], answer["remedy"])
        return answer["answer"]

    def kill(self) -> None:
        """End it; what it answers no more is the reader's end of file."""
        self._killed = True
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.kill()
    threading.Thread(target=process.wait, daemon=True).start()


def _ended(child: _Child) -> Unavailable:
    return Unavailable(f"rendering was ended (exit code {child.code})", "simplify the template, or try again")
