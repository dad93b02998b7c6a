"""How a run is written for people: its table, its facts, its one line, and the settings it can have."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from store.runs import Run
from workbench.cli import figures
from workbench.cli.mixture_text import share_table
from workbench.cli.output import Column, cell, facts, status, table
from workbench.cli.plan_text import estimate_facts, memory_facts, size_facts
from workbench.runs import hints
from workbench.runs.diff import Difference
from workbench.runs.estimate import Estimate
from workbench.runs.plan import Plan
from workbench.runs.probing import Memory
from workbench.runs.training import fields

RUN_COLUMNS = (
    Column("RUN", lambda row: cell(row[0].id)),
    Column("NAME", lambda row: cell(row[0].name), shrinks=True),
    Column("STATUS", lambda row: status(row[0].status)),
    Column("QUEUE", lambda row: cell(row[2]), right=True),
    Column("MODEL", lambda row: cell(row[0].model), shrinks=True),
    Column("DATA", lambda row: data_text(row[0]), shrinks=True),
    Column("METHOD", lambda row: cell(row[0].method)),
    Column("STEP", lambda row: _steps(row[0]), right=True),
    Column("LOSS", lambda row: figures.value(row[1].get("loss")), right=True),
    Column("ADAPTER", lambda row: cell(row[0].adapter), shrinks=True),
    Column("MADE", lambda row: figures.ago(row[0].created), right=True),
)
POINT_COLUMNS = (
    Column("STEP", lambda point: str(point.step), right=True),
    Column("NAME", lambda point: cell(point.name)),
    Column("VALUE", lambda point: figures.metric(point.name, point.value), right=True),
)


def state_text(run: Run) -> str:
    """Write a run's state in one line, with the way to follow it while it goes on."""
    text = f"run {cell(run.id)} ({cell(run.name)}) {status(run.status)}"
    if run.status == "paused":
        return f"{text}; {hints.to_resume(cell(run.id))}"
    if run.over:
        return f"{text}, adapter {cell(run.adapter)}" if run.adapter else text
    return f"{text}; follow it with: workbench run watch {cell(run.id)}"


def run_facts(run: Run, log: Path, latest: dict[str, float]) -> list[tuple[str, str]]:
    """Write all about a run as names and values: what, where it is, how it goes."""
    end = run.ended or (time.time() if run.started else None)
    pairs = [
        ("run", f"{cell(run.id)} ({cell(run.name)})"),
        ("status", status(run.status)),
        ("priority", str(run.priority)),
        ("devices", cell(", ".join(f"GPU {index}" for index in run.devices))),
        ("step", f"{run.step} of {run.total_steps}" if run.total_steps else "-"),
        ("model", cell(run.model)),
        ("data", data_text(run)),
        ("method", cell(run.method)),
        ("settings", cell(_changed_settings(run), limit=1000)),
        ("process", cell(run.pid)),
        ("time", figures.duration(end - run.started) if end and run.started else "-"),
        ("adapter", cell(run.adapter)),
        ("log", cell(log)),
    ]
    if run.error:
        pairs.append(("error", cell("; ".join(filter(None, (run.error, run.hint))), limit=1000)))
    return pairs + [(cell(name), figures.metric(name, number)) for name, number in sorted(latest.items())]


def data_text(run: Run) -> str:
    """Write what a run is trained on."""
    if run.mixture:
        return f"mixture {cell(run.mixture)}"
    return f"{cell(run.dataset)} through {cell(run.template)}"


def plan_text(planned: Plan, reckoned: Estimate, memory: Memory | None) -> str:
    """Write the size of a run, what it takes and, where it is trained on a mixture, each task's share."""
    pairs = size_facts(planned) + estimate_facts(reckoned) + (memory_facts(memory) if memory else [])
    return f"{facts(pairs)}\n\n{share_table(planned.tasks)}" if planned.tasks else facts(pairs)


def diff_text(runs: Sequence[Run], differences: Sequence[Difference]) -> str:
    """Write what differs between runs, a column for each."""
    columns = [
        Column("", lambda each: cell(each.group)),
        Column("", lambda each: cell(each.name)),
        *(
            Column(f"{cell(run.id)} {cell(run.name, 30)}", partial(_value_of, place), shrinks=True)
            for place, run in enumerate(runs)
        ),
    ]
    return table(columns, differences, empty="nothing differs but name and time")


def _value_of(place: int, difference: Difference) -> str:
    value = difference.values[place]
    return figures.value(value) if isinstance(value, float) else cell(value)


def settings_help() -> str:
    """Write every setting with its default and its help text, for the end of a command's help."""
    lines = [f"  {info.name} = {info.show(info.default)}: {info.help}" for info in fields()]
    return "\b\nSettings for --set, with their defaults:\n" + "\n".join(lines)


def _steps(run: Run) -> str:
    return f"{run.step}/{run.total_steps}" if run.total_steps else "-"


def _changed_settings(run: Run) -> str:
    """Name the settings that differ from their defaults, as `--set` takes them."""
    known = {info.name: info for info in fields()}
    return " ".join(
        f"{key}={known[key].show(value) if key in known else value}"
        for key, value in run.settings.items()
        if key not in known or known[key].default != value
    )
