"""What the Compose screen says of mixtures: their tasks, and what share of the training each gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, count_text, number_text, progress_bar
from workbench.tui.present.cells import BAD, NONE, QUIET, WARNING, Row, lines, number_of, outside, quiet

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.mixtures import Mixture

FILE_HELP = "[[tasks]] with dataset, template and weight; above them mixing, cap, temperature, seed."
EMPTY = (
    "No mixtures yet.\n\n"
    "Press {key:compose.add} and give a TOML file with [[tasks]],\n"
    "each a dataset, a template and a weight.\n"
    "{key:compose.mixtures} shows the templates again."
)
BAR = 12


def table(found: Iterable[Mixture], faults: Mapping[str, StoreError]) -> list[Row]:
    """The list of mixtures, and of the files that are none now."""
    rows: dict[str, Row] = {
        each.name: (each.name, (outside(each.name), outside(each.mixing, QUIET), str(len(each.tasks))))
        for each in found
    }
    for name, fault in faults.items():
        rows[name] = (name, (outside(name, BAD), outside(fault.what.partition(": ")[2], BAD), "!"))
    return [rows[name] for name in sorted(rows)]


def rule(mixture: Mixture) -> Content:
    """How the tasks are mixed, in a sentence."""
    told = {
        "proportional": "as often as they have rows",
        "temperature": f"by rows to the power of 1/{mixture.temperature:g}",
        "fixed": "by their weights alone",
    }[mixture.mixing]
    capped = mixture.cap is not None and mixture.mixing != "fixed"
    cap = f", no task counted beyond {mixture.cap:,} rows" if capped else ""
    return Content.assemble(
        (f"{mixture.mixing}  ", QUIET), f"{told}{cap}", ("  seed ", QUIET), str(mixture.seed)
    )


def tasks(mixture: Mixture, shares: Sequence[Mapping[str, Any]], signs: Glyphs = UNICODE) -> list[Row]:
    """The tasks with their shares of examples and tokens; before these are reckoned, without."""
    rows: list[Row] = []
    for at, task in enumerate(mixture.tasks):
        share: Mapping[str, Any] = shares[at] if at < len(shares) else {}
        examples = share.get("share")
        bar = progress_bar(examples or 0.0, 1.0, BAR, signs)
        rows.append(
            (
                str(at),
                (
                    outside(f"{task.dataset} {task.split}", BAD if share.get("fault") else ""),
                    outside(task.template, "" if not share.get("fault") else BAD),
                    number_text(task.weight),
                    count_text(share.get("rows")),
                    percent(examples),
                    bar if examples is not None else "",
                    percent(share.get("token_share")),
                    percent(share.get("trained_token_share")),
                ),
            )
        )
    return rows


def remarks(shares: Sequence[Mapping[str, Any]]) -> Content:
    """What is wrong with the tasks, each with its number."""
    told = [
        Content.assemble((f"task {at}: ", BAD), clean(share["fault"], 400))
        for at, share in enumerate(shares, start=1)
        if share["fault"]
    ]
    told += [
        Content.assemble(
            (f"task {at}: ", WARNING),
            f"{number_of(share['skipped_rows'], 'row')} of {share['sampled_rows']} cannot be trained on",
        )
        for at, share in enumerate(shares, start=1)
        if share["skipped_rows"]
    ]
    return lines(told) if told else quiet("tokens are reckoned from a sample of each task's rows")


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return NONE if share is None else f"{100 * share:.1f}%"
