"""How the tasks of a mixture are written for people: `mixture show` and `run plan` draw the same table."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.cli import figures
from workbench.cli.output import Column, cell, colour, table
from workbench.composing.tasks import Share

BAR_WIDTH = 20

_EXAMPLES = (
    Column("DATASET", lambda part: cell(part.dataset), shrinks=True),
    Column("TEMPLATE", lambda part: cell(part.template), shrinks=True),
    Column("SPLIT", lambda part: cell(part.split)),
    Column("WEIGHT", lambda part: figures.value(part.weight), right=True),
    Column("ROWS", lambda part: "-" if part.rows is None else f"{part.rows:,}", right=True),
    Column("EXAMPLES", lambda part: percent(part.share), right=True),
)
_TOKENS = (
    Column("TOKENS", lambda part: percent(part.token_share), right=True),
    Column("TRAINED", lambda part: percent(part.trained_token_share), right=True),
    Column("MEAN ROW", lambda part: _mean(part.mean_tokens), right=True),
    Column("MEAN TRAINED", lambda part: _mean(part.mean_trained_tokens), right=True),
)
_BAR = Column("", lambda part: colour("#" * round(BAR_WIDTH * (part.share or 0)), "busy"))


def share_table(parts: Sequence[Share]) -> str:
    """Lay the tasks out with their shares, a bar for each, and what is wrong with them."""
    measured = any(part.token_share is not None for part in parts)
    columns = (*_EXAMPLES, *(_TOKENS if measured else ()), _BAR)
    lines = [table(columns, parts, empty="no tasks")]
    if measured:
        most = max(part.sampled_rows or 0 for part in parts)
        lines.append(colour(f"tokens are reckoned from a sample of each task: {most} rows at most", "quiet"))
    lines += [
        f"{colour(f'task {number}', 'bad')}: {cell(part.fault, limit=500)}"
        for number, part in enumerate(parts, start=1)
        if part.fault
    ]
    lines += [
        f"task {number}: {part.skipped_rows} of {part.sampled_rows} rows looked at cannot be trained on"
        for number, part in enumerate(parts, start=1)
        if part.skipped_rows
    ]
    return "\n".join(lines)


def percent(share: float | None) -> str:
    """Write a share as a percentage."""
    return "-" if share is None else f"{100 * share:.1f} %"


def _mean(tokens: float | None) -> str:
    return "-" if tokens is None else f"{tokens:.1f}"
