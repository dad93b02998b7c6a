"""Pages written out: as text for a terminal, as Markdown, and as a manual page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from workbench.handbook.page import Block, Code, Heading, Page, Paragraph, Table

GAP = 2
MOST_FOR_THE_FIRST = 0.6
"""Of the width, for all columns but the last; a row with more than that takes a line of its own for them."""
INDENT = "    "


def as_text(page: Page, width: int) -> str:
    """Write a page for a terminal of so many columns."""
    return "\n\n".join([_underlined(page.title, "="), *(_text(block, width) for block in page.blocks)])


def _text(block: Block, width: int) -> str:
    match block:
        case Heading():
            return _underlined(block.text, "-")
        case Paragraph():
            return textwrap.fill(block.text.replace("`", ""), width, break_on_hyphens=False)
        case Code():
            return textwrap.indent(block.text, INDENT)
        case Table():
            return "\n".join(_rows(block, width))


def _underlined(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}"


def _rows(table: Table, width: int) -> Iterator[str]:
    rows = [tuple(cell.replace("`", "") for cell in row) for row in (table.heads, *table.rows)]
    most = int(width * MOST_FOR_THE_FIRST)
    aligned = [row for row in rows if sum(len(cell) + GAP for cell in row[:-1]) <= most]
    widths = [
        max((len(row[place]) for row in aligned), default=0) + GAP for place in range(len(table.heads) - 1)
    ]
    left = min(sum(widths), most)
    for row in rows:
        first = "".join(cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=True)).rstrip()
        lines = textwrap.wrap(row[-1], max(width - left, 1), break_on_hyphens=False)
        if len(first) > left - GAP or not lines:
            yield first
        else:
            yield first.ljust(left) + lines.pop(0)
        yield from (" " * left + line for line in lines)


def as_markdown(page: Page) -> str:
    """Write a page as Markdown."""
    return "\n\n".join([f"# {page.title}", *map(_markdown, page.blocks)]) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"## {block.text}"
        case Paragraph():
            return block.text
        case Code():
            return f"```\n{block.text}\n```"
        case Table():
            rule = tuple("---" for _ in block.heads)
            return "\n".join(
                f"| {' | '.join(map(_piped, row))} |" for row in (block.heads, rule, *block.rows)
            )


def _piped(cell: str) -> str:
    return cell.replace("|", "\\|")


def as_manual(pages: Iterable[Page], version: str, summary: str) -> str:
    """Write pages as one manual page in the `man` macros.

    Args:
        pages: What becomes its sections.
        version: Of the workbench.
        summary: What it is, in a line.
    """
    head = [
        f'.TH WORKBENCH 1 "" "workbench {_roff(version)}" "Workbench"',
        ".ad l",  # no even right edge: a long option would tear its line apart
        ".SH NAME",
        f"workbench \\- {_roff(summary)}",
        ".SH SYNOPSIS",
        ".B workbench",
        "[\\fIoptions\\fR] [\\fIcommand\\fR [\\fIarguments\\fR]]",
    ]
    return "\n".join([*head, *(line for page in pages for line in _section(page))]) + "\n"


def _section(page: Page) -> Iterator[str]:
    yield f'.SH "{_roff(page.title.upper())}"'
    for block in page.blocks:
        match block:
            case Heading():
                yield f'.SS "{_roff(block.text)}"'
            case Paragraph():
                yield from (".PP", _typed(block.text))
            case Code():
                yield from (".PP", ".nf", ".RS", *map(_roff, block.text.splitlines()), ".RE", ".fi")
            case Table():
                for row in block.rows:
                    yield from (".TP", f"\\fB{_roff('  '.join(each for each in row[:-1] if each))}\\fR")
                    yield _typed(row[-1]) or "\\&"


def _typed(text: str) -> str:
    """Prose, with what is typed in bold."""
    parts = [_roff(part) for part in text.split("`")]
    return "".join(f"\\fB{part}\\fR" if place % 2 else part for place, part in enumerate(parts))


def _roff(text: str) -> str:
    """Text that means nothing to troff: ASCII, no line of it a request, and hyphens as they are typed."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    named = "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in escaped)
    return re.sub(r"^(?=[.'])", r"\\&", named)
