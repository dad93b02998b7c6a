"""The door of what is asked about trained adapters: one question a line, its answer in another."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from store import Store
from store.errors import StoreError
from workbench.asking import PROGRESS
from workbench.worker.failures import explain

JOBS = ("merge", "combine", "differ")
"""Modules beside this one, each with a function of its name; imported when asked for, which takes seconds."""


def main(store: Store) -> int:
    """Answer every line of the standard input.

    Args:
        store: An open store.
    """
    for line in sys.stdin:
        _say(answer(store, json.loads(line)))
    return 0


def answer(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer one question.

    Args:
        store: An open store.
        asked: `job`, one of `JOBS`, and what that job asks for.

    Returns:
        Its answer, or `error` and `hint`.
    """
    try:
        job = JOBS[JOBS.index(asked["job"])]
        work = getattr(importlib.import_module(f"workbench.worker.{job}"), job)
        answered: dict[str, Any] = work(store, asked, lambda text: _say({PROGRESS: text}))
        return answered
    except StoreError as error:
        return {"error": error.what, "hint": error.remedy}
    except Exception as error:  # noqa: BLE001 (the process's door: the one who asks is told)
        what, hint = explain(error, "")
        if "memory" in what:
            hint = "try --device cpu, or a machine with more memory"
        elif "disk" not in what:
            hint = "this is a defect; nothing was written"
        return {"error": what, "hint": hint}


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
