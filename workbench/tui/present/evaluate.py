"""The form of an evaluation: who answers what, and how much of it; it asks for nothing to be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.evaluating import ALL_VARIANTS, SAMPLING, EvaluationOptions
from workbench.runs.fields import FieldInfo

AUTO = "auto"
ALONE = "the base alone"
DEFAULT_ROWS = 100
IN_TURN, EACH = "in turn", "each alone"


@dataclass(frozen=True)
class Offer:
    """What an evaluation can be made of; the first of each stands in the form.

    The `adapters` are those of the first model.
    """

    adapters: tuple[str, ...]
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    splits: tuple[str, ...]
    templates: tuple[str, ...]


def lacking(offer: Offer) -> str | None:
    """Why nothing can be evaluated yet; None where something can."""
    needed = {
        "a model (press {key:app.models})": offer.models,
        "a dataset ({key:app.datasets})": offer.datasets,
        "a template ({key:app.compose})": offer.templates,
    }
    absent = [noun for noun, found in needed.items() if not found]
    return f"an evaluation needs {' and '.join(absent)}" if absent else None


def choices(offer: Offer) -> dict[str, Sequence[str]]:
    """The values to choose from, by field."""
    return {
        "model": offer.models,
        "adapter": answering(offer.adapters),
        "dataset": offer.datasets,
        "split": [AUTO, *offer.splits],
        "template": offer.templates,
        "variants": (IN_TURN, EACH),
    }


def answering(adapters: Sequence[str]) -> tuple[str, ...]:
    """What can answer over a model: its adapters, or nothing but the model."""
    return (*adapters, ALONE)


def fields(offer: Offer) -> list[FieldInfo]:
    """The fields of the form."""
    found = choices(offer)
    return [
        _choice("model", found, "The base that answers"),
        # What there is to choose from changes with the model.
        replace(
            _choice("adapter", found, "Answers beside its base; {key:choice.search} lists the model's"),
            choices=None,
        ),
        _choice("dataset", found, "Rows to answer"),
        _choice("split", found, "auto takes test, else validation, else the only one"),
        _choice("template", found, "How a row becomes a prompt, and what would be right"),
        _number("limit", int, DEFAULT_ROWS, "Most rows; auto takes all", "rows", low=1, optional=True),
        _choice("variants", found, "A template's phrasings: dealt out to the rows, or each one for all rows"),
        _number("temperature", float, 0.0, "0 is greedy; more is drawn by chance", None, high=10),
        _number("seeds", int, 1, "So many evaluations, for mean and spread of what is drawn", None, low=1),
    ]


def _number(
    name: str,
    kind: type,
    default: float,
    help_text: str,
    unit: str | None,
    *,
    low: float = 0,
    high: float | None = None,
    optional: bool = False,
) -> FieldInfo:
    return FieldInfo(name, kind, optional, default, help_text, unit, low, None, high, None, "evaluation")


def _choice(name: str, found: Mapping[str, Sequence[str]], help_text: str) -> FieldInfo:
    options = tuple(found[name])
    return FieldInfo(name, str, False, options[0], help_text, None, None, None, None, options, "evaluation")


def request(values: Mapping[str, Any]) -> EvaluationOptions:
    """The evaluation that a filled form asks for."""
    alone = values["adapter"] == ALONE
    return EvaluationOptions(
        model=values["model"],
        adapters=(None,) if alone else (None, values["adapter"]),
        dataset=values["dataset"],
        template=values["template"],
        split=None if values["split"] == AUTO else values["split"],
        limit=values["limit"],
        variant=None if values["variants"] == IN_TURN else ALL_VARIANTS,
        seeds=tuple(range(values["seeds"])),
        sampling=replace(SAMPLING, temperature=values["temperature"]),
    )
