"""When a run's checkpoints are written, which of them are kept, and how a pause ends a training."""

from __future__ import annotations

import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from store.checkpoints import Checkpoint, faults
from store.errors import StoreError
from store.runs import Run
from store.sizes import bytes_text
from workbench.runs.training import TrainingSettings
from workbench.worker import checkpoint, ranks, together
from workbench.worker.checkpoint import Contents, Training
from workbench.worker.pulse import Cancelled, Pulse
from workbench.worker.record import Recorder
from workbench.worker.stopping import Judge, TimeLimit

LOSSES = ("loss", "eval_loss")


class Keeper(TrainerCallback):
    """Writes a run's checkpoints, and brings a training back to one.

    Args:
        store: An open store.
        run: The run.
        settings: Its settings.
        pulse: Asked after every step whether the run is to be set aside.
        recorder: Its points are brought to the store before a checkpoint of them is.
        basis: What the position in the data depends on; see `resuming.basis`.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        settings: TrainingSettings,
        pulse: Pulse,
        recorder: Recorder,
        basis: dict[str, Any],
    ) -> None:
        self._store = store
        self._run = run
        self._settings = settings
        self._pulse = pulse
        self._recorder = recorder
        self._basis = basis
        self._saved = time.monotonic()
        self._validated: tuple[int, float] = (0, math.nan)
        self._trainer: Trainer | None = None
        self.limit = TimeLimit(settings.max_seconds)
        self.judge = Judge(settings.early_stopping_patience, settings.early_stopping_threshold)

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """What listens to the trainer, in this order and after the recorder."""
        return [self.limit, self.judge, self]

    def train(self, trainer: Trainer, total_steps: int, resumed: Checkpoint | None) -> None:
        """Train to the end, from the beginning or a checkpoint.

        Args:
            trainer: The trainer, which has this keeper's callbacks.
            total_steps: Optimizer steps of the whole run.
            resumed: Where to go on.

        Raises:
            Cancelled, Paused, Interrupted: The run was asked to end; its points are in the store.
        """
        self._trainer = trainer
        if resumed is not None:
            self._resume(resumed)
        try:
            if resumed is not None and (resumed.step >= total_steps or self._ended):
                self._finish_from(trainer, total_steps, resumed)
            else:
                trainer.train(resume_from_checkpoint=str(resumed.path) if resumed else None)
        except Cancelled:
            self._recorder.forget_later()
            raise
        finally:
            self._recorder.flush()

    @property
    def _ended(self) -> bool:
        """Whether training has ended for another reason than its last step."""
        return self.limit.reached or self.judge.reached

    def bytes_needed(self) -> int:
        """What the next checkpoint takes of the disk; 0 before the training."""
        return 0 if self._trainer is None else checkpoint.bytes_needed(Training.of(self._trainer))

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """From now on a pause waits for the end of a step."""
        # A resumed state brings the intervals of its checkpoint: those of the settings count.
        state.compute_steps(args, state.max_steps)
        self._saved = time.monotonic()
        self._pulse.hold()

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Decide whether this step gets a checkpoint; validation comes before it."""
        if self._pulse.leaving and not control.should_training_stop:
            control.should_save = True
        elif self._settings.save_steps:
            control.should_save = state.global_step % self._settings.save_steps == 0
        else:
            control.should_save = time.monotonic() - self._saved >= 60 * self._settings.save_minutes

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """The best weights are kept at once: they are published at the end."""
        self._validated = (state.global_step, (metrics or {}).get("eval_loss", math.nan))
        if self._settings.load_best_model_at_end and self.judge.lowest_step == state.global_step:
            control.should_save = True

    def _resume(self, found: Checkpoint) -> None:
        """Go on from a checkpoint: what it kept of stopping and of the record is as it was."""
        progress = checkpoint.read_progress(found.path)
        self.judge.resume(progress["judge"])
        self.limit.spent = progress["seconds"]
        self._recorder.resume(progress["recorder"], found.step)
        best = self.judge.lowest_step
        if self._settings.load_best_model_at_end and best and not self._is_whole(best):
            self.tell(
                "checkpoint",
                found.step,
                f"the best weights so far, of step {best}, are gone or damaged; "
                "the best from now on are published",
            )
            self.judge.forget_lowest()

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint of the step just ended and, if the run is to be set aside, end.

        A checkpoint that cannot be written is told, and training goes on.

        Raises:
            Paused: The run was asked to pause.
            Interrupted: The process was told to end.
        """
        began, step = time.monotonic(), trainer.state.global_step
        leads = together.leads()
        if leads:
            self._recorder.settle()
        training = Training.of(trainer)
        written = ranks.decided(leads and self._may_write(training, step))
        if written:
            contents = checkpoint.collect(training)
            written = ranks.decided(leads and self._try_to_write(training, contents, trainer.state))
        self._saved = time.monotonic()
        self._recorder.leave_out(self._saved - began)
        if ranks.decided(self._pulse.leaving) and not trainer.control.should_training_stop:
            self._leave(step, written=written)

    def tell(self, kind: str, step: int, message: str) -> None:
        """Put something that a person must know into the log and among the run's alerts."""
        sys.stdout.write(f"step {step}: {message}\n")
        if together.leads():
            self._store.alerts.append(self._run.id, step, kind, message)

    def _may_write(self, training: Training, step: int) -> bool:
        # Weights of a diverging run must not push out good ones; at a pause they are what there is.
        if not self._recorder.finite and not self._pulse.leaving:
            return False
        needed = checkpoint.bytes_needed(training)
        free = shutil.disk_usage(self._store.root).free
        if free < needed:
            # The watch over the disk has told it already: the log alone says each time what came of it.
            sys.stdout.write(
                f"step {step}: no checkpoint: it needs {bytes_text(needed)} and the disk has "
                f"{bytes_text(free)} free\n"
            )
        return free >= needed

    def _try_to_write(self, training: Training, contents: Contents, state: TrainerState) -> bool:
        try:
            self._write(training, contents, state)
        except (OSError, SafetensorError, StoreError) as error:
            message = f"no checkpoint: {error}; training goes on without it"
            self.tell("checkpoint", state.global_step, message)
            return False
        return True

    def _write(self, training: Training, contents: Contents, state: TrainerState) -> None:
        progress = {
            "basis": self._basis,
            "judge": self.judge.state(),
            "recorder": self._recorder.state(),
            "seconds": self.limit.elapsed,
        }
        step, (validated, loss) = state.global_step, self._validated
        with self._store.checkpoints.staging(self._run.id, step) as staged:
            checkpoint.write(staged, training, contents, state, progress)
            self._store.checkpoints.publish(self._run.id, step, staged, loss if validated == step else None)
        sys.stdout.write(f"step {step}: checkpoint written\n")
        self._rotate()

    def _rotate(self) -> None:
        """Remove all checkpoints but the newest ones and the best."""
        made = self._store.checkpoints.list(self._run.id)
        best = self._store.checkpoints.best(self._run.id)
        kept = {each.step for each in made[: self._settings.save_total_limit]}
        kept |= {self.judge.lowest_step, best.step if best else 0}
        for each in made:
            if each.step not in kept:
                self._store.checkpoints.remove(self._run.id, each.step)

    def _leave(self, step: int, *, written: bool) -> None:
        if ranks.decided(written or self._pulse.interrupted):
            # All go at once: none of them is missed by the others.
            together.part()
            self._pulse.check()
            if written:
                self._recorder.forget_later()
            self._pulse.set_aside()
        elif together.leads():
            self._pulse.check()
            self._pulse.carry_on()
            self._store.runs.decline(self._run.id, "pause")
            self.tell("pause", step, "the run goes on: it cannot be paused without a checkpoint")

    def _finish_from(self, trainer: Trainer, total_steps: int, resumed: Checkpoint) -> None:
        """Take the weights of a checkpoint with which training had come to its end already."""
        checkpoint.restore_weights(resumed.path, trainer.model)
        trainer.state.global_step = resumed.step
        if not together.leads():
            return
        self._recorder.begin(total_steps, resumed.step)
        self._pulse.hold()
        self._recorder.finish()

    def published(self, trainer: Trainer) -> dict[str, Any]:
        """Give the model its best weights where those are to be published, and tell which it has.

        Args:
            trainer: After its training.

        Returns:
            What the lineage tells: the final losses, and the step of the weights where it is not the last.
        """
        last, best = trainer.state.global_step, self.judge.lowest_step
        final = self._recorder.final
        told = {"final": {name: final[name] for name in LOSSES if name in final}}
        if not self._settings.load_best_model_at_end or not best or best == last:
            return told
        if not self._is_whole(best):
            self.tell(
                "checkpoint", last, f"the best weights, of step {best}, are damaged: the last are taken"
            )
            return told
        checkpoint.restore_weights(self._path(best), trainer.model)
        sys.stdout.write(f"publishes the weights of step {best}, whose validation loss is the lowest\n")
        series = {name: dict(self._store.metrics.series(self._run.id, name)) for name in LOSSES}
        at_best = {name: points[best] for name, points in series.items() if best in points}
        return {"final": at_best, "published_step": best}

    def _is_whole(self, step: int) -> bool:
        return not faults(self._path(step))

    def _path(self, step: int) -> Path:
        return self._store.checkpoints.folder(self._run.id) / f"step-{step}"
