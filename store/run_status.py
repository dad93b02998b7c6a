"""The status machine of runs: which status a run can have, and which may follow it."""

from __future__ import annotations

from typing import Literal, get_args

from store.errors import Conflict

Status = Literal["queued", "starting", "running", "paused", "completed", "failed", "cancelled", "interrupted"]
STATUSES: tuple[Status, ...] = get_args(Status)
LIVE: frozenset[Status] = frozenset({"starting", "running"})
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled", "interrupted"})
RESUMABLE: frozenset[Status] = frozenset({"paused", "interrupted", "failed"})
UNDER_WAY: frozenset[Status] = LIVE | {"queued", "paused"}
"""It goes on, or is meant to."""
IDLE: frozenset[Status] = RESUMABLE | {"queued"}
"""No worker works on it, and one may yet."""

# From a status to those that may follow it.
MOVES: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"starting", "cancelled", "paused"}),
    "starting": frozenset({"running", "failed", "cancelled", "interrupted", "paused"}),
    "running": frozenset({"completed", "failed", "cancelled", "interrupted", "paused"}),
    "paused": frozenset({"queued", "cancelled"}),
    "interrupted": frozenset({"queued"}),
    "failed": frozenset({"queued"}),
}
Request = Literal["cancel", "pause"]


def check_move(run_id: str, before: Status, after: Status) -> None:
    """Refuse a change of status that may not be.

    Raises:
        Conflict: `after` does not follow `before`.
    """
    if after not in MOVES.get(before, ()):
        raise Conflict(
            f"run {run_id} is {before} and cannot become {after}", "see it with `workbench run show`"
        )
