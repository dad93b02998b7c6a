"""A page of the handbook as data: headings, paragraphs, tables and code, for whoever writes it out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).parent
_FENCE = "```"


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Prose; words between backquotes are typed or read as they stand."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines to be typed, or the content of a file."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells, all of one length; the last cell of a row may be long."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Code | Table


@dataclass(frozen=True)
class Page:
    """One topic."""

    topic: str
    """The word it is asked for by."""
    title: str
    blocks: tuple[Block, ...]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a table of any rows."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows))


def prose(name: str) -> tuple[Block, ...]:
    """Read one of the texts that stand beside this module: paragraphs, `## ` headings, code and tables."""
    return tuple(_blocks((TEXTS / f"{name}.md").read_text(encoding="utf-8")))


def _blocks(text: str) -> Iterator[Block]:
    # Fenced code may hold empty lines: it is taken out first.
    for place, part in enumerate(text.split(f"\n{_FENCE}")):
        if place % 2:
            yield Code(part.partition("\n")[2].rstrip())
        else:
            for chunk in re.split(r"\n\s*\n", part.strip()):
                if chunk.strip():
                    yield _block(chunk.strip())


def _block(chunk: str) -> Block:
    if chunk.startswith("## "):
        return Heading(chunk.removeprefix("## "))
    if chunk.startswith("| "):
        lines = [_cells(line) for line in chunk.splitlines()]
        return Table(lines[0], tuple(lines[2:]))
    return Paragraph(" ".join(chunk.split()))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(each.strip().replace("\\|", "|") for each in line.strip().strip("|").split(" | "))
