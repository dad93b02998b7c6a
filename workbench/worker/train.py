"""One training run from top to bottom: read what was asked, prepare, train, publish.

The process around it (lock, identity, heartbeat, how it ends) is `pulse` and `__main__`.
"""

from __future__ import annotations

import sys

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from store import Store
from store.adapters import Adapter
from store.runs import Run
from workbench.runs import lifecycle
from workbench.runs.options import RunOptions
from workbench.worker import (
    adapting,
    data,
    kernels,
    methods,
    randomness,
    ranks,
    resuming,
    sharding,
    swift,
    together,
)
from workbench.worker.alarm import Alarm, machine_reader
from workbench.worker.arguments import arguments
from workbench.worker.export import Export, exporter
from workbench.worker.keeping import Keeper
from workbench.worker.loading import compute_device, prepare_process
from workbench.worker.publish import publish_adapter
from workbench.worker.pulse import Pulse
from workbench.worker.record import Recorder
from workbench.worker.rehearsal import Rehearsal
from workbench.worker.trainer import RunTrainer
from workbench.worker.watching import Watching


def train(store: Store, run: Run, pulse: Pulse) -> Adapter:
    """Train one run's adapter and publish it.

    Args:
        store: An open store of this thread.
        run: The run, in status `starting`.
        pulse: This process's sign of life; asked between steps whether to end.

    Returns:
        The published adapter; the run is completed by the caller.

    Raises:
        StoreError: What was asked for does not exist any more, does not fit, or diverged.
        Cancelled: The run was asked to end.
        Released: This process has followed another, which publishes.
    """
    options = lifecycle.options_of(run)
    model = store.models.get(run.model)
    prepare_process(model)
    device = compute_device()
    if options.settings.deterministic and device.type == "cuda":
        randomness.repeat_to_the_bit()
    kernels.check(options.settings, device)
    together.meet(store, run, device)

    rows = data.read(store, run, options, model, pulse.check)
    validated = 0 if rows.validation is None else len(rows.validation)
    _say(f"{rows.rows} rows, {rows.skipped} skipped; {validated} validation rows; {device}")
    for task, of in zip(rows.tasks, run.tasks, strict=True):
        for reason in task.reasons:
            _say(f"skipped {of['dataset']['name']} {reason}" if run.mixture else f"skipped {reason}")
    basis = resuming.basis(options, rows)
    repeats = device.type == "cpu" or options.settings.deterministic
    resumed = resuming.find(store, run, basis, repeats=repeats)
    pulse.check()

    base = adapting.load(model, options, sharding.loading_device(options, device))
    recorder = Recorder(store, run.id, pulse)
    watchers: list[TrainerCallback] = [recorder]
    if together.leads() and not options.settings.sharded:
        watching = Watching(store, run, options, model, base, recorder, pulse)
        watching.follow(pass_steps=rows.pass_steps, validated=rows.validation is not None)
        watching.before_training(base)
        watchers.append(watching)
    elif options.settings.num_samples and together.leads():
        _say("no samples: one process alone cannot answer with a model that is sharded over several")
    adapted = adapting.adapt(base, model, options, rows)
    trainable, total = methods.count_parameters(adapted)
    _say(f"{run.method}: {trainable:,} trained parameters of {total:,}")
    if options.settings.sharded:
        sharding.shard(adapted, device)
    collate = swift.prepare(adapted, options, rows, device)
    pulse.check()

    keeper = Keeper(store, run, options.settings, pulse, recorder, basis)
    if together.leads():
        watchers += [*keeper.callbacks, *_listeners(store, run, options, keeper, recorder)]
    rehearsal = Rehearsal(store, run.id)
    if ranks.size() == 1:
        watchers.insert(0, rehearsal)
    trainer = RunTrainer(
        recorder=recorder,
        pulse=pulse,
        keeper=keeper,
        model=adapted,
        args=arguments(store.runs.folder(run), options, device, rows),
        train_dataset=rows.train,
        eval_dataset=rows.validation,
        data_collator=collate,
        order=swift.order(rows, options.settings),
        callbacks=together.callbacks(watchers),
    )
    rehearsal.trainer = trainer
    trainer.remove_callback(PrinterCallback)
    together.vary_randomness(options.settings.seed)
    keeper.train(trainer, rows.total_steps(options.settings), resumed)
    if options.settings.sharded:
        sharding.gather(adapted)
    together.part()
    published = keeper.published(trainer)

    results = {
        **rows.results(run, trainer.state.global_step, options),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        **published,
    }
    for task in results.get("tasks", ()):
        _say(f"{task['draws']} examples of {task['dataset']['name']} by {task['template']['name']}")
    return publish_adapter(store, run, model, adapted, results)


def _listeners(
    store: Store, run: Run, options: RunOptions, keeper: Keeper, recorder: Recorder
) -> list[Alarm | Export]:
    """What takes every recorded point besides the store; after all who record, since it ends last."""
    folder = store.runs.folder(run)
    export = exporter(options.settings.report_to, folder, run.name)
    listeners: list[Alarm | Export] = [Alarm(store, run.id, machine_reader(folder, keeper.bytes_needed))]
    listeners += [export] if export else []
    for each in listeners:
        recorder.listen(each.hear)
    return listeners


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
