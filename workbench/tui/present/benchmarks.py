"""What the Benchmarks screen says: every scored evaluation as one line of a table that can be read across."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.tui.present.cells import NONE, STRONG, Row, age, outside, quiet, score
from workbench.tui.present.inspect import system

if TYPE_CHECKING:
    from store.evaluations import Evaluation

ABOUT = "Every completed evaluation. Public benchmarks (GLUE, MMLU and others) will stand here too."
EMPTY = (
    "No scores yet.\n\n"
    "Press {key:app.inspect}, then {key:inspect.evaluate}, to evaluate a base and its adapters on a dataset."
)


def table(found: Iterable[Evaluation], now: float) -> list[Row]:
    """The completed evaluations in the order given, with their corpus scores."""
    return [
        (
            each.id,
            (
                outside(system(each), STRONG if each.adapter else ""),
                outside(each.model),
                outside(f"{each.dataset} {each.split}"),
                outside(_asked(each)),
                f"{each.rows:,}",
                *(score(each.scores.get(name)) for name in ("rouge1", "rouge2", "rougeL")),
                f"{each.scores['bleu']:.1f}" if "bleu" in each.scores else NONE,
                quiet(age(each.created, now)),
            ),
        )
        for each in found
        if each.status == "completed"
    ]


def _asked(evaluation: Evaluation) -> str:
    """The template, and the temperature where answers were not greedy."""
    temperature = evaluation.settings.get("temperature")
    return evaluation.template + (f" at {temperature:g}" if temperature else "")
