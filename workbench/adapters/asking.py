"""One question to a worker process about trained adapters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.asking import Asked

Tell = Callable[[str], None]


def ask(root: Path, job: str, question: Mapping[str, Any], tell: Tell | None = None) -> dict[str, Any]:
    """Start a worker, ask it, and wait for its answer; an interrupt ends it.

    Args:
        root: The store's folder.
        job: `merge`, `combine` or `differ`.
        question: What that job asks for.
        tell: Called with how far it is.

    Raises:
        BadInput: It cannot be done; the answer says why.
        Unavailable: The worker ended without an answer.
    """
    worker = Asked(
        root,
        "finished",
        called="the process that works on adapters",
        remedy="see whether memory suffices: `workbench doctor`",
    )
    with contextlib.closing(worker):
        return worker.ask({"job": job, **question}, tell)
