"""The one tree of errors that a user can cause, shared by every room; it knows nothing of how they are shown.

StoreError(what, remedy)
  BadInput      the user's file or value is wrong
  NotFound      there is no such model, dataset, template, mixture, adapter, run or evaluation
  Conflict      the name is taken, the change of status is illegal, the adapter is of another base
  Unavailable   locked, full, read-only, an unsupported file system, a process that does not answer
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StoreError(Exception):
    """A mistake or hindrance that is told in one line: what is wrong, and what to do.

    Args:
        what: what is wrong, with the value.
        remedy: what the user can do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = one_line(what)
        self.remedy = one_line(remedy)

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


# The names are words of the command line's errors; a suffix would say nothing more.
class BadInput(StoreError):  # noqa: N818
    """The user's file or value is wrong."""


class NotFound(StoreError):  # noqa: N818
    """There is no such record."""


class Conflict(StoreError):  # noqa: N818
    """The name is taken, the change is illegal now, or two things do not belong together."""


class Unavailable(StoreError):  # noqa: N818
    """The store or a process cannot answer now: locked, full, read-only, unsupported, silent."""


def one_line(text: str) -> str:
    """Return `text` without line breaks, so that an error stays one line whatever value it quotes."""
    return " ".join(part.strip() for part in text.splitlines() if part.strip())


def near(wanted: str, known: Iterable[str]) -> str:
    """Return the known name nearest to `wanted`, or an empty string when none is close."""
    matches = difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else ""


def not_found(noun: str, wanted: str, known: Iterable[str]) -> NotFound:
    """Make the error for a name that is not in the store, naming the nearest one or the way to list them.

    Args:
        noun: the command's noun, such as `model`.
        wanted: the name asked for.
        known: the names there are.
    """
    names = list(known)
    nearest = near(wanted, names)
    if nearest:
        return NotFound(f"no {noun} named {wanted!r}", f"did you mean {nearest!r}?")
    if names:
        shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        return NotFound(f"no {noun} named {wanted!r}", f"there are: {shown}")
    hint = "start one with `workbench run start`" if noun == "run" else f"add one with `workbench {noun} add`"
    return NotFound(f"no {noun} named {wanted!r}", f"the store has none yet, {hint}")
