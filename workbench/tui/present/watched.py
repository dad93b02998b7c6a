"""What a run said, forgot and had trouble with, in the few lines that the Runs screen has for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean
from workbench.tui.glyphs import UNICODE, Glyphs, number_text
from workbench.tui.present.cells import BAD, GOOD, QUIET, WARNING, quiet, score

if TYPE_CHECKING:
    from store.alerts import Alert
    from workbench.runs.probes import Standing

PREFIXES = ("sample_", "probe/")
"""Metrics by whose points these lines change."""
SHORT_NAMES: Mapping[str, str] = {"loss": "loss", "rougeL": "ROUGE-L"}


@dataclass(frozen=True)
class Watched:
    """What the store knows of one run besides its curves."""

    run: str
    alerts: tuple[Alert, ...] = ()
    standings: tuple[Standing, ...] = ()
    sample_steps: tuple[int, ...] = ()
    sample_score: float | None = None
    """Mean ROUGE-L of the newest samples."""


def watched_lines(watched: Watched, signs: Glyphs = UNICODE) -> list[Content]:
    """The lines that there is something to say in: trouble first, then what was forgotten, then samples."""
    found = []
    if watched.alerts:
        found.append(_alert_line(watched.alerts, signs))
    if watched.standings:
        found.append(_probe_line(watched.standings, signs))
    if watched.sample_steps:
        told = f"ROUGE-L {score(watched.sample_score)} at step {watched.sample_steps[-1]}"
        found.append(
            Content.assemble(
                ("samples ", QUIET), told, (f" {signs.separator} {{key:runs.samples}} shows them", QUIET)
            )
        )
    return found


def _alert_line(alerts: Sequence[Alert], signs: Glyphs) -> Content:
    newest = alerts[-1]
    more = f" {signs.separator} {len(alerts)} in all" if len(alerts) > 1 else ""
    return Content.assemble(
        (f"! {clean(newest.kind, 20)}", f"bold {WARNING}"),
        (f" at step {newest.step}{more}  ", QUIET),
        (clean(newest.message), WARNING),
    )


def _probe_line(standings: Sequence[Standing], signs: Glyphs) -> Content:
    parts, name = [], ""
    for each in standings:
        if each.name != name:
            name = each.name
            parts.append(Content.styled(clean(name, 60), "bold"))
        style = BAD if each.worse else GOOD
        parts.append(
            Content.assemble(
                (f"{SHORT_NAMES.get(each.metric, each.metric)} ", QUIET),
                f"{number_text(each.base)} {signs.right} {number_text(each.now)} ",
                (f"{each.change:+.3g}", style),
            )
        )
    return Content.assemble(quiet("forgetting "), Content("  ").join(parts))
