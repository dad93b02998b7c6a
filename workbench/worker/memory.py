"""What a run will take in memory: two of its steps on fake tensors, under its own trainer. No weight is read.

It answers within seconds for a model of any size.
"""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from store import Store
from store.models import Model
from workbench.runs import plan
from workbench.runs.options import RunOptions
from workbench.worker import blueprint, data, packing, swift
from workbench.worker.arguments import arguments
from workbench.worker.batches import TokenRows
from workbench.worker.forward import POSITIONS, SEGMENTS, TOKENS
from workbench.worker.longest import Batch, Shape
from workbench.worker.optimizers import state_bytes, steps_on_fakes
from workbench.worker.pulse import Pulse
from workbench.worker.record import Recorder
from workbench.worker.rehearsal import Gauge, evaluation_peak, forget_gradients, step_peak, training_peak
from workbench.worker.tracking import storage_bytes
from workbench.worker.trainer import RunTrainer

STEPS = 2
"""In the second the optimizer's states stand from the start."""


@dataclass(frozen=True)
class Prediction:
    """Sizes of a run, in parameters and bytes; the parts of `peak` add up to it."""

    trained: int
    total: int
    weights: int
    by_dtype: dict[str, int]
    """Of `weights`; 4-bit ones stand under uint8, with the scales that they need."""
    gradients: int
    optimizer: int
    activations: int
    """All else at the peak: activations, and what operations take for a moment."""
    training: int
    """Most bytes at once in a training step."""
    evaluation: int | None
    """Most bytes at once in an evaluation batch."""

    @property
    def peak(self) -> int:
        """Most bytes at once."""
        return max(self.training, self.evaluation or 0)


def predict(
    store: Store,
    model: Model,
    options: RunOptions,
    training: Shape,
    evaluation: Shape | None,
    device: torch.device,
) -> Prediction:
    """Reckon what a run takes.

    Args:
        store: An open store.
        model: The base's record.
        options: Method and settings.
        training: The largest training batch.
        evaluation: The largest validation batch, where there is validation.
        device: Where the run would compute.

    Raises:
        BadInput: Method, settings and model do not fit.
    """
    drawn = blueprint.draw(model, options, device)
    mode = FakeTensorMode()
    blueprint.materialise(drawn, mode, device)
    held = list(blueprint.weights(drawn))
    with mode, tempfile.TemporaryDirectory() as folder:
        with blueprint.known_contents(training):
            swift.suppose(drawn, options.settings, packing.placed(_fake_batch(training, model), device))
        places = _places(options.settings.optim, drawn)
        trainer = make_trainer(store, model, _without(places, options), drawn, Path(folder), device)
        gauge = Gauge(device, [*held, *places])
        peak_of_training = _training(trainer, training, _fake_batch(training, model), gauge, not places)
        peak_of_evaluation = None
        if evaluation is not None:
            with blueprint.known_contents(evaluation):
                peak_of_evaluation = evaluation_peak(trainer, _fake_batch(evaluation, model), gauge)
    trained = [each for each in drawn.parameters() if each.requires_grad]
    parts = {
        "weights": storage_bytes(held),
        "gradients": sum(each.numel() * each.itemsize for each in trained),
        "optimizer": sum(state_bytes(options.settings.optim, each) for each in trained),
    }
    trained_number, total = blueprint.parameter_counts(drawn)
    return Prediction(
        trained=trained_number,
        total=total,
        by_dtype=_by_dtype(held),
        activations=max(0, max(peak_of_training, peak_of_evaluation or 0) - sum(parts.values())),
        training=peak_of_training,
        evaluation=peak_of_evaluation,
        **parts,
    )


def make_trainer(
    store: Store,
    model: Model,
    options: RunOptions,
    adapted: torch.nn.Module,
    folder: Path,
    device: torch.device,
) -> RunTrainer:
    """The trainer of a run that is in no catalog, its model and optimizer prepared as `train` prepares them.

    Args:
        store: An open store; nothing is written to it.
        model: The base's record.
        options: Method and settings.
        adapted: The model with its adapter, real or fake.
        folder: For what the libraries want a folder for.
        device: Where the model is.
    """
    resolved = dataclasses.replace(
        options.settings,
        learning_rate=plan.learning_rate(options, model),
        max_steps=STEPS,
        torch_compile=False,
    )
    # The batches are handed to it: it reads none itself.
    nothing = TokenRows(folder)
    rows = data.Data((nothing,), nothing, None, pad=0, pass_steps=STEPS)
    pulse = Pulse()
    trainer = RunTrainer(
        recorder=Recorder(store, "", pulse),
        pulse=pulse,
        model=adapted,
        args=arguments(folder, dataclasses.replace(options, settings=resolved), device, rows),
    )
    trainer.create_optimizer()
    trainer.model_wrapped, trainer.optimizer = trainer.accelerator.prepare(trainer.model, trainer.optimizer)
    return trainer


def _places(optim: str, model: torch.nn.Module) -> list[torch.Tensor]:
    """Tensors as large as the states of an optimizer that cannot make them itself here."""
    if steps_on_fakes(optim):
        return []
    trained = [each for each in model.parameters() if each.requires_grad]
    return [torch.empty(state_bytes(optim, each), dtype=torch.uint8, device=each.device) for each in trained]


def _without(places: list[torch.Tensor], options: RunOptions) -> RunOptions:
    """The run with an optimizer that keeps nothing, where places are kept for another's states."""
    if not places:
        return options
    return dataclasses.replace(options, settings=dataclasses.replace(options.settings, optim="sgd"))


def _training(trainer: RunTrainer, shape: Shape, batch: Batch, gauge: Gauge, steps: bool) -> int:
    """The peak of a training step in which the optimizer's states stand from the start."""
    peaks = []
    for _ in range(STEPS):
        with blueprint.known_contents(shape):
            peaks.append(training_peak(trainer, batch, gauge))
        if steps:
            peaks.append(step_peak(trainer, gauge))
        forget_gradients(trainer)
    return max(peaks)


def _fake_batch(shape: Shape, model: Model) -> Batch:
    """A batch as the run's collator makes them; under the mode its tensors are fake."""

    def ids(length: int) -> torch.Tensor:
        return torch.empty(shape.rows, length, dtype=torch.long)

    if not shape.packed:
        others = {"attention_mask": ids(shape.source)}
    elif model.family == "causal":
        others = {"position_ids": ids(shape.source)}
    else:
        numbered = (ids(shape.source), ids(shape.target))
        others = {**dict(zip(SEGMENTS, numbered, strict=True)), "decoder_input_ids": ids(shape.target)}
    return {
        "input_ids": ids(shape.source),
        **others,
        "labels": ids(shape.target),
        POSITIONS: torch.empty(2, shape.learned, dtype=torch.long),
        TOKENS: shape.rows * shape.source,
    }


def _by_dtype(tensors: list[torch.Tensor]) -> dict[str, int]:
    kinds = sorted({str(each.dtype).removeprefix("torch.") for each in tensors})
    return {
        kind: storage_bytes(each for each in tensors if str(each.dtype) == f"torch.{kind}") for kind in kinds
    }
