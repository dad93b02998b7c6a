"""From what a person asked for to a queued run with a living queue; running it is the trainer's business."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.datasets import Dataset
from store.errors import BadInput, Conflict, Unavailable
from store.models import Model
from store.runs import Run
from store.templates import Template, format_template
from workbench import processes
from workbench.composing import checks, masking
from workbench.composing import template as composing
from workbench.composing.requests import check_fit
from workbench.runs import plan, queue
from workbench.runs.options import RunOptions

PREVIEW_ROWS = 32
VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
PACKAGES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "tokenizers", "safetensors")
QUEUE_START_SECONDS = 20.0
TICK_SECONDS = 0.3


def submit(store: Store, options: RunOptions) -> Run:
    """Check a run against the store, queue it, and see that a dispatcher lives.

    The first rows are rendered and masked as the trainer will do it, so that what is wrong is told now.

    Args:
        store: An open store.
        options: What to train on what, and how.

    Returns:
        The run, queued; its trainer may have started already.

    Raises:
        NotFound: There is no such model, dataset or template.
        BadInput: They do not fit each other or the settings.
    """
    model = store.models.get(options.model)
    dataset = store.datasets.get(options.dataset)
    template = store.templates.get(options.template)
    _check_fit(store, options, model, dataset, template)
    _check_first_rows(store, options, model, dataset, template)
    run = store.runs.create(
        name=options.name or f"{dataset.name}-{options.method}"[:120],
        model=model.name,
        dataset=dataset.name,
        template=template.name,
        method=options.method,
        settings=_resolved_settings(options, model),
        lineage=_lineage(options, model, dataset, template),
        split=options.split,
    )
    ensure_queue(store.root)
    return run


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
    argv = processes.module_argv("workbench.runs.queue", "--store", str(root))
    try:
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
        raise Unavailable(f"the queue ended at its start: {queue.last_line(log)}", f"read {log}")


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
        if run.over:
            return run
        ensure_queue(store.root)
        time.sleep(TICK_SECONDS)


def check_unchanged(store: Store, run: Run) -> None:
    """See that a run's base and data are still what was checked when it was queued.

    Raises:
        NotFound: One of them is gone.
        Conflict: One of them is another now.
    """
    for now, key in ((store.models.get(run.model), "base"), (store.datasets.get(run.dataset), "dataset")):
        if now.fingerprint != run.lineage[key]["fingerprint"]:
            raise Conflict(f"{now.name!r} has changed since run {run.id} was queued", "start the run again")


def validation_split(dataset: Dataset, trained_split: str) -> str | None:
    """The split whose loss is followed during training, if the dataset has one."""
    return next((name for name in VALIDATION_NAMES if name in dataset.splits and name != trained_split), None)


def _check_fit(
    store: Store, options: RunOptions, model: Model, dataset: Dataset, template: Template
) -> None:
    if options.split not in dataset.splits:
        raise BadInput(
            f"dataset {dataset.name!r} has no split {options.split!r}",
            f"choose one of {', '.join(dataset.splits)}",
        )
    if dataset.splits[options.split] == 0:
        raise BadInput(
            f"split {options.split!r} of {dataset.name!r} has no rows", "add rows, or choose another split"
        )
    if options.settings.dtype == "float16" and model.family == "seq2seq":
        raise BadInput(
            "dtype = float16 overflows in encoder-decoder models", "choose bfloat16, float32 or auto"
        )
    if plan.row_length(options, model) < 8:
        raise BadInput(
            f"num_virtual_tokens = {options.settings.num_virtual_tokens} leaves no room in the "
            f"{model.max_length} tokens of {model.name!r}",
            "use fewer virtual tokens",
        )
    check_fit(store, template, dataset)


def _check_first_rows(
    store: Store, options: RunOptions, model: Model, dataset: Dataset, template: Template
) -> None:
    codec = masking.load_codec(model.path, model.family)
    length = plan.row_length(options, model)
    at_work = composing.composer(store, dataset, template, options.settings.seed)
    rows = store.datasets.rows(dataset.name, options.split, limit=PREVIEW_ROWS)
    for index, row in enumerate(rows):
        try:
            example = at_work.example(index, row)
            found = checks.problems(masking.mask(example, codec, length), codec, example)
        except BadInput as error:
            raise BadInput(f"row {index} of {options.split!r}: {error.what}", error.remedy) from error
        for problem in found:
            if problem.fatal:
                raise BadInput(f"row {index} of {options.split!r}: {problem.message}", problem.remedy)


def _resolved_settings(options: RunOptions, model: Model) -> dict[str, Any]:
    """The settings as the trainer will use them: what was left to the workbench is filled in."""
    return dataclasses.asdict(options.settings) | {
        "learning_rate": plan.learning_rate(options, model),
        "max_length": min(options.settings.max_length, model.max_length or options.settings.max_length),
    }


def _lineage(options: RunOptions, model: Model, dataset: Dataset, template: Template) -> dict[str, Any]:
    return {
        "base": {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "source": model.source,
            "revision": model.revision,
        },
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "split": options.split,
            "validation_split": validation_split(dataset, options.split),
        },
        # The text itself: the file may be edited while the run waits.
        "template": {"name": template.name, "hash": template.hash, "text": format_template(template)},
        "seed": options.settings.seed,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_settled(root: Path) -> bool:
    """A dispatcher that started and ended found another one, or nothing left to do."""
    if processes.held(root / queue.LOCK):
        return True
    with open_store(root, create=False) as store:
        return not store.runs.list("queued")
