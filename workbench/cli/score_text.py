"""What `workbench score` says to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.cli.output import Column, cell, table
from workbench.evaluation import pages
from workbench.evaluation.comparison import Comparison, Runs
from workbench.evaluation.page import Table

Names = tuple[Sequence[str], Sequence[str]]
"""What the runs of baseline and system are called."""

ROWS_TOLD = 10
TEXT_CHARACTERS = 100


class OddRows:
    """Keeps the first rows that look odd, and counts the others."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[tuple[int, str, str]] = []

    def add(self, number: int, signals: Mapping[str, Any]) -> None:
        """Look at a row's signals."""
        for name, signal in signals.items():
            if signal["flagged"]:
                self.counts[name] += 1
                if len(self.first) < ROWS_TOLD:
                    self.first.append((number, name, signal["sentence"]))


def corpus(totals: Mapping[str, Any], rows: int, odd: OddRows) -> str:
    """Write corpus scores, their signatures, and the rows that look odd."""
    parts = [f"{rows:,} {'row' if rows == 1 else 'rows'}", _table(pages.corpus_table(totals["corpus"]))]
    parts += map(cell, pages.signature_lines(totals["signatures"]))
    collapse = totals["signals"]["collapse"]
    if collapse["flagged"]:
        parts.append(cell(collapse["sentence"]))
    return "\n".join([*parts, *_odd_rows(odd)])


def comparison(found: Comparison, names: Names, rows: Mapping[int, tuple[Runs, Runs]]) -> str:
    """Write how two systems compare, and the rows that decide."""
    parts = [
        cell(pages.comparison_title(names, found.rows)),
        _table(pages.verdict_table(found)),
    ]
    parts += map(
        cell, [*pages.run_lines(found), *pages.cautions(found), *pages.signature_lines(found.signatures)]
    )
    return "\n".join([*parts, *_deciding(found, names, rows)])


def _deciding(found: Comparison, names: Names, rows: Mapping[int, tuple[Runs, Runs]]) -> Iterator[str]:
    for name, compared in found.scores.items():
        if compared.undecided:
            yield f"\n{name}: {cell(compared.undecided)}"
        elif name == _told_by(found):
            yield f"\nthe rows that decide {name}"
            for decision in sorted(compared.deciding, key=lambda each: -abs(each.points))[:ROWS_TOLD]:
                yield f"  row {decision.row}  {pages.decision_text(name, decision)}"
                for side, runs in zip(names, rows[decision.row], strict=True):
                    for who, row in zip(side, runs, strict=True):
                        yield f"    {cell(who, 20)}: {cell(row.prediction, TEXT_CHARACTERS)}"


def _told_by(found: Comparison) -> str:
    """The score whose rows are told: BLEU where it can be divided, else the first."""
    divided = [name for name, compared in found.scores.items() if not compared.undecided]
    return "bleu" if "bleu" in divided else divided[0] if divided else ""


def _table(content: Table) -> str:
    columns = [
        Column(heading.upper(), lambda line, at=at: line[at], right=at > 0)  # type: ignore[misc]
        for at, heading in enumerate(content.headings)
    ]
    return table(columns, content.rows, empty="")


def _odd_rows(odd: OddRows) -> Iterator[str]:
    if not odd.counts:
        return
    yield "\nflagged: " + ", ".join(f"{name} in {count:,}" for name, count in odd.counts.most_common())
    yield from (f"  row {number}, {name}: {cell(sentence)}" for number, name, sentence in odd.first)
    more = odd.counts.total() - len(odd.first)
    if more:
        yield f"  and {more:,} more, all of them with --json"
