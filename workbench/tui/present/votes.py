"""What blind votes have come to, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.present.cells import NONE, QUIET, STRONG, WARNING, lines, quiet
from workbench.tui.present.compare import BASE

if TYPE_CHECKING:
    from store.preferences import Vote
    from workbench.evaluation.wins import Duel

NAME_CELLS = 14
EMPTY = (
    "No votes yet: {key:compare.blind} asks blindly, then {key:compare.better} on the better column, "
    "or {key:compare.equal} where they are equal."
)
ASK = (
    "Which is better? {key:answer.left} and {key:answer.right} go to it, "
    "{key:compare.better} votes for it, {key:compare.equal} if none is"
)
HOW = (
    "The share is that of the votes which decided between the two, with Wilson's 95 % interval.\n"
    "workbench compare export FILE.jsonl writes them as preference data."
)


def table(found: Sequence[Duel]) -> Content:
    """A line for every two systems that stood for choice together."""
    if not found:
        return quiet(EMPTY)
    names = [(named(duel.first), named(duel.second)) for duel in found]
    width = min(max(len(name) for pair in names for name in pair), NAME_CELLS)
    head = f"{'preferred':{width}}  {'over':{width}}  wins  lost  ties  share"
    rows = [
        Content.assemble(
            (f"{first[:width]:{width}}", STRONG),
            f"  {second[:width]:{width}}  {duel.wins:4}  {duel.losses:4}  {duel.ties:4}  ",
            _share(duel),
        )
        for duel, (first, second) in zip(found, names, strict=True)
    ]
    return lines([Content.styled(head, QUIET), *rows, "", quiet(HOW)])


def named(system: str | None) -> str:
    """A system's name."""
    return BASE if system is None else clean(system)


def _share(duel: Duel) -> Content:
    if duel.share is None or duel.interval is None:
        return quiet(NONE)
    bounds = quiet(f" {duel.interval.low:.0%} to {duel.interval.high:.0%}")
    # An interval that holds a half has not told them apart.
    style = WARNING if duel.interval.low <= 0.5 <= duel.interval.high else STRONG
    return Content.assemble((f"{duel.share:4.0%}", style), bounds)


def kept(vote: Vote) -> str:
    """What was voted, in a line."""
    what = "equal" if vote.winner is None else f"{named(vote.candidates[vote.winner].system)} is better"
    keys = "{key:compare.next} goes on with the next row, {key:compare.wins} shows the wins"
    return f"kept as {vote.id}: {what}.  {keys}"
