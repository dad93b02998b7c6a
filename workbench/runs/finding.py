"""Runs found by a pattern: one rule for the `--filter` of the command line and the `/` line of the screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from store.errors import BadInput
from store.runs import Run

LIMIT = 500
"""The most characters of a pattern."""


def pattern(text: str) -> re.Pattern[str]:
    """Read a regular expression that is looked for in any case.

    Raises:
        BadInput: It is none.
    """
    try:
        return re.compile(text[:LIMIT], re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"{text!r} is no regular expression: {error}", "write for example lora|dora") from None


def lenient(text: str) -> re.Pattern[str]:
    """Read a regular expression that is still being typed: what is none yet is looked for as it stands."""
    try:
        return pattern(text)
    except BadInput:
        return re.compile(re.escape(text[:LIMIT]), re.IGNORECASE)


def words(run: Run) -> str:
    """What a pattern is looked for in: a run's id, names, status and method, one a line."""
    data = [run.mixture or "", run.dataset, run.template]
    return "\n".join([run.id, run.name, run.status, run.method, run.model, *data, run.sweep or ""])


def passing(wanted: re.Pattern[str]) -> Callable[[Run], bool]:
    """A rule: the pattern occurs in one of a run's words; `^` and `$` are the ends of a word."""
    lines = re.compile(wanted.pattern, wanted.flags | re.MULTILINE)
    return lambda run: lines.search(words(run)) is not None
