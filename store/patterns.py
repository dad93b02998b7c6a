"""Regular expressions that a person types to find rows, runs or lines; capital letters are meant as such.

Without a capital letter the case does not matter (smart case); `^` and `$` are the ends of a line.
"""

from __future__ import annotations

import re

from store.errors import BadInput

LIMIT = 500
"""The most characters of a pattern."""

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_GROUP_OF_SO_MANY = re.compile(r"\)\{\d+\}")
_SO_MANY = re.compile(r"\{\d+\}")
_FROM_TO = re.compile(r"\{\d*,\d*\}")
_INNERMOST = re.compile(r"\((?:\?[^()]*?[:>=!])?([^()]*)\)([*+]?)")
_ENDLESS = re.compile(r"[*+]")
_MOST_ENDLESS = 4
_ALL_SIGNS = re.compile(r"[\\|()\[\]{}.^$*+?]")
_SIGNS = re.compile(r"[\\|()\[\]{}]")


def pattern(text: str) -> re.Pattern[str]:
    """Read a regular expression.

    Raises:
        BadInput: It is none, or one that could be searched for without an end.
    """
    text = text[:LIMIT]
    if _repeats_repeats(text):
        raise BadInput(
            f"{text!r} repeats a group that repeats, or that can be read in two ways, or has many * and +: "
            "it may be searched for without an end",
            "repeat only plain groups, and not more than four times in all",
        )
    try:
        return re.compile(text, _flags(text))
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(f"{text!r} is no regular expression: {error}", "write for example lora|dora") from None


def lenient(text: str) -> re.Pattern[str]:
    """Read a regular expression that is still being typed: what is none yet is looked for as it stands."""
    try:
        return pattern(text)
    except BadInput:
        return re.compile(re.escape(text[:LIMIT]), _flags(text))


def plain(wanted: re.Pattern[str]) -> str:
    """The text that a pattern is, where it has no signs of its own and the case does not matter; or empty."""
    has_signs = _ALL_SIGNS.search(wanted.pattern) is not None
    return wanted.pattern if wanted.flags & re.IGNORECASE and not has_signs else ""


def needed(wanted: re.Pattern[str]) -> str:
    """A text, in lower case, that stands in whatever a pattern finds; empty where none is certain."""
    text = wanted.pattern
    if _SIGNS.search(text):
        return ""
    certain = re.sub(r".[*?]\??", ".", text, flags=re.DOTALL).lower()
    return max(re.split(r"[.^$+]\??", certain), key=len)


def _flags(text: str) -> int:
    has_capitals = any(letter.isupper() for letter in _ESCAPED.sub("", text))
    return re.MULTILINE | (0 if has_capitals else re.IGNORECASE)


def _repeats_repeats(text: str) -> bool:
    """Whether a text could be tried in so many ways that it takes for ever.

    A repeated group with a repeat, an option or alternatives within is tried in all ways to divide the text;
    of several repeats in a row each multiplies the ways by the length of a line.
    """
    bare = _CLASS.sub("x", _ESCAPED.sub("x", text))
    bare = _FROM_TO.sub("*", _SO_MANY.sub("", _GROUP_OF_SO_MANY.sub(")*", bare)))
    if len(_ENDLESS.findall(bare)) > _MOST_ENDLESS:
        return True
    while (group := _INNERMOST.search(bare)) is not None:
        several = any(sign in group[1] for sign in "*+?|")
        if several and group[2]:
            return True
        bare = f"{bare[: group.start()]}x{'*' if several else ''}{group[2]}{bare[group.end() :]}"
    return False
