"""What a run said, forgot and had trouble with, written for people and as JSON."""

from __future__ import annotations

from typing import Any

import click

from store import Store
from store.alerts import Alert
from store.runs import Run
from store.samples import Sample
from workbench.cli import figures
from workbench.cli.output import cell, facts, jsonable
from workbench.runs import probes
from workbench.runs.probes import Standing
from workbench.text import visible

TEXT_LIMIT = 2000


def watched_document(store: Store, run: Run) -> dict[str, Any]:
    """The part of `run show --json` on probes and alerts."""
    return {
        "probes": [probe_document(each) for each in probes.standings(store, run)],
        "alerts": [alert_document(each) for each in store.alerts.list(run.id)],
    }


def probe_document(standing: Standing) -> dict[str, Any]:
    """One metric of one probe: `change` is `now` less `base`."""
    document: dict[str, Any] = jsonable(standing)
    return document


def alert_document(alert: Alert) -> dict[str, Any]:
    """One alert."""
    return {
        "step": alert.step,
        "time": alert.created,
        "kind": visible(alert.kind),
        "message": visible(alert.message),
    }


def sample_document(sample: Sample) -> dict[str, Any]:
    """One sample."""
    document: dict[str, Any] = jsonable(sample)
    del document["run"]
    return document


def watched_facts(store: Store, run: Run) -> list[tuple[str, str]]:
    """The lines of `run show` on probes and alerts."""
    told = [("probe", _standing_text(each)) for each in probes.standings(store, run)]
    return told + [("alert", alert_text(each)) for each in store.alerts.list(run.id)]


def alert_text(alert: Alert) -> str:
    """One alert in a line."""
    kind = click.style(cell(alert.kind), fg="yellow")
    return f"step {alert.step}  {kind}  {cell(alert.message, limit=500)}"


def samples_text(samples: list[Sample]) -> str:
    """Samples one below the other: what was asked, answered and would have been right."""
    return "\n\n".join(_sample_text(each) for each in samples)


def _sample_text(sample: Sample) -> str:
    score = sample.scores.get("rougeL")
    rouge = "-" if score is None else f"{score:.3f}"
    return facts(
        [
            (f"prompt {sample.number}", cell(sample.prompt, limit=TEXT_LIMIT)),
            ("answer", cell(sample.prediction, limit=TEXT_LIMIT)),
            ("reference", cell(sample.reference, limit=TEXT_LIMIT)),
            ("step", str(sample.step)),
            ("ROUGE-L", rouge),
        ]
    )


def _standing_text(standing: Standing) -> str:
    name = {"loss": "loss", "rougeL": "ROUGE-L"}[standing.metric]
    change = click.style(f"{standing.change:+.3g}", fg="red" if standing.worse else "green")
    base, now = figures.value(standing.base), figures.value(standing.now)
    return f"{cell(standing.name)}  {name} {base} -> {now} ({change})"
