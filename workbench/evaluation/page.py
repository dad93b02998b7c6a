"""A report as a page for people: Markdown, or HTML in one file, without scripts or anything from outside.

It lays out what it is given; what a report says is known in `pages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from workbench.text import visible


@dataclass(frozen=True, slots=True)
class Mark:
    """A word of a passage, from `start` to `end` in characters, its label per view, and a note to it."""

    start: int
    end: int
    labels: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its name and marked words, in order."""

    name: str
    text: str
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: its heading, what is said of it, and its texts."""

    heading: str
    told: Sequence[str]
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heading row; all but the first column hold figures."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report; `views` name the ways of labelling that the marks have a label for each."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]
    entries_title: str
    entries: Sequence[Entry]
    views: Sequence[str] = field(default=())


def markdown(page: Page) -> str:
    """Write a page as Markdown; words are not coloured there."""
    parts = [f"# {_plain(page.title)}"]
    for table in page.tables:
        rule = ["---", *["---:" for _ in table.headings[1:]]]
        lines = [table.headings, rule, *table.rows]
        parts.append("\n".join(f"| {' | '.join(_plain(each) for each in line)} |" for line in lines))
    if page.notes:
        parts.append("\n".join(f"- {_plain(note)}" for note in page.notes))
    if page.entries:
        parts.append(f"## {_plain(page.entries_title)}")
    for entry in page.entries:
        parts.append(f"### {_plain(entry.heading)}")
        parts.append("\n".join(f"- {_plain(each)}" for each in entry.told))
        parts += [f"{passage.name}:\n\n{_quoted(passage.text)}" for passage in entry.passages]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain(text: str) -> str:
    """One line of text that Markdown takes for nothing else."""
    line = visible(text)
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>#|!&~" else each for each in line)


def _quoted(text: str) -> str:
    """A text from outside as an indented block, in which nothing has a meaning."""
    return "\n".join(f"    {line}" for line in visible(text, keep_newlines=True).split("\n"))


STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --odd: #9a6700; --bad: #c0352b; --quiet: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --odd: #d4a72c; --bad: #ff7b72; } }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
article { border-top: 1px solid #8884; padding: .5rem 0 1rem; }
h3 { margin: .5rem 0; font-size: 1rem; }
ul { margin: .3rem 0; padding-left: 1.2rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: 7rem 1fr; gap: .4rem 1rem; margin: .6rem 0; }
dt { color: var(--quiet); overflow-wrap: anywhere; }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
nav { position: sticky; top: 0; padding: .5rem 0; background: Canvas; }
nav span { margin-right: 1rem; }
input[name=view] { margin: 0 .3rem 0 1rem; }
"""
LABEL_STYLES = {
    "matched": "color: var(--good); font-weight: 600",
    "recalled": "color: var(--good); font-weight: 600",
    "clipped": "color: var(--odd); text-decoration: underline dotted",
    "novel": "color: var(--bad); font-style: italic",
    "missed": "color: var(--bad); font-style: italic",
}
LEGEND = {
    "matched": "in the reference too",
    "clipped": "one too many, or out of order",
    "novel": "not in the reference",
}
# Nothing may be loaded and nothing may run, whatever the texts hold.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(page: Page) -> str:
    """Write a page as HTML."""
    title = _safe(page.title)
    switches, rules = [], []
    for at, view in enumerate(page.views):
        switches.append(
            f'<input type="radio" name="view" id="view{at}"{" checked" if at == 0 else ""}>'
            f'<label for="view{at}">{_safe(view)}</label>'
        )
        rules += [
            f"#view{at}:checked ~ main .v{at}-{label} {{ {style} }}" for label, style in LABEL_STYLES.items()
        ]
    legend = "".join(
        f'<span class="{" ".join(f"v{at}-{label}" for at in range(len(page.views)))}">{label}</span>'
        f"<span>{told}</span>"
        for label, told in LEGEND.items()
    )
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        "<style>" + STYLE + "\n".join(rules) + "</style></head><body>",
        f"<h1>{title}</h1>",
        *map(_html_table, page.tables),
        _html_list(page.notes),
        *switches,
        "<main>",
        f"<nav>{legend}</nav><h2>{_safe(page.entries_title)}</h2>" if page.entries else "",
        *(part for entry in page.entries for part in _html_entry(entry)),
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{_safe(each)}</th>" for each in table.headings)
    body = "".join(f"<tr>{''.join(f'<td>{_safe(each)}</td>' for each in row)}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_safe(line)}</li>' for line in lines)}</ul>" if lines else ""


def _html_entry(entry: Entry) -> Iterable[str]:
    yield f"<article><h3>{_safe(entry.heading)}</h3>{_html_list(entry.told)}<dl>"
    for passage in entry.passages:
        yield f"<dt>{_safe(passage.name)}</dt><dd>{''.join(_html_words(passage))}</dd>"
    yield "</dl></article>"


def _html_words(passage: Passage) -> Iterable[str]:
    end = 0
    for mark in passage.marks:
        if mark.start < end:
            continue  # one character can hold two words; it is drawn once
        yield _safe(passage.text[end : mark.start])
        classes = " ".join(f"v{at}-{label}" for at, label in enumerate(mark.labels))
        note = f' title="{_safe(mark.note)}"' if mark.note else ""
        yield f'<span class="{classes}"{note}>{_safe(passage.text[mark.start : mark.end])}</span>'
        end = mark.end
    yield _safe(passage.text[end:])


def _safe(text: str) -> str:
    """Text from outside as text of a page and of its attributes."""
    return escape(visible(text, keep_newlines=True), quote=True)
