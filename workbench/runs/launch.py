"""From what a person asked for to a queued run with a living queue; running it is the trainer's business."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.datasets import Dataset
from store.errors import Conflict, Unavailable
from store.mixtures import Mixture, format_mixture
from store.models import Model
from store.runs import Run
from store.templates import format_template
from workbench import processes
from workbench.composing import mixing
from workbench.composing.tasks import Source
from workbench.runs import plan, preflight, probes, probing, queue, requirements
from workbench.runs.options import RunOptions
from workbench.runs.packages import PACKAGES, version
from workbench.runs.splits import validation_split

QUEUE_START_SECONDS = 20.0
TICK_SECONDS = 0.3


def submit(
    store: Store,
    options: RunOptions,
    warn: Callable[[str], object] | None = None,
    *,
    priority: int = 0,
) -> Run:
    """Check a run against the store, queue it, and see that a dispatcher lives.

    Some rows are rendered and masked as the trainer will do it, so that what is wrong is told now.

    Args:
        store: An open store.
        options: What to train on what, and how.
        warn: Told what is wrong with the data that training can live with, a line each.
        priority: A run of a higher one starts first.

    Returns:
        The run, queued; its trainer may have started already.

    Raises:
        NotFound: There is no such model, dataset, template or mixture.
        BadInput: They do not fit each other or the settings.
    """
    return submit_all(store, [options], warn, priority=priority)[0]


def submit_all(
    store: Store,
    wanted: Sequence[RunOptions],
    warn: Callable[[str], object] | None = None,
    *,
    priority: int = 0,
    sweep: str | None = None,
) -> list[Run]:
    """Queue several runs, or none where one of them is refused.

    Args:
        store: An open store.
        wanted: The runs.
        warn: As in `submit`; the same line is told once.
        priority: Of all of them.
        sweep: The sweep that they belong to.
    """
    told: dict[str, None] = {}
    known: preflight.Known = {}
    described = [_described(store, options, told.setdefault, known) for options in wanted]
    if warn is not None:
        for line in told:
            warn(line)
    runs = [store.runs.create(**each, priority=priority, sweep=sweep) for each in described]
    ensure_queue(store.root)
    return runs


def _described(
    store: Store, options: RunOptions, warn: Callable[[str], object], known: preflight.Known
) -> dict[str, Any]:
    """A run that was checked, as the store takes it."""
    model = store.models.get(options.model)
    requirements.check(store, options, model)
    mixture = store.mixtures.get(options.mixture) if options.mixture else None
    sources = plan.sources_of(store, options)
    for concern in preflight.check(store, options, model, sources, known):
        warn(str(concern))
    return {
        "name": options.name or f"{options.mixture or options.dataset}-{options.method}"[:120],
        "model": model.name,
        "dataset": options.dataset,
        "template": options.template,
        "mixture": options.mixture,
        "method": options.method,
        "settings": _resolved_settings(options, model),
        "lineage": _lineage(options, model, mixture, sources)
        | {"probes": probes.lineage(probes.find_all(store, options.settings))},
        "split": None if mixture else options.split,
        # Only what is known already: a start waits for no probe.
        "plan": probing.predicted(store, options),
    }


def ensure_queue(root: Path) -> None:
    """See that the store's dispatcher lives; any number of processes may do so at once.

    Raises:
        Unavailable: It could not be started.
    """
    if processes.held(root / queue.LOCK):
        return
    log = root / "queue.log"
    if log.exists() and log.stat().st_size > 1_000_000:
        log.unlink()
    try:
        here = Path.cwd()
        argv = processes.module_argv(
            "workbench.runs.queue", "--store", str(root), "--settings-from", str(here)
        )
        pid = processes.start(argv, log=log, cwd=root)
    except OSError as error:
        raise Unavailable(
            f"the queue could not be started: {error.strerror}",
            "free some disk space and memory, then try again",
        ) from error
    deadline = time.monotonic() + QUEUE_START_SECONDS
    while time.monotonic() < deadline:
        # Whichever of several dispatchers started at once holds the lock: one is enough.
        if processes.held(root / queue.LOCK):
            return
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.02)
    else:
        raise Unavailable(f"the queue (process {pid}) does not start", f"read {log}")
    if not _is_settled(root):
        raise Unavailable(f"the queue ended at its start: {processes.last_line(log)}", f"read {log}")


def attend(store: Store) -> None:
    """Start a dispatcher if one is needed and missing: runs then show their true state within seconds.

    Cheap enough for every command that shows runs.
    """
    runs = store.runs
    if not store.read_only and any(runs.list(status) for status in ("queued", "starting", "running")):
        ensure_queue(store.root)


def wait(store: Store, run_id: str, on_tick: Callable[[Run], None] | None = None) -> Run:
    """Wait for a run to end.

    Args:
        store: An open store.
        run_id: The run.
        on_tick: Called with the run as it stands, a few times per second and once at its end.

    Returns:
        The run as it ended.
    """
    while True:
        run = store.runs.get(run_id)
        if on_tick is not None:
            on_tick(run)
        if run.at_rest:
            return run
        ensure_queue(store.root)
        time.sleep(TICK_SECONDS)


def check_unchanged(store: Store, run: Run) -> None:
    """See that a run's base and data are still what was checked when it was queued.

    Raises:
        NotFound: One of them is gone.
        Conflict: One of them is another now.
    """
    known: list[tuple[Model | Dataset, Any]] = [(store.models.get(run.model), run.lineage["base"])]
    read = [*run.tasks, *run.lineage.get("probes", ())]
    known += [(store.datasets.get(task["dataset"]["name"]), task["dataset"]) for task in read]
    for now, then in known:
        if now.fingerprint != then["fingerprint"]:
            raise Conflict(f"{now.name!r} has changed since run {run.id} was queued", "start the run again")


def _resolved_settings(options: RunOptions, model: Model) -> dict[str, Any]:
    """The settings as the trainer will use them: what was left to the workbench is filled in."""
    return dataclasses.asdict(options.settings) | {
        "learning_rate": plan.learning_rate(options, model),
        "max_length": min(options.settings.max_length, model.max_length or options.settings.max_length),
    }


def _lineage(
    options: RunOptions, model: Model, mixture: Mixture | None, sources: list[Source]
) -> dict[str, Any]:
    tasks = [_task_lineage(source) for source in sources]
    return {
        "base": {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "source": model.source,
            "revision": model.revision,
        },
        **(tasks[0] if mixture is None else _mixture_lineage(mixture, sources, tasks)),
        "seed": options.settings.seed,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def _task_lineage(source: Source) -> dict[str, Any]:
    dataset, template = source.dataset, source.template
    return {
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "split": source.task.split,
            "validation_split": validation_split(dataset, source.task.split),
        },
        # The text itself: the file may be edited while the run waits.
        "template": {"name": template.name, "hash": template.hash, "text": format_template(template)},
    }


def _mixture_lineage(mixture: Mixture, sources: list[Source], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """The mixture as it was, and each task with its share: the trainer reckons nothing anew."""
    rows = [source.rows for source in sources]
    shares = mixing.shares(mixture, rows)
    return {
        "mixture": {
            "name": mixture.name,
            "hash": mixture.hash,
            "text": format_mixture(mixture),
            "seed": mixture.seed,
            "epoch_rows": mixing.epoch_rows(mixture, rows),
        },
        "tasks": [{**task, "share": share} for task, share in zip(tasks, shares, strict=True)],
    }


def _is_settled(root: Path) -> bool:
    """A dispatcher that started and ended found another one, or nothing left to do."""
    if processes.held(root / queue.LOCK):
        return True
    with open_store(root, create=False) as store:
        return not store.runs.list("queued")
