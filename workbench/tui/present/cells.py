"""The small pieces that every screen is written with: table cells, labelled facts, scores, ages, plurals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.content import Content
from textual.style import Style

from workbench.tui.clean import clean, link_to, safe
from workbench.tui.glyphs import number_text

Cell = str | Content
NONE = number_text(None)
"""Stands where there is no value."""
Row = tuple[str, tuple[Cell, ...]]
"""A table row: the key it keeps when it moves, and its cells."""

QUIET = "$text-muted"
STRONG = "bold"
GOOD = "$success"
BAD = "$error"
WARNING = "$warning"

MINUTE, HOUR, DAY = 60, 3600, 86_400


def outside(text: str, style: str = "") -> Content:
    """A text from outside as one harmless line."""
    return safe(clean(text, 300), style)


def quiet(text: str) -> Content:
    """A text of ours that stands back."""
    return Content.styled(text, QUIET)


def facts(pairs: Iterable[tuple[str, object]]) -> Content:
    """Labelled values, one a line, the labels in a quiet column.

    Args:
        pairs: Label and value; a pair whose value is None or empty is left out. Content is shown as it is.
    """
    shown = [(label, value) for label, value in pairs if value not in (None, "")]
    width = max((len(label) for label, _ in shown), default=0) + 2
    return lines(
        Content.assemble(
            (label.ljust(width), QUIET), value if isinstance(value, Content) else clean(str(value))
        )
        for label, value in shown
    )


def lines(parts: Iterable[Content | str]) -> Content:
    """Contents below each other."""
    return Content("\n").join([Content(part) if isinstance(part, str) else part for part in parts])


def age(then: float, now: float) -> str:
    """How long ago a moment was, in its largest unit: `now`, `40s`, `12m`, `5h`, `9d`."""
    seconds = int(now - then)
    for span, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s")):
        if seconds >= span:
            return f"{seconds // span}{unit}"
    return "now"


def score(value: float | None) -> str:
    """A score between 0 and 1 with three decimals."""
    return NONE if value is None else f"{value:.3f}"


def number_of(count: int, noun: str) -> str:
    """A number of things: `1 row`, `1,200 rows`, `2 entries`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("ry") else f"{count:,} {noun}s"


def short(fingerprint: str) -> str:
    """The part of a fingerprint that tells things apart at a glance."""
    return fingerprint.rpartition(":")[2][:10]


def place(folder: Path) -> Content:
    """Where a record's folder is, from the store's own folder on; a link, where the terminal takes one."""
    told = clean(f"{folder.parent.name}/{folder.name}")
    return Content.styled(told, Style(link=link_to(folder)))
