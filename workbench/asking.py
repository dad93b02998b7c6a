"""A worker process that is asked by lines of JSON and answers each with a line; the asker holds no torch."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from store.errors import BadInput, Unavailable
from workbench import processes

PROGRESS = "progress"
"""The key of a line that tells how far the worker is; the answer is the first line without it."""


class Asked:
    """A worker process that answers one question after another.

    Args:
        root: The store's folder.
        job: Its name at the worker's door.
        called: What it is called in errors.
        remedy: What to do when it ends without an answer.
        timeout_seconds: How long an answer is waited for; None waits for as long as the process lives.
    """

    def __init__(
        self, root: Path, job: str, *, called: str, remedy: str, timeout_seconds: float | None = None
    ) -> None:
        self._called, self._remedy, self._timeout = called, remedy, timeout_seconds
        argv = processes.module_argv("workbench.worker", job, "--store", str(root))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=root,
            env=processes.worker_environment(),
            start_new_session=True,
        )

    def ask(
        self, question: Mapping[str, Any], on_progress: Callable[[str], None] | None = None
    ) -> dict[str, Any]:
        """Ask, and wait for the answer.

        Args:
            question: What JSON can hold.
            on_progress: Called with what the worker says of how far it is.

        Raises:
            BadInput: It cannot be; the answer says why.
            Unavailable: There was no answer in time, or the process ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101 (both were asked for)
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        answer = self._answer(stdout.fileno(), deadline, on_progress or (lambda _: None))
        if "error" in answer:
            raise BadInput(answer["error"], answer["hint"])
        return answer

    def _answer(
        self, descriptor: int, deadline: float | None, on_progress: Callable[[str], None]
    ) -> dict[str, Any]:
        """The next line of JSON that tells no progress; libraries may print others before it."""
        held = b""
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            if not select.select([descriptor], [], [], left)[0]:
                self.close()
                raise Unavailable(f"{self._called} gave no answer in time", self._remedy)
            piece = os.read(descriptor, 65_536)
            if not piece:
                raise Unavailable(f"{self._called} ended: {self._last_error()}", self._remedy)
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"{"):
                    answer = dict(json.loads(line))
                    if PROGRESS not in answer:
                        return answer
                    on_progress(str(answer[PROGRESS]))

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process, from any thread; one that waits for an answer is told that there is none."""
        self._process.kill()

    def close(self) -> None:
        """End the process; it has nothing to lose."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._errors.close()
