"""The stops of the five-minute tour: what is pressed and what is seen, for its page and its pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """One stop, on the demo's store after its run."""

    name: str
    """Names its picture."""
    keys: tuple[str, ...]
    """What is pressed to get there, by Textual's names, from the stop before."""
    shows: str
    """A text that stands on the screen once it is all there."""
    title: str
    text: str


STOPS = (
    Stop(
        "runs",
        ("1",),
        "Trained.",
        "Watch the run",
        "Press `1`. A LoRA adapter learns to sum up dialogues: at the top the queue, under it the loss as "
        "it falls, memory, devices and the log. `p` pauses and resumes, `x` cancels, `s` shows what the run "
        "answered to its pinned prompts, step by step.",
    ),
    Stop(
        "datasets",
        ("3",),
        "dialogues",
        "See the data",
        "Press `3`. Any number of rows, by pages: `enter` reads a row, `/` searches, `f` counts lengths and "
        "values, `a` adds a dataset of yours.",
    ),
    Stop(
        "compose",
        ("4",),
        "trained",
        "See what is learned",
        "Press `4`. A row as the trainer will have it, token by token: context, trained, padding, cut off. "
        "`v` shows the next phrasing, `]` the next row, `p` the next problem, `e` edits the template.",
    ),
    Stop(
        "compare",
        ("6",),
        "BLEU",
        "Compare",
        "Press `6`. The base and its adapter answer one unseen dialogue side by side. `n` takes another row, "
        "`d` shows how sure each token was, `p` lets you write a prompt of your own.",
    ),
    Stop(
        "inspect",
        ("7",),
        "ROUGE",
        "Inspect each word",
        "Press `7`. Every answer against its reference, each matched word coloured: which words earned the "
        "score. `m` switches the metric, `x` orders by gain.",
    ),
    Stop(
        "benchmarks",
        ("8",),
        "demo",
        "Keep score",
        "Press `8`. The scores of all evaluations. Then `q`: the screens close, the store stays.",
    ),
)
