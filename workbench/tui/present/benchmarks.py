"""What the Benchmarks screen says: every scored evaluation as one line of a table that can be read across."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.tui.present.cells import NONE, STRONG, Row, age, outside, quiet, score

if TYPE_CHECKING:
    from store.evaluations import Evaluation

ABOUT = "Every completed evaluation. Public benchmarks (GLUE, MMLU and others) will stand here too."
EMPTY = "No scores yet.\n\nPress 7, then e, to evaluate a base and its adapters on a dataset."


def table(found: Iterable[Evaluation], now: float) -> list[Row]:
    """The completed evaluations in the order given, with their corpus scores."""
    return [
        (
            each.id,
            (
                outside(each.adapter or "base", STRONG if each.adapter else ""),
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
    """The template, and where they are not as usual its variant, the temperature and the seed."""
    settings = evaluation.settings
    told = [evaluation.template, settings.get("variant") or ""]
    if settings.get("temperature"):
        told.append(f"at {settings['temperature']:g}")
    if settings.get("seed"):
        told.append(f"seed {settings['seed']}")
    return " ".join(filter(None, told))
