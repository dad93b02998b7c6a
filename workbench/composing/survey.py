"""A whole split as the trainer will have it, in figures: lengths, cuts, repeats, problems, packing.

The figures grow while the rows go by, so that a screen can show them before the end.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from store.errors import BadInput
from workbench.composing import bulk, checks, masking
from workbench.composing.masking import Codec, Tokens
from workbench.composing.template import Composer, Example, reads

REPORTED_ROWS = 256
BARS = 24
ROWS_KEPT = 1000
"""So many rows of each problem are remembered, to go to them."""


@dataclass
class Found:
    """A problem of a split: how often, where first, and what to do."""

    message: str
    remedy: str
    fatal: bool
    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """Count one row."""
        self.count += 1
        if len(self.rows) < ROWS_KEPT:
            self.rows.append(row)


@dataclass
class Survey:
    """The figures of the rows seen so far.

    Attributes:
        max_length: The most tokens of a row.
        done: Rows looked at.
        rows: Rows that can be trained on.
        prompt: How many prompts have so many tokens, before anything is cut off; likewise `completion`.
        row: How many rows take so many places in a batch: prompt and completion, or the longer of both where
            an encoder reads the prompt.
        trained_tokens: Tokens that the loss is computed on.
        truncated_prompts: Rows whose prompt is cut; likewise `truncated_completions`.
        duplicates: Rows that repeat an earlier one in every column that the template reads.
        empty: Rows whose completion is empty, or that cannot be rendered at all.
        overlap: By split, the rows of this split that stand there too.
        problems: By kind.
    """

    max_length: int
    done: int = 0
    rows: int = 0
    prompt: Counter[int] = field(default_factory=Counter)
    completion: Counter[int] = field(default_factory=Counter)
    row: Counter[int] = field(default_factory=Counter)
    trained_tokens: int = 0
    truncated_prompts: int = 0
    truncated_completions: int = 0
    duplicates: int = 0
    empty: int = 0
    overlap: dict[str, int] = field(default_factory=dict)
    problems: dict[str, Found] = field(default_factory=dict)

    def report(self, total: int, batch_size: int, *, finished: bool = False) -> dict[str, Any]:
        """The figures as a document.

        Args:
            total: Rows that there are.
            batch_size: Rows of a batch, for the share of padding.
            finished: Whether all rows have been seen.
        """
        return {
            "done": self.done,
            "total": total,
            "finished": finished,
            "rows": self.rows,
            "tokens": sum(length * count for length, count in self.row.items()),
            "trained_tokens": self.trained_tokens,
            "prompt": spread(self.prompt),
            "completion": spread(self.completion),
            "row": spread(self.row),
            "max_length": self.max_length,
            "truncated_prompts": self.truncated_prompts,
            "truncated_completions": self.truncated_completions,
            "duplicates": self.duplicates,
            "empty": self.empty,
            "overlap": dict(self.overlap),
            "padding_share": padding_share(self.row, batch_size),
            "packing_efficiency": packing_efficiency(self.row, self.max_length),
            "problems": {
                kind: {
                    "count": found.count,
                    "first": found.rows[0],
                    "rows": found.rows,
                    "message": found.message,
                    "remedy": found.remedy,
                    "fatal": found.fatal,
                }
                for kind, found in self.problems.items()
            },
        }

    def _add(self, index: int, tokens: Tokens, example: Example, codec: Codec) -> None:
        self.rows += 1
        trained = len(tokens.labels) - tokens.labels.count(masking.IGNORED)
        inner = len(tokens.input_ids)
        if tokens.family == "causal":
            prompt, length = inner - trained, inner
        else:
            prompt, length = inner, max(inner, len(tokens.labels))
        self.prompt[prompt + tokens.truncated_prompt] += 1
        self.completion[trained + tokens.truncated_completion] += 1
        self.row[length] += 1
        self.trained_tokens += trained
        self.truncated_prompts += bool(tokens.truncated_prompt)
        self.truncated_completions += bool(tokens.truncated_completion)
        for problem in checks.problems(tokens, codec, example):
            self._count(index, problem.kind, problem.message, problem.remedy, fatal=problem.fatal)

    def _fail(self, index: int, error: BadInput) -> None:
        self.empty += 1
        self._count(index, "not-rendered", error.what, error.remedy, fatal=True)

    def _count(self, index: int, kind: str, message: str, remedy: str, *, fatal: bool) -> None:
        self.problems.setdefault(kind, Found(message, remedy, fatal)).add(index)


def survey(
    rows: Iterable[Mapping[str, Any]],
    composer: Composer,
    codec: Codec,
    max_length: int,
    columns: Collection[str],
    *,
    others: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
) -> Iterator[Survey]:
    """Look at every row of a split.

    Args:
        rows: The rows, in order.
        composer: The template at work.
        codec: The model's tokenizer.
        max_length: The most tokens of a row.
        columns: Those of the dataset; rows that agree in the ones that the template reads are duplicates.
        others: The rows of other splits, in which this split's should not stand.

    Yields:
        The one survey, again and again as it grows, and at the end.
    """
    read = tuple(sorted(reads(composer.template, columns)))
    known = {name: {_mark(row, read) for row in split} for name, split in (others or {}).items()}
    seen: set[bytes] = set()
    growing = Survey(max_length, overlap=dict.fromkeys(known, 0))

    def watched() -> Iterator[Mapping[str, Any]]:
        for row in rows:
            mark = _mark(row, read)
            growing.duplicates += mark in seen
            seen.add(mark)
            for name, marks in known.items():
                growing.overlap[name] += mark in marks
            growing.done += 1
            yield row

    for index, example, tokens in bulk.masked(watched(), composer, codec, max_length, growing._fail):
        growing._add(index, tokens, example, codec)
        if not growing.rows % REPORTED_ROWS:
            yield growing
    yield growing


def spread(lengths: Mapping[int, int]) -> dict[str, Any]:
    """What lengths there are: extremes, mean, quantiles, and a histogram.

    The bars are equally wide up to the length that 99 % of rows do not pass; a last one holds the rest, since
    one very long row would otherwise squeeze all others into one bar.

    Returns:
        `min, median, p95, max, mean` in tokens, and `histogram`: pairs of a bar's greatest length and how
        many there are; empty where there is no length at all.
    """
    count = sum(lengths.values())
    if not count:
        return {"min": 0, "median": 0, "p95": 0, "max": 0, "mean": 0.0, "histogram": []}
    ordered = sorted(lengths.items())
    least, most = ordered[0][0], ordered[-1][0]
    usual = _quantile(ordered, count, 0.99)
    step = max(1, -(-(usual - least + 1) // BARS))
    bars: Counter[int] = Counter()
    for length, times in ordered:
        if length <= usual:
            bars[(length - least) // step] += times
    histogram = [[least + (bar + 1) * step - 1, bars[bar]] for bar in range(max(bars) + 1)]
    histogram[-1][0] = usual
    if most > usual:
        histogram.append([most, count - sum(bars.values())])
    return {
        "min": least,
        "median": _quantile(ordered, count, 0.5),
        "p95": _quantile(ordered, count, 0.95),
        "max": most,
        "mean": sum(length * times for length, times in ordered) / count,
        "histogram": histogram,
    }


def padding_share(lengths: Mapping[int, int], batch_size: int) -> float:
    """The share of places that are padding when batches are drawn at random and filled to their longest.

    The expected longest of n rows drawn from these lengths is the sum over lengths of L (F(L)^n - F(L-)^n),
    with F the share of rows of at most L tokens.
    """
    count = sum(lengths.values())
    if not count:
        return 0.0
    below, longest, total = 0, 0.0, 0
    for length, times in sorted(lengths.items()):
        reached = below + times
        longest += length * ((reached / count) ** batch_size - (below / count) ** batch_size)
        total += length * times
        below = reached
    return max(0.0, 1 - (total / count) / longest) if longest else 0.0


def packing_efficiency(lengths: Mapping[int, int], max_length: int) -> float:
    """The share of places that hold a token when rows are packed into lines of `max_length` tokens.

    By best-fit decreasing: each row, the longest first, goes where it leaves least room. Rows of one length
    are placed together, so that the work grows with the lengths that there are, not with the rows.
    """
    room = Counter[int]()  # lines by the room left in them
    lines = 0
    total = sum(min(length, max_length) * times for length, times in lengths.items())
    for length, times in sorted(lengths.items(), reverse=True):
        size = min(max(length, 1), max_length)
        for left in sorted(space for space in room if space >= size):
            if not times:
                break
            each = left // size
            used = min(room[left], -(-times // each))
            placed = min(times, used * each)
            _fill(room, left, size, placed, each)
            times -= placed
        if times:
            each = max_length // size
            opened = -(-times // each)
            lines += opened
            room[max_length] += opened
            _fill(room, max_length, size, times, each)
    return total / (lines * max_length) if lines else 0.0


def _fill(room: Counter[int], left: int, size: int, times: int, each: int) -> None:
    """Put `times` rows of one size into lines with `left` places, `each` to a line."""
    full, rest = divmod(times, each)
    for lines, rows in ((full, each), (1 if rest else 0, rest)):
        if lines:
            room[left] -= lines
            room[left - rows * size] += lines
    if not room[left]:
        del room[left]


def _quantile(ordered: Sequence[tuple[int, int]], count: int, share: float) -> int:
    wanted, passed = share * count, 0
    for length, times in ordered:
        passed += times
        if passed >= wanted:
            return length
    return ordered[-1][0]


def _mark(row: Mapping[str, Any], read: Sequence[str]) -> bytes:
    """What stands for a row's content, in few bytes."""
    text = repr([row.get(name) for name in read])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
