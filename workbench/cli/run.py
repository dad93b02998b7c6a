"""`workbench run`: training runs, from the plan to the log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from store import Store, patterns
from store.errors import BadInput, Unavailable
from store.metrics import Point
from store.run_status import STATUSES, Status
from store.runs import Run
from workbench.cli import run_life
from workbench.cli.following import changes, failure, follow, log_lines, run_document
from workbench.cli.output import (
    cell,
    facts,
    jsonable,
    note,
    print_error,
    print_json,
    print_text,
    table,
    warn,
)
from workbench.cli.queueing import places, prioritise, priority_option
from workbench.cli.run_text import (
    POINT_COLUMNS,
    RUN_COLUMNS,
    diff_text,
    plan_text,
    run_facts,
    settings_help,
    state_text,
)
from workbench.cli.run_watched import alert_document, sample_document, samples_text, watched_facts
from workbench.cli.session import Session, json_option, pass_session
from workbench.cli.sweep import start_sweep, sweep_results
from workbench.runs import diff, finding
from workbench.runs.estimate import estimate
from workbench.runs.launch import attend, submit
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions, from_toml, make_options, parse_set
from workbench.runs.plan import plan
from workbench.runs.probing import Memory, memory
from workbench.text import visible


@click.group()
def command() -> None: ...


_RUN_ARGUMENTS = (
    click.argument("file", type=click.Path(path_type=Path), required=False, metavar="[FILE.toml]"),
    click.option("--model", metavar="M", help="The base model."),
    click.option("--dataset", metavar="D", help="The dataset to train on."),
    click.option(
        "--template", metavar="T", help="The template that makes prompts and completions of its rows."
    ),
    click.option("--mixture", metavar="X", help="Train on a mixture, in the place of dataset and template."),
    click.option(
        "--method", metavar="METHOD", help=f"How to fine-tune: {', '.join(METHODS)} [default: lora]."
    ),
    click.option("--split", metavar="S", help="The split to train on [default: train]."),
    click.option("--name", metavar="N", help="A name for the run and its adapter."),
    click.option(
        "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Change a setting; may be repeated."
    ),
)


def run_arguments(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that describe a run; `_options` reads them."""
    for add in reversed(_RUN_ARGUMENTS):
        function = add(function)
    return function


def _options(file: Path | None, pairs: tuple[str, ...], named: dict[str, Any]) -> RunOptions:
    """Read the run file and what was typed; what was typed comes first."""
    return make_options(from_toml(file) if file else {}, {**named, "settings": parse_set(pairs)})


@command.command("plan", epilog=settings_help())
@run_arguments
@click.option("--verify", is_flag=True, help="Do one real step on the longest rows, and compare.")
@click.option("--quick", is_flag=True, help="Leave out what needs a look at the model: memory, tokens, time.")
@json_option
@pass_session
def plan_run(
    session: Session,
    /,
    verify: bool,
    quick: bool,
    file: Path | None,
    pairs: tuple[str, ...],
    **named: Any,
) -> None:
    """Say what a run would do and take, without starting it.

    Its largest step is reckoned on tensors that take no memory, whatever the size of the model.
    """
    options = _options(file, pairs, named)
    with session.open_store() as store:
        planned = plan(store, options, measure=True)
        found = None if quick else _memory(store, options, verify)
        reckoned = estimate(store, options, planned, found)
    told = {} if found is None else {"needed": found.needed, "peak": found.peak, "fits": found.fits}
    memory_document = (
        None
        if found is None
        else jsonable(found)
        | told
        | {"alternatives": [jsonable(each) | {"text": each.text} for each in found.alternatives]}
    )
    document: dict[str, Any] = jsonable(planned) | jsonable(reckoned) | {"memory": memory_document}
    session.show(document, plan_text(planned, reckoned, found))


def _memory(store: Store, options: RunOptions, verify: bool) -> Memory | None:
    """Ask the probe; a plan without its answer is still a plan."""
    note("reckoning memory …")
    try:
        return memory(store, options, verify=verify)
    except Unavailable as error:
        print_error(error.what, error.remedy, as_json=False)
        return None


@command.command(epilog=settings_help())
@run_arguments
@priority_option
@click.option("--wait", is_flag=True, help="Follow the run and end when it ends.")
@json_option
@pass_session
def start(
    session: Session,
    /,
    wait: bool,
    priority: int,
    file: Path | None,
    pairs: tuple[str, ...],
    **named: Any,
) -> None:
    """Start a run in the background; it goes on when this terminal is closed.

    FILE.toml holds the same keys as the options, and a table [settings]; what is typed here comes before it.
    """
    options = _options(file, pairs, named)
    with session.open_store() as store:
        warnings: list[str] = []
        run = submit(store, options, warnings.append, priority=priority)
        if not session.as_json:
            for warning in warnings:
                note(f"warning: {visible(warning)}")
        if wait:
            run = _waited(session, store, run)
        document = {**run_document(store, run), "warnings": warnings}
    if wait:
        _show_end(session, run, document)
    else:
        session.show(document, state_text(run))


@command.command("list")
@click.option("--status", "wanted", type=click.Choice(STATUSES), help="Only runs of this status.")
@click.option("--sweep", metavar="NAME", help="Only runs of this sweep.")
@click.option(
    "--filter",
    "text",
    metavar="REGEX",
    help="Only runs with this in their id, name, status, method, model or data; capitals are meant as such.",
)
@json_option
@pass_session
def list_runs(session: Session, wanted: Status | None, sweep: str | None, text: str | None) -> None:
    """List the runs, the newest first."""
    passes = finding.passing(patterns.pattern(text or ""))
    with session.open_store() as store:
        attend(store)
        runs = [run for run in store.runs.list(wanted, sweep=sweep) if passes(run)]
        waiting, left_out = places(store), store.runs.left_out()
        latest = store.metrics.latest_of(run.id for run in runs)
        documents = (
            [run_document(store, run, waiting, latest[run.id]) for run in runs] if session.as_json else []
        )
    rows = [(run, latest[run.id], waiting.get(run.id)) for run in runs]
    session.show(documents, lambda: table(RUN_COLUMNS, rows, empty=_no_runs(wanted or sweep or text)))
    warn(left_out)


def _no_runs(asked: str | None) -> str:
    return "no such runs" if asked else "no runs yet: workbench run start --help"


@command.command("diff")
@click.argument("runs", metavar="R1 R2 …", nargs=-1, required=True)
@json_option
@pass_session
def diff_runs(session: Session, runs: tuple[str, ...]) -> None:
    """Show what differs between runs: model, data, method, settings, versions, device and losses."""
    if len(runs) < 2:
        raise BadInput(f"{runs[0]!r} alone differs from nothing", "name two runs or more")
    with session.open_store() as store:
        found = list({run.id: run for run in map(store.runs.get, runs)}.values())
        differences = diff.read_differences(store, found)
    told = [{"id": run.id, "name": run.name} for run in found]
    session.show({"runs": told, "differences": jsonable(differences)}, diff_text(found, differences))


@command.command()
@click.argument("run", metavar="R")
@json_option
@pass_session
def show(session: Session, run: str) -> None:
    """Show one run: where it is, and how it goes."""
    with session.open_store() as store:
        attend(store)
        found = store.runs.get(run)
        document = run_document(store, found)
        latest = store.metrics.latest(found.id)
        watched = watched_facts(store, found)
    session.show(document, facts(run_facts(found, store.runs.log_path(found), latest) + watched))


@command.command()
@click.argument("run", metavar="R")
@json_option
@pass_session
def watch(session: Session, run: str) -> None:
    """Follow a run until it ends; with --json one event a line: its points, its statuses, its end."""
    with session.open_store() as store:
        found = store.runs.get(run)
        ended = _watched(store, found) if session.as_json else _waited(session, store, found)
        document = {"event": "end", **run_document(store, ended)}
    _show_end(session, ended, document)


@command.command()
@click.argument("run", metavar="R")
@click.option(
    "-f", "--follow", "following", is_flag=True, help="Go on until the run ends; JSON: one line each."
)
@click.option("-n", "--lines", "count", type=click.IntRange(1), metavar="K", help="Only the last K lines.")
@json_option
@pass_session
def logs(session: Session, run: str, following: bool, count: int | None) -> None:
    """Print a run's log."""
    with session.open_store() as store:
        found = store.runs.get(run)
        lines = log_lines(store, found, following)
        if following:
            for line in lines:
                session.show({"line": line}, visible(line))
            return
        shown = deque(lines, maxlen=count)
    session.show({"id": found.id, "lines": list(shown)}, "\n".join(map(visible, shown)))


@command.command()
@click.argument("run", metavar="R")
@click.option("--name", metavar="METRIC", help="Only this metric, for example loss.")
@json_option
@pass_session
def metrics(session: Session, run: str, name: str | None) -> None:
    """Print a run's metric points."""
    with session.open_store() as store:
        found = store.runs.get(run)
        _check_metric(store, found, name)
        points = [point for point in _points(store, found) if name in (None, point.name)]
    if session.as_json:
        print_json([_point_document(point) for point in points])
    else:
        print_text(table(POINT_COLUMNS, points, empty=f"no points of {cell(name or found.id)} yet"))


@command.command()
@click.argument("run", metavar="R")
@click.option("--step", type=click.IntRange(0), metavar="N", help="Those of this step [default: the last].")
@click.option("--all", "every", is_flag=True, help="Those of every step.")
@json_option
@pass_session
def samples(session: Session, run: str, step: int | None, every: bool) -> None:
    """Print what a run answered to its pinned prompts while it was trained."""
    with session.open_store() as store:
        found = store.runs.get(run)
        steps = store.samples.steps(found.id)
        if step is not None and step not in steps:
            known = f"it has those of steps {', '.join(map(str, steps))}" if steps else "it has none yet"
            raise BadInput(f"run {found.id} has no samples of step {step}", known)
        last = None if every or not steps else steps[-1]
        shown = store.samples.list(found.id, step if step is not None else last)
    if session.as_json:
        print_json([sample_document(each) for each in shown])
    else:
        print_text(samples_text(shown) if shown else f"no samples of {cell(found.id)} yet")


@command.command()
@click.argument("run", metavar="R")
@json_option
@pass_session
def cancel(session: Session, run: str) -> None:
    """Ask a run to stop; a queued one is cancelled at once."""
    with session.open_store() as store:
        found = store.runs.get(run)
        store.runs.request(found.id, "cancel")
        attend(store)
        found = store.runs.get(found.id)
        document = run_document(store, found)
    asked = (
        f"run {found.id} is asked to stop" if found.status != "cancelled" else f"run {found.id} is cancelled"
    )
    session.show(document, asked)


for each in (
    run_life.pause,
    run_life.resume,
    run_life.retry,
    run_life.remove,
    run_life.checkpoints,
    prioritise,
    start_sweep,
    sweep_results,
):
    command.add_command(each)


def _waited(session: Session, store: Store, run: Run) -> Run:
    try:
        return follow(store, run.id, quiet=session.as_json)
    except KeyboardInterrupt:
        note(f"run {run.id} goes on; follow it with: workbench run watch {run.id}")
        raise


def _show_end(session: Session, run: Run, document: dict[str, Any]) -> None:
    """Show how a run ended; unless it completed, tell its error in the document and on stderr, and exit 1."""
    error = failure(run)
    told = {} if error is None else {"error": error.what, "hint": error.remedy}
    session.show({**document, **told}, state_text(run))
    if error is not None:
        print_error(error.what, error.remedy, as_json=False)
        raise click.exceptions.Exit(1)


def _watched(store: Store, run: Run) -> Run:
    shown, told = None, 0
    for each, points in changes(store, run.id):
        if each.status != shown:
            shown = each.status
            print_json({"event": "status", "id": each.id, "status": each.status})
        for point in points:
            print_json({"event": "point", **_point_document(point)})
        alerts, told = store.alerts.after(told, run=run.id)
        for alert in alerts:
            print_json({"event": "alert", **alert_document(alert)})
    return store.runs.get(run.id)


def _check_metric(store: Store, run: Run, name: str | None) -> None:
    """Refuse a name that a run has never written, once it has written any."""
    known = store.metrics.names(run.id)
    if known and name not in (None, *known):
        raise BadInput(f"run {run.id} has no metric {name!r}", f"it has {', '.join(known)}")


def _points(store: Store, run: Run) -> Iterator[Point]:
    points, cursor = store.metrics.after(0, run=run.id)
    while points:
        yield from points
        points, cursor = store.metrics.after(cursor, run=run.id)


def _point_document(point: Point) -> dict[str, Any]:
    return {"step": point.step, "time": point.time, "name": point.name, "value": jsonable(point.value)}
