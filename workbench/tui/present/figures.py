"""A whole split in figures, as the Compose screen shows them: lengths, cuts, repeats, packing, problems.

What is drawn comes from the documents of a survey, which grow while it goes on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, count_text, progress_bar
from workbench.tui.present import cells as cell
from workbench.tui.present.cells import BAD, QUIET, WARNING, number_of, outside
from workbench.tui.widgets.histogram import histogram
from workbench.tui.widgets.surface import Row, blank, cells, fit, restyle

Document = Mapping[str, Any]
ROOMY = 17
"""Lines from which on the histograms stand on several lines each."""
LABEL = 11
STALE = "$faint"
BATCH_SIZE = 8


def draw(document: Document, width: int, height: int, *, stale: bool, signs: Glyphs = UNICODE) -> list[Row]:
    """The figures in a given space.

    Args:
        document: Of a survey.
        width: Cells of a line.
        height: Lines.
        stale: Dim everything: the figures are of something else than what is on show.
        signs: The signs to draw with.
    """
    if height >= ROOMY:
        rows = _roomy(document, width, height, signs)
    else:
        rows = [fit(cells(line), width) for line in _compact(document, width, signs)]
    rows = [*rows[:height], *(blank(width) for _ in range(height - len(rows)))]
    return [[(character, STALE) for character, _ in row] for row in rows] if stale else rows


def _roomy(document: Document, width: int, height: int, signs: Glyphs) -> list[Row]:
    told = facts(document)
    bars = min(max((height - len(told) - 6) // 2, 3), 8)
    limit = document["max_length"]
    rows = [fit(cells(progress(document, width, signs)), width)]
    for name in ("prompt", "completion"):
        spread = document[name]
        rows += [blank(width), fit(cells(_heading(name, spread)), width)]
        rows += histogram(spread["histogram"], spread["min"], width, bars, signs, limit)
    return [*rows, blank(width), *(fit(cells(line), width) for line in told)]


def _compact(document: Document, width: int, signs: Glyphs) -> list[Content]:
    limit = document["max_length"]
    lines = [progress(document, width, signs)]
    for name in ("prompt", "completion"):
        spread = document[name]
        span = f" {spread['min']:,}-{spread['max']:,}"
        room = max(width - LABEL - len(span), 4)
        [bars] = histogram(spread["histogram"], spread["min"], room, 1, signs, limit)
        drawn = [(character, style) for character, style in bars]
        lines.append(Content.assemble((name.ljust(LABEL), QUIET), *drawn, span))
    return [*lines, *_short_facts(document), _problem_line(document)]


def progress(document: Document, width: int, signs: Glyphs = UNICODE) -> Content:
    """How far the survey is, as a bar; when it is through, how much there is."""
    done, total = document["done"], document["total"]
    if document["finished"]:
        return Content(f"{number_of(done, 'row')}, {document['tokens']:,} tokens")
    figures = f" {done:,}/{total:,}"
    return Content.assemble(progress_bar(done, total, max(width - len(figures), 4), signs), (figures, QUIET))


def _heading(name: str, spread: Document) -> Content:
    if not spread["histogram"]:
        return Content.assemble((name.ljust(LABEL), QUIET), ("no tokens yet", QUIET))
    told = f"median {spread['median']:,}  95% to {spread['p95']:,}"
    return Content.assemble((name.ljust(LABEL), QUIET), told)


def facts(document: Document) -> list[Content]:
    """The figures that are no lengths, one a line."""
    cut = [
        number_of(document[f"truncated_{part}s"], part)
        for part in ("prompt", "completion")
        if document[f"truncated_{part}s"]
    ]
    shared = [
        f"{number_of(rows, 'row')} with {clean(split, 40)}"
        for split, rows in document["overlap"].items()
        if rows
    ]
    padding = f"{document['padding_share']:.0%} of a batch of {BATCH_SIZE}"
    return [
        _fact("trained", f"{document['trained_tokens']:,} tokens, {_trained_share(document):.0%}"),
        _warned("cut off", ", ".join(cut), "nothing"),
        _warned("duplicates", document["duplicates"] and number_of(document["duplicates"], "row"), "none"),
        _warned("empty", document["empty"] and number_of(document["empty"], "row"), "none"),
        _warned("shared", ", ".join(shared), "nothing" if document["overlap"] else "there is no other split"),
        _fact("padding", padding),
        _fact("packed", f"{document['packing_efficiency']:.0%} of each line of {document['max_length']:,}"),
    ]


def _short_facts(document: Document) -> list[Content]:
    def pair(*parts: tuple[str, object, bool]) -> Content:
        told: list[Any] = []
        for label, value, bad in parts:
            told += [(f"{label} ", QUIET), (str(value), WARNING if bad else ""), "  "]
        return Content.assemble(*told[:-1])

    # Prompts and completions: one row can have both cut, so that their sum counts nothing.
    parts = [document[f"truncated_{part}s"] for part in ("prompt", "completion")]
    cut = "+".join(count_text(count) for count in parts if count) or "0"
    shared = sum(document["overlap"].values())
    return [
        pair(
            ("trained", f"{count_text(document['trained_tokens'])} {_trained_share(document):.0%}", False),
            ("padding", f"{document['padding_share']:.0%}", False),
            ("packed", f"{document['packing_efficiency']:.0%}", False),
        ),
        pair(
            ("cut", cut, cut != "0"),
            ("twice", count_text(document["duplicates"]), bool(document["duplicates"])),
            ("empty", count_text(document["empty"]), bool(document["empty"])),
            ("shared", count_text(shared), bool(shared)),
        ),
    ]


def _problem_line(document: Document) -> Content:
    found = document["problems"]
    if not found:
        return Content.styled("no problems" + ("" if document["finished"] else " so far"), QUIET)
    told: list[Any] = []
    for kind, each in found.items():
        told += [(f"{count_text(each['count'])} {clean(kind, 40)}", BAD if each["fatal"] else WARNING), "  "]
    return Content.assemble(*told[:-1])


def _trained_share(document: Document) -> float:
    return document["trained_tokens"] / document["tokens"] if document["tokens"] else 0.0


def _fact(label: str, text: str) -> Content:
    return Content.assemble((label.ljust(LABEL), QUIET), text)


def _warned(label: str, text: str | int, nothing: str) -> Content:
    shown = (str(text), WARNING) if text else (nothing, QUIET)
    return Content.assemble((label.ljust(LABEL), QUIET), shown)


def problem_rows(document: Document, *, stale: bool) -> list[cell.Row]:
    """The table of problems: kind, how many rows, the first of them."""
    found = document["problems"]
    order = sorted(found, key=lambda kind: (not found[kind]["fatal"], -found[kind]["count"]))
    return [
        (
            kind,
            (
                outside(kind, _weight(found[kind], stale)),
                Content.styled(f"{found[kind]['count']:,}", STALE if stale else ""),
                Content.styled(f"{found[kind]['first']:,}", STALE if stale else QUIET),
            ),
        )
        for kind in order
    ]


def _weight(found: Document, stale: bool) -> str:
    return STALE if stale else BAD if found["fatal"] else WARNING


def neighbour(document: Document, row: int, step: int) -> tuple[int | None, bool]:
    """The next row with a problem, as far as the figures know.

    Args:
        document: Of a survey.
        row: The row on show.
        step: 1 for the next, -1 for the one before.

    Returns:
        Its number, None where there is none that is known; and whether that is certain.
    """
    lists = [each["rows"] for each in document["problems"].values()]
    cut_short = [each for each in document["problems"].values() if each["count"] > len(each["rows"])]
    # Beyond the last row that is remembered of a kind nothing is known about that kind.
    horizon = min((each["rows"][-1] for each in cut_short), default=document["done"] - 1)
    if not document["finished"]:
        horizon = min(horizon, document["done"] - 1)
    found = [place for rows in lists if (place := _next(rows, row, step)) is not None]
    nearest = (min(found) if step > 0 else max(found)) if found else None
    if step > 0:
        certain = nearest <= horizon if nearest is not None else horizon >= document["total"] - 1
    else:
        certain = row - 1 <= horizon
    return nearest, certain


def _next(rows: Sequence[int], row: int, step: int) -> int | None:
    at = bisect_right(rows, row) if step > 0 else bisect_left(rows, row) - 1
    return rows[at] if 0 <= at < len(rows) else None


def dimmed(row: Row) -> Row:
    """A copy of a line that stands back."""
    return restyle(row, STALE)
