"""The sentences that lead a newcomer through the demo: what a screen shows now, and which key goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.evaluations import Evaluation
    from store.runs import Run

# Each fits a line of 80 columns.
QUEUED = "The demo's run is queued: it starts in a moment, in a process of its own."
LOADING = "The trainer loads a small model. Leave with {key:app.quit} if you like: the run goes on."
TRAINING = "A LoRA adapter learns to sum up dialogues: watch its loss fall."
SCORED = (
    "Each word against the reference. {key:table.select} opens a row, {key:inspect.metric} switches "
    "the metric."
)
DONE = {
    "runs": "Trained. Press {key:app.compare} to compare base and adapter, "
    "{key:app.inspect} to see each word's score.",
    "compare": "Base and adapter answer an unseen dialogue. "
    "{key:compare.next}: another row; {key:app.inspect}: the scores.",
}


def sentence(mode: str, run: Run | None, evaluation: Sequence[Evaluation]) -> str:
    """What a screen of the demo shows, and what to press next.

    Args:
        mode: `runs`, `compare` or `inspect`.
        run: The demo's run, once it is there.
        evaluation: The evaluations of its adapter and of the base, once they are there.
    """
    if run is None or run.status == "queued":
        return QUEUED
    if run.status == "completed":
        if mode == "runs" and run.step < run.total_steps:  # a slow machine
            return f"{DONE[mode]} The demo's minute ended at step {run.step} of {run.total_steps}."
        return _scoring(evaluation) if mode == "inspect" else DONE[mode]
    if run.over:
        more = "Press {key:app.runs} to see why; {key:runs.new_run} there starts another."
        return f"The demo's run ended as {run.status}. {more}"
    if mode != "runs":
        place = f"step {run.step} of {run.total_steps or '?'}"
        return f"The adapter is being trained: {place}. Press {{key:app.runs}} to watch."
    return TRAINING if run.step else LOADING


def _scoring(evaluation: Sequence[Evaluation]) -> str:
    if evaluation and all(each.status != "running" for each in evaluation):
        return SCORED
    done, total = sum(each.rows for each in evaluation), sum(each.total for each in evaluation)
    told = f": {done} of {total}" if total else ""
    return f"Base and adapter answer the test dialogues{told}. Their scores come here."
