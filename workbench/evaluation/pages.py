"""What a report says: one system's scores and its poorest rows, or two systems and the rows that decide."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.evaluation import bleu_breakdown, breakdown, rouge
from workbench.evaluation.comparison import FEW_ROWS, Comparison, Decision, Runs
from workbench.evaluation.meters import LOWER_IS_BETTER, Choices
from workbench.evaluation.page import Entry, Mark, Page, Passage, Table
from workbench.evaluation.rows import Row

SHOWN = 100
"""Of one system so many rows are shown."""
ROUGE_VIEWS = ("ROUGE-1", "ROUGE-2", "ROUGE-L")
HUNDREDS = frozenset({"bleu", "chrf", "chrf++", "ter"})
"""Scores that run from 0 to 100."""


class Poorest:
    """Keeps the rows with the poorest scores of the first metric; of equals the first."""

    def __init__(self, kept: int = SHOWN) -> None:
        self._kept = kept
        self._heap: list[tuple[float, int, Row, Mapping[str, Any]]] = []

    def add(self, number: int, row: Row, document: Mapping[str, Any]) -> None:
        """Look at a row with what `Scorer.add` returned for it."""
        entry = (-_first_score(document), -number, row, document)
        if len(self._heap) < self._kept:
            heapq.heappush(self._heap, entry)
        elif entry[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, entry)

    def rows(self) -> list[tuple[int, Row, Mapping[str, Any]]]:
        """The rows kept, poorest first, each with its number and document."""
        ordered = sorted(self._heap, key=lambda entry: (-entry[0], -entry[1]))
        return [(-number, row, document) for _, number, row, document in ordered]


def score_page(name: str, count: int, totals: Mapping[str, Any], poorest: Poorest, choices: Choices) -> Page:
    """Make the page on one system.

    Args:
        name: Of what was scored.
        count: How many rows that was.
        totals: What `Scorer.totals` returned.
        poorest: The rows to show.
        choices: What was measured, and how.
    """
    notes = signature_lines(totals["signatures"])
    notes += [
        told.get("sentence") or f"flagged for {signal}: {told['flagged']:,} of {count:,} rows"
        for signal, told in totals["signals"].items()
        if told["flagged"]
    ]
    shown = poorest.rows()
    entries = [
        Entry(
            f"Row {number}",
            _told(document),
            _passages(("prediction",), (row,), choices),
        )
        for number, row, document in shown
    ]
    title = f"The {len(shown):,} poorest rows" if len(shown) < count else "All rows"
    return Page(f"Scores of {name}", [corpus_table(totals["corpus"])], notes, title, entries, views(choices))


def comparison_page(
    names: tuple[Sequence[str], Sequence[str]],
    found: Comparison,
    rows: Mapping[int, tuple[Runs, Runs]],
    choices: Choices,
) -> Page:
    """Make the page on two systems.

    Args:
        names: Of the runs of the baseline and of the system.
        found: How they compare.
        rows: All runs' rows by their number from 1, at least those that decide.
        choices: What was measured, and how.
    """
    by_row: dict[int, list[str]] = {}
    for score, compared in found.scores.items():
        for each in compared.deciding:
            by_row.setdefault(each.row, []).append(decision_text(score, each))
    entries = [
        Entry(
            f"Row {number}",
            told,
            _passages([*names[0], *names[1]], [*rows[number][0], *rows[number][1]], choices),
        )
        for number, told in by_row.items()
    ]
    notes = [*run_lines(found), *cautions(found), *signature_lines(found.signatures)]
    notes += [f"{name}: {each.undecided}" for name, each in found.scores.items() if each.undecided]
    title = comparison_title(names, found.rows)
    return Page(title, [verdict_table(found)], notes, "The rows that decide", entries, views(choices))


def corpus_table(corpus: Mapping[str, Any]) -> Table:
    """All rows' scores, one line each."""
    lines = []
    for name, value in corpus.items():
        if isinstance(value, Mapping) and "fmeasure" in value:
            parts = (value["precision"], value["recall"], value["fmeasure"])
            lines.append((name, *(figure(name, part) for part in parts)))
        else:
            score = value["score"] if isinstance(value, Mapping) else value
            lines.append((name, "", "", figure(name, score)))
    return Table(("metric", "precision", "recall", "score"), lines)


def verdict_table(found: Comparison) -> Table:
    """Every score of both systems, one line per score and seed."""
    headings = (
        *("metric", "baseline", "system", "difference", "95 % of resamples"),
        *("p bootstrap", "p swaps", "better", "equal", "worse"),
    )
    lines = []
    for name, compared in found.scores.items():
        for verdict in compared.verdicts:
            low, high = verdict.difference_interval
            lines.append(
                (
                    name if len(compared.verdicts) == 1 else f"{name}, seed {verdict.seed}",
                    figure(name, verdict.baseline),
                    figure(name, verdict.system),
                    f"{figure(name, verdict.difference, signed=True)}",
                    f"{figure(name, low, signed=True)} to {figure(name, high, signed=True)}",
                    f"{verdict.p_bootstrap:.4f}",
                    f"{verdict.p_randomisation:.4f}",
                    *(f"{number:,}" for number in (compared.wins, compared.ties, compared.losses)),
                )
            )
    return Table(headings, lines)


def signature_lines(signatures: Mapping[str, str]) -> list[str]:
    """Every choice behind the scores, one line each."""
    return [f"{name.upper()}: {text}" for name, text in signatures.items()]


def comparison_title(names: tuple[Sequence[str], Sequence[str]], rows: int) -> str:
    """Who is compared with whom."""
    baseline, system = (", ".join(each) for each in names)
    return f"{system} against {baseline}, {rows:,} rows"


def run_lines(found: Comparison) -> list[str]:
    """Of systems with several runs what each of them scored."""
    return [
        f"{name} of each run: {_listed(name, compared.system_runs)} against "
        f"{_listed(name, compared.baseline_runs)}"
        for name, compared in found.scores.items()
        if len(compared.system_runs) > 1
    ]


def _listed(name: str, scores: Sequence[float]) -> str:
    return ", ".join(figure(name, score) for score in scores)


def cautions(found: Comparison) -> list[str]:
    """What should keep one from believing the verdicts."""
    if found.rows >= FEW_ROWS:
        return []
    return [f"With only {found.rows} rows intervals and p-values promise too much; {FEW_ROWS} are few."]


def decision_text(name: str, decision: Decision) -> str:
    """What a row does to the difference, in a sentence."""
    digits = 4 if name in HUNDREDS else 6
    return (
        f"{name} {figure(name, decision.baseline)} to {figure(name, decision.system)}: "
        f"{decision.points:+.{digits}f} of the whole difference"
    )


def figure(name: str, score: float, *, signed: bool = False) -> str:
    """Write a score: those that run to 100 with two digits, those to 1 with four."""
    digits = 2 if name in HUNDREDS or name == "perplexity" else 4
    return f"{score:+.{digits}f}" if signed else f"{score:.{digits}f}"


def views(choices: Choices) -> tuple[str, ...]:
    """The ways in which words are labelled."""
    if "rouge" in choices.metrics:
        return ROUGE_VIEWS
    return ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4") if "bleu" in choices.metrics else ()


def _passages(names: Sequence[str], rows: Sequence[Row], choices: Choices) -> list[Passage]:
    """The reference, with what the last system recalled of it, and each system's answer."""
    found: list[Passage] = []
    for name, row in zip(names, rows, strict=True):
        reference, said, wanted = _marks(row, choices)
        found.append(Passage(name, row.prediction, said))
    return [Passage("reference", rows[-1].references[reference], wanted), *found]


def _marks(row: Row, choices: Choices) -> tuple[int, list[Mark], list[Mark]]:
    """Which reference counts, and the words of prediction and reference with a label per view."""
    if "rouge" in choices.metrics:
        at = rouge.best_reference(row.prediction, row.references, "rouge1", stemmer=choices.stemmer)
        made = list(breakdown.rouges(row.prediction, row.references[at], stemmer=choices.stemmer).values())
        said = [_rouge_mark(tokens) for tokens in zip(*(each.prediction for each in made), strict=True)]
        wanted = [_rouge_mark(tokens) for tokens in zip(*(each.reference for each in made), strict=True)]
        return at, said, wanted
    if "bleu" not in choices.metrics:
        return 0, [], []
    explained = bleu_breakdown.explain(row.prediction, row.references, choices.bleu)
    said = [
        Mark(word.start, word.end, word.labels, "" if word.loss is None else f"costs {word.loss:.3f} nats")
        for word in explained.prediction
    ]
    return 0, said, [Mark(word.start, word.end, word.labels) for word in explained.references[0]]


def _rouge_mark(tokens: Sequence[breakdown.TokenLabel]) -> Mark:
    first = tokens[0]
    shares = ", ".join(
        f"{token.share:.4f} of {view}"
        for view, token in zip(ROUGE_VIEWS, tokens, strict=True)
        if token.share is not None
    )
    return Mark(first.start, first.end, tuple(each.label for each in tokens), shares)


def _told(document: Mapping[str, Any]) -> list[str]:
    """A row's scores in a line, and what is out of the ordinary."""
    scores = []
    for name, value in document.items():
        if isinstance(value, Mapping) and "fmeasure" in value:
            scores.append(f"{name} {figure(name, value['fmeasure'])}")
        elif isinstance(value, float):
            scores.append(f"{name} {figure(name, value)}")
    odd = [told["sentence"] for told in document["signals"].values() if told["flagged"]]
    return ["   ".join(scores), *odd]


def _first_score(document: Mapping[str, Any]) -> float:
    """The first metric's score, turned where less is better."""
    name, value = next(iter(document.items()))
    score = float(value["fmeasure"] if isinstance(value, Mapping) else value)
    return -score if name in LOWER_IS_BETTER else score
