"""What a person does with a run that exists: pause, let go on with other settings too, retry, remove it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from store import Store
from store.errors import BadInput, Conflict
from store.run_status import RESUMABLE
from store.runs import Run
from workbench import processes
from workbench.runs import hints, launch, plan, probing, requirements
from workbench.runs.options import RunOptions, make_settings
from workbench.runs.queue import trainer_lock

# A trainer records its end some moments before its process goes.
ENDING_SECONDS = 3.0
POSITION = (
    "batch_size",
    "gradient_accumulation_steps",
    "seed",
    "packing",
    "group_by_length",
    "max_length",
    "nproc_per_node",
)
"""Settings that a checkpoint's place in the data depends on."""
_WEIGHTS = "the checkpoint's weights have its shape"
_VALIDATED = "validation losses before and after could not be compared"
FIXED: Mapping[str, str] = {
    **dict.fromkeys(POSITION, "the checkpoint's place in the data is counted in it"),
    **dict.fromkeys(
        ("r", "target_modules", "num_virtual_tokens", "encoder_hidden_size", "reduction_factor"), _WEIGHTS
    ),
    **dict.fromkeys(("bottleneck_style", "last_layers", "distributed", "dtype"), _WEIGHTS),
    **dict.fromkeys(("lora_alpha", "init_lora_weights"), "the weights so far were learned with it"),
    **dict.fromkeys(("prompt_tuning_init_text",), "it is only read at the beginning"),
    **dict.fromkeys(("max_length", "bad_rows"), "the rows would be others"),
    **dict.fromkeys(("max_eval_samples",), _VALIDATED),
    **dict.fromkeys(("probes", "probe_rows"), "the base was measured by them at the beginning"),
    **dict.fromkeys(("optim",), "the checkpoint holds this optimizer's moments"),
}
"""Settings that cannot change when a run goes on, each with the reason; all others can."""


def pause(store: Store, run_id: str) -> Run:
    """Ask a run to write a checkpoint and to end until it is resumed; one that waits is set aside at once.

    Raises:
        Conflict: It has ended, or is paused already.
    """
    run = store.runs.get(run_id)
    if run.status == "paused":
        raise Conflict(f"run {run.id} is paused already", hints.to_resume(run.id))
    return store.runs.request(run.id, "pause")


def resume(store: Store, run_id: str, changes: Mapping[str, Any] | None = None) -> Run:
    """Queue a run again, to go on from its newest checkpoint, and see that a dispatcher lives.

    Args:
        store: An open store.
        run_id: The run.
        changes: Settings that are to be others from now on.

    Raises:
        Conflict: It needs no resuming, or its data or base has changed.
        BadInput: A setting cannot be changed any more, or its value is wrong or cannot work here.
    """
    run = store.runs.get(run_id)
    if run.status in RESUMABLE:
        launch.check_unchanged(store, run)
        if changes:
            _change(store, run, changes)
    run = store.runs.resume(run.id)
    launch.ensure_queue(store.root)
    return run


def pause_or_resume(store: Store, run_id: str) -> Run:
    """Let a run go on that stopped before its end; ask any other to pause.

    Raises:
        Conflict: It is completed or cancelled.
    """
    run = store.runs.get(run_id)
    return resume(store, run.id) if run.status in RESUMABLE else pause(store, run.id)


def retry(store: Store, run_id: str, warn: Callable[[str], object] | None = None) -> Run:
    """Start a fresh run of the same specification; the old one stays as it is.

    Raises:
        Conflict: The run has not ended.
    """
    run = store.runs.get(run_id)
    if not run.over:
        way = f"resume it: workbench run resume {run.id}" if run.at_rest else "wait for its end, or cancel it"
        raise Conflict(f"run {run.id} is {run.status}", way)
    return launch.submit(store, options_of(run), warn, priority=run.priority)


def remove(store: Store, run_ids: Iterable[str]) -> list[Run]:
    """Put runs into the trash, as one entry; the adapters that they published stay.

    Raises:
        NotFound: There is no such run.
        Conflict: One of them waits for its turn or is at work, or its trainer has not ended yet.
    """
    runs = [store.runs.get(run_id) for run_id in run_ids]
    until = time.monotonic() + ENDING_SECONDS
    for run in runs:
        while run.at_rest and processes.held(trainer_lock(store, run)):
            if time.monotonic() > until:
                raise Conflict(f"the trainer of run {run.id} is still ending", "try again in a moment")
            time.sleep(0.05)
    return store.runs.remove(*(run.id for run in runs))


def options_of(run: Run) -> RunOptions:
    """A run as what was asked for when it was started."""
    split = {} if run.mixture else {"split": run.tasks[0]["dataset"]["split"]}
    return RunOptions(
        model=run.model,
        dataset=run.dataset,
        template=run.template,
        mixture=run.mixture,
        method=run.method,
        name=run.name,
        settings=make_settings(run.settings),
        **split,
    )


def _change(store: Store, run: Run, changes: Mapping[str, Any]) -> None:
    """Give a run other settings and, where these change what it takes, the prediction for them."""
    before = make_settings(run.settings)
    refused = [
        f"{key} ({FIXED[key]})"
        for key, value in changes.items()
        if key in FIXED and value != getattr(before, key)
    ]
    if refused:
        raise BadInput(
            f"run {run.id} cannot go on with another {', '.join(refused)}",
            f"leave it, or start a new run: workbench run start {store.runs.folder(run) / 'run.toml'}",
        )
    settings = make_settings({**run.settings, **changes})
    options, model = dataclasses.replace(options_of(run), settings=settings), store.models.get(run.model)
    requirements.check(store, options, model)
    newest = store.checkpoints.newest(run.id)
    felt = {key for key in changes if getattr(settings, key) != getattr(before, key)} - probing.WITHOUT_EFFECT
    store.runs.change(
        run.id,
        {**dataclasses.asdict(settings), "learning_rate": plan.learning_rate(options, model)},
        newest.step if newest else 0,
        plan=probing.predicted(store, options) if felt else None,
    )
