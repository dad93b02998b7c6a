"""What a command prints: one JSON document or a table on stdout, all else on stderr. It computes nothing."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from store.errors import StoreError
from workbench.text import clean, visible

# Where the door leaves what the settings say about drawing, in the root context's `meta`.
ASCII, COLOURLESS = "workbench.ascii", "workbench.colourless"
GAP = "  "
NARROWEST_COLUMN = 12
COLOURS = {"good": "green", "busy": "cyan", "waiting": "yellow", "bad": "red", "quiet": "bright_black"}
# A status is a glyph and a word: colour and shape only help to find it.
STATUS_MARKS = {
    "queued": ("○", "o", "quiet"),
    "starting": ("◔", ">", "busy"),
    "running": ("●", "*", "busy"),
    "paused": ("‖", "=", "waiting"),
    "completed": ("✓", "+", "good"),
    "failed": ("✗", "x", "bad"),
    "cancelled": ("–", "-", "quiet"),
    "interrupted": ("◌", "?", "waiting"),
    "ok": ("✓", "+", "good"),
    "warning": ("!", "!", "waiting"),
    "missing": ("✗", "x", "bad"),
}
# What our own pages hold beyond ASCII, the names of keys above all.
PLAIN = str.maketrans({"←": "left", "→": "right", "↑": "up", "↓": "down", "…": "...", "–": "-"})

Item = TypeVar("Item")
_PLAIN = (str, int, bool, type(None))


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, how an item is written in it, and which side it is set against."""

    heading: str
    write: Callable[[Any], str]
    right: bool = False
    shrinks: bool = False  # gives way first where the terminal is too narrow


def jsonable(value: Any) -> Any:
    """Turn a record into what JSON can hold.

    Returns:
        Dataclasses as objects, paths as text, NaN and infinities as the texts "NaN", "Infinity", "-Infinity":
        JSON has no such numbers, and null would hide them.
    """
    if type(value) in _PLAIN:  # most of what a list of a hundred thousand records holds
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: jsonable(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def print_json(value: Any) -> None:
    """Print one document on one line of stdout, in ASCII so that no control code leaves."""
    click.echo(json.dumps(jsonable(value), ensure_ascii=True, allow_nan=False))


def print_text(text: str) -> None:
    """Print text of our own making on stdout; text from outside in it was cleaned by `cell` or `clean`."""
    click.echo(text, color=colour_choice())


def print_pages(text: str) -> None:
    """Print a long text of our own making: through the pager where it is longer than the terminal."""
    if ascii_only():
        text = text.translate(PLAIN)
    if sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines - 1:
        click.echo_via_pager(text + "\n")
    else:
        print_text(text)


def print_piece(text: str) -> None:
    """Print a piece of a line on stdout at once, for text that streams."""
    click.echo(text, nl=False)


def note(text: str) -> None:
    """Print one line for the person on stderr."""
    click.echo(text, err=True, color=colour_choice())


def warn(error: StoreError | None) -> None:
    """Print what is wrong and hinders nothing, as one line on stderr; None is nothing."""
    if error is not None:
        note(f"warning: {visible(str(error))}")


def print_error(what: str, remedy: str, *, as_json: bool) -> None:
    """Print an error: one line on stderr, and in JSON mode its document on stdout."""
    if as_json:
        print_json({"error": what, "hint": remedy})
    message = f"{what}; {remedy}" if remedy else what
    note(f"{click.style('error:', fg='red', bold=True)} {clean(message)}")


def cell(value: object, limit: int = 200) -> str:
    """Write one value of a table: cleaned, on one line, a dash for nothing."""
    return "-" if value is None or value == "" else clean(str(value), limit=limit)


def colour(text: str, kind: str) -> str:
    """Colour a text by its kind (good, busy, waiting, bad, quiet)."""
    return click.style(text, fg=COLOURS[kind])


def status(word: str) -> str:
    """Write a status as a coloured glyph and its word."""
    glyph, plain, kind = STATUS_MARKS[word]
    return colour(f"{plain if ascii_only() else glyph} {word}", kind)


def table(columns: Sequence[Column], items: Iterable[Item], *, empty: str) -> str:
    """Lay items out in aligned columns, within the terminal's width where there is one.

    Args:
        columns: What to show of each item.
        items: The records.
        empty: What to say where there are none: it tells what to do next.
    """
    rows = [[column.write(item) for column in columns] for item in items]
    if not rows:
        return empty
    headings = [column.heading for column in columns]
    widths = [max(map(_width, each)) for each in zip(headings, *rows, strict=True)]
    _narrow(widths, columns)
    head = _row(headings, widths, columns)
    return "\n".join([click.style(head, bold=True), *(_row(each, widths, columns) for each in rows)])


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out names and values in two columns; the values were cleaned by whoever wrote them."""
    held = list(pairs)
    width = max(len(name) for name, _ in held)
    return "\n".join(f"{click.style(name.ljust(width), bold=True)}{GAP}{value}" for name, value in held)


def ascii_only() -> bool:
    """Tell whether stdout cannot take more than ASCII, or the settings ask for no more."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    context = click.get_current_context(silent=True)
    wanted = bool(context and context.find_root().meta.get(ASCII))
    return wanted or not encoding.startswith("utf")


def colour_choice() -> bool | None:
    """Leave it to click (None: only on a terminal), but never under NO_COLOR or against the settings."""
    context = click.get_current_context(silent=True)
    never = bool(context and context.find_root().meta.get(COLOURLESS))
    dumb = os.environ.get("TERM") == "dumb"
    return False if never or dumb or os.environ.get("NO_COLOR") else None


def _row(texts: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    shown = (
        _fit(text, width, column.right) for text, width, column in zip(texts, widths, columns, strict=True)
    )
    return GAP.join(shown).rstrip()


def _fit(text: str, width: int, right: bool) -> str:
    if _width(text) > width:
        text = _cut(click.unstyle(text), width - 1) + ("~" if ascii_only() else "…")
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _cut(text: str, width: int) -> str:
    while _width(text) > width:
        text = text[:-1]
    return text


def _narrow(widths: list[int], columns: Sequence[Column]) -> None:
    if not sys.stdout.isatty():
        return
    room = shutil.get_terminal_size().columns
    for index, column in reversed(list(enumerate(columns))):
        excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
        if column.shrinks and excess > 0:
            widths[index] = max(widths[index] - excess, min(widths[index], NARROWEST_COLUMN))


def _width(text: str) -> int:
    """Count terminal cells: wide characters take two, combining marks none, colours none."""
    plain = click.unstyle(text) if "\x1b" in text else text
    if plain.isascii():
        return len(plain)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in plain
    )
