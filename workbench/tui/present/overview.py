"""How the scores of an evaluation are spread, by height, length and rarity of words; it reads no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from store.row_scores import Spread
from workbench.evaluation.row_scores import BINS, WORDS_OF_ROWS, Recalled, top_of
from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present.cells import QUIET, STRONG, lines, number_of, quiet
from workbench.tui.present.inspect import NAMES, Metric
from workbench.tui.present.scored_rows import score_of

BAR = 24
"""The most cells of a bar."""
LENGTHS = ((0, 4), (5, 9), (10, 19), (20, 39), (40, 79), (80, None))
"""Words of a reference: from, to."""


@dataclass(frozen=True)
class SystemSpread:
    """One system's scores over all rows, and how it recalled words in the first ones, once that is known."""

    system: str
    spread: Spread
    recalled: Sequence[Recalled] | None = None


def overview(found: Iterable[SystemSpread], metric: Metric, signs: Glyphs = UNICODE) -> Content:
    """All systems below each other."""
    parts: list[Content] = []
    for each in found:
        parts += [*_system(each, metric, signs), Content("")]
    return lines(parts)


def _system(of: SystemSpread, metric: Metric, signs: Glyphs) -> Iterator[Content]:
    name = NAMES[score_of(metric)]
    yield Content.assemble((clean(of.system), STRONG), f"  {name} of {number_of(of.spread.rows, 'row')}")
    most, whole = max(of.spread.bins, default=0) or 1, top_of(score_of(metric))
    for at, count in enumerate(of.spread.bins):
        low, high = (whole * edge / BINS for edge in (at, at + 1))
        label = f"{low:.0f}-{high:.0f}" if whole > 1 else f"{low:.1f}-{high:.1f}"
        yield _bar(label, count / most, f"{count:,}", signs)
    yield quiet(f"mean {name} by words of the reference")
    for label, rows, mean in by_length(of.spread):
        yield _bar(
            label, mean / whole, f"{mean:.{1 if whole > 1 else 3}f} of {number_of(rows, 'row')}", signs
        )
    read = "" if of.spread.rows <= WORDS_OF_ROWS else f", first {WORDS_OF_ROWS:,} rows"
    yield quiet(f"words recalled, by how often the references have them{read}")
    if of.recalled is None:
        yield quiet(f"{'':>9} being counted")
        return
    for bucket in of.recalled:
        share = bucket.recalled / bucket.words
        yield _bar(_span(bucket.least, bucket.most), share, f"{share:.3f} of {bucket.words:,} words", signs)


def by_length(spread: Spread) -> list[tuple[str, int, float]]:
    """Rows and their mean score by the reference's length: label, rows, mean; empty ranges are left out."""
    found = []
    for least, most in LENGTHS:
        inside = [
            (rows, total)
            for words, rows, total in spread.by_words
            if words >= least and (most is None or words <= most)
        ]
        rows = sum(each for each, _ in inside)
        if rows:
            found.append((_span(least, most), rows, sum(total for _, total in inside) / rows))
    return found


def _span(least: int, most: int | None) -> str:
    if most is None:
        return f"{least}+"
    return str(least) if least == most else f"{least}-{most}"


def _bar(label: str, share: float, told: str, signs: Glyphs) -> Content:
    filled = max(round(share * BAR), 1 if share else 0)
    return Content.assemble(
        (f"{label:>9} ", QUIET), (signs.bar * filled, "$secondary"), " " * (BAR - filled), f" {told}"
    )
