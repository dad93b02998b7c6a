"""Runs found by a pattern: one rule for the `--filter` of the command line and the `/` line of the screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from store.runs import Run


def words(run: Run) -> str:
    """What a pattern is looked for in: a run's id, names, status and method, one a line."""
    data = [run.mixture or "", run.dataset, run.template]
    return "\n".join([run.id, run.name, run.status, run.method, run.model, *data, run.sweep or ""])


def passing(wanted: re.Pattern[str]) -> Callable[[Run], bool]:
    """A rule: the pattern occurs in one of a run's words; `^` and `$` are the ends of a word."""
    return lambda run: wanted.search(words(run)) is not None
