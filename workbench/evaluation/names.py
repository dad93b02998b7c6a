"""What is said of a name that is none of those there are."""

from __future__ import annotations

from collections.abc import Iterable

from store.errors import BadInput, near


def unknown(what: str, known: Iterable[str], name: str) -> BadInput:
    """Make the error for a name that is not known, with the nearest one and all there are.

    Args:
        what: What is said of it, such as "no metric named".
        known: The names there are.
        name: The one given.
    """
    names = list(known)
    meant = near(name, names)
    hint = f"did you mean {meant!r}? " if meant else ""
    return BadInput(f"{what} {name!r}", f"{hint}choose from {', '.join(names)}")
