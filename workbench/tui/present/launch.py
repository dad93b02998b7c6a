"""What the form of a new run holds and says: fields to pick from, the run they come to, its size in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.content import Content

from store.sizes import bytes_text
from workbench.runs.fields import FieldInfo
from workbench.runs.methods import METHODS
from workbench.runs.options import RUN_KEYS, RunOptions, make_options
from workbench.runs.training import fields
from workbench.tui.clean import clean
from workbench.tui.glyphs import count_text, duration, number_text
from workbench.tui.present.cells import BAD, QUIET, STRONG, lines, number_of, quiet

if TYPE_CHECKING:
    from store.runs import Run
    from workbench.runs.estimate import Estimate
    from workbench.runs.plan import Plan
    from workbench.runs.probing import Memory

PREFERRED_SPLIT = "train"
SCREENS = {"model": "models", "dataset": "datasets", "template": "compose"}


@dataclass(frozen=True)
class Stock:
    """What a run can be made of: names in the store, and each dataset's splits."""

    models: tuple[str, ...]
    datasets: Mapping[str, tuple[str, ...]]
    templates: tuple[str, ...]
    fitting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The templates that read only columns which a dataset has, by dataset."""
    mixtures: tuple[str, ...] = ()

    def templates_for(self, dataset: str) -> tuple[str, ...]:
        """All templates, those that fit a dataset first."""
        fitting = self.fitting.get(dataset, ())
        return (*fitting, *(name for name in self.templates if name not in fitting))


def missing(stock: Stock) -> str | None:
    """Why no run can be started yet, and where to get what it needs; None where it can."""
    found = {"model": stock.models, "dataset": stock.datasets, "template": stock.templates}
    absent = {noun: screen for noun, screen in SCREENS.items() if not found[noun]}
    if not absent:
        return None
    ways = " and ".join(
        f"press {{key:app.{screen}}}, then {{key:{screen}.add}}, to add a {noun}"
        for noun, screen in absent.items()
    )
    return f"a run needs a model, a dataset and a template: {ways}"


def picks(stock: Stock) -> dict[str, tuple[str, ...]]:
    """The choices of the form's first fields, by field name."""
    first = next(iter(stock.datasets), "")
    splits = dict.fromkeys(split for names in stock.datasets.values() for split in names)
    return {
        "model": stock.models,
        "dataset": tuple(stock.datasets),
        "split": tuple(sorted(splits, key=lambda name: name != PREFERRED_SPLIT)),
        "template": stock.templates_for(first),
        **({"mixture": ("", *stock.mixtures)} if stock.mixtures else {}),
        "method": tuple(METHODS),
    }


def still_there(given: Mapping[str, Any], stock: Stock) -> tuple[dict[str, Any], list[str]]:
    """What a run can still be made of, of what a form was to be filled with.

    Args:
        given: Values by field name; one that is empty is left to the form.
        stock: What is in the store.

    Returns:
        (the values that can be had, those that can not in words).
    """
    choices = {"mixture": (), **picks(stock)}
    choices["split"] = stock.datasets.get(given.get("dataset", ""), choices["split"])
    named = {name: value for name, value in given.items() if value or name not in choices}
    gone = [name for name, value in named.items() if name in choices and value not in choices[name]]
    kept = {name: value for name, value in named.items() if name not in gone}
    return kept, [f"{name} {named[name]}" for name in gone]


def form_fields(stock: Stock) -> list[FieldInfo]:
    """The fields of the form: what the run is made of, then every training setting."""
    choices = picks(stock)
    helps = {
        "model": "Base model that the adapter is trained over",
        "dataset": "Rows to learn from",
        "split": "Rows of the dataset that are trained on",
        "template": "How a row becomes a prompt and a completion",
        "mixture": "Several tasks to learn from, in the place of dataset, split and template",
        "method": "How the model is tuned",
    }
    picked = [_text_field(name, helps[name], choices[name][0], choices[name]) for name in choices]
    return [*picked, _text_field("name", "Name of the run; auto makes one", None, None), *fields()]


def _text_field(name: str, help_text: str, default: str | None, choices: Sequence[str] | None) -> FieldInfo:
    return FieldInfo(
        name=name,
        type=str,
        optional=default is None,
        default=default,
        help=help_text,
        unit=None,
        low=None,
        above=None,
        high=None,
        choices=tuple(choices) if choices else None,
        group="run",
    )


def options(values: Mapping[str, Any]) -> RunOptions:
    """The run that a filled form asks for.

    Raises:
        BadInput: A value is out of range; all such are named.
    """
    instead = ("dataset", "split", "template") if values.get("mixture") else ("mixture",)
    named = {key: values[key] for key in RUN_KEYS if key in values and key not in instead}
    return make_options(
        {**named, "settings": {key: value for key, value in values.items() if key not in RUN_KEYS}}
    )


def like(run: Run) -> dict[str, Any]:
    """What stands in the form of a run like another one: all that it was made of, but its name."""
    known = {info.name: info for info in fields()}
    data = {"mixture": run.mixture} if run.mixture else {"dataset": run.dataset, "template": run.template}
    split = run.lineage.get("dataset", {}).get("split")
    return {
        "model": run.model,
        **data,
        **({"split": split} if split else {}),
        "method": run.method,
        **{name: known[name].convert(value) for name, value in run.settings.items() if name in known},
    }


def plan(of: Plan) -> Content:
    """The size of a run in words."""
    passes = f"{of.epochs:.3g} {'pass' if of.epochs == 1 else 'passes'} over {number_of(of.rows, 'row')}"
    size = f": {passes}, {of.rows_per_step} rows a step, at most {of.row_length:,} tokens a row"
    about = "" if of.steps_exact else "about "
    rate = f", peak learning rate {number_text(of.learning_rate)}"
    parts = (f"{clean(f'{task.dataset} by {task.template}')} {task.share or 0:.0%}" for task in of.tasks)
    shares = f"; of the examples: {', '.join(parts)}" if of.tasks else ""
    return Content.assemble((f"{about}{of.steps:,} steps", STRONG), (size + rate + shares, QUIET))


def reckoning() -> Content:
    """Stands where the memory will be told."""
    return quiet("reckoning memory …")


def memory(of: Memory) -> Content:
    """What a run takes against what is free, and the first change that makes it fit."""
    peaks = f"training {bytes_text(of.training)}"
    peaks += "" if of.evaluation is None else f", evaluation {bytes_text(of.evaluation)}"
    said = f" {bytes_text(of.needed)} of {bytes_text(of.free)} free"
    parts = f"weights {bytes_text(of.weights)}, optimizer {bytes_text(of.optimizer)}"
    detail = (
        f": {peaks} (±{100 * of.margin:.0f} %); {parts}; {of.trained:,} of {of.total:,} parameters trained"
    )
    verdict = ("memory", STRONG) if of.fits else ("too little memory:", BAD)
    first = Content.assemble(verdict, (said, STRONG if of.fits else BAD), (detail, QUIET))
    return first if of.fits else lines([first, _way_out(of)])


def _way_out(of: Memory) -> Content:
    if not of.alternatives:
        return Content.styled("nothing that was tried fits: a smaller model, or a shorter max_length", BAD)
    way, *others = of.alternatives
    more = f"; or {' or '.join(each.text for each in others)}" if others else ""
    return Content.assemble(
        ("{key:launch.take}", STRONG), f" {way.text} ({bytes_text(way.bytes)})", (more, QUIET)
    )


def estimate(of: Estimate) -> Content:
    """Tokens, time and disk of a run in a line."""
    tokens = "" if of.tokens_per_epoch is None else f"{count_text(of.tokens_per_epoch)} tokens a pass, "
    time = "time not known yet" if of.seconds is None else f"about {duration(of.seconds)}"
    disk = f", {bytes_text(of.disk_bytes)} of {bytes_text(of.disk_free)} disk"
    short = of.disk_bytes is not None and of.disk_bytes > of.disk_free
    return Content.assemble((f"{tokens}{time}", QUIET), (disk, BAD if short else QUIET))


def refusal(what: str, remedy: str) -> Content:
    """Why the form is no run yet, and what to change."""
    return Content.assemble((clean(what), BAD), f": {clean(remedy)}")
