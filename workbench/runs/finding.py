"""Runs found by a pattern: one rule for the `--filter` of the command line and the `/` line of the screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from store.runs import Run


def passing(wanted: re.Pattern[str]) -> Callable[[Run], bool]:
    """A rule: the pattern occurs in one of a run's words; `^` and `$` are the ends of a word."""
    return lambda run: wanted.search(run.words) is not None
