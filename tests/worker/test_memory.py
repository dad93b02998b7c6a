"""What is predicted of a run's memory, held against the real thing: counts to the byte, peaks as tracked."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from store import Store
from store.models import Model
from workbench.composing.masking import IGNORED
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings, fields
from workbench.worker import alternatives, blueprint, kernels, memory, methods, swift
from workbench.worker.batches import TokenRows
from workbench.worker.data import Data
from workbench.worker.loading import load_model
from workbench.worker.longest import Shape, longest_batch
from workbench.worker.packing import Packs
from workbench.worker.rehearsal import Gauge, evaluation_peak, forget_gradients, step_peak, training_peak
from workbench.worker.tracking import storage_bytes

CPU = torch.device("cpu")
STARTER = Path(__file__).parents[2] / "workbench/starter/model"
OPTIMIZERS = next(info.choices for info in fields() if info.name == "optim") or ()


@pytest.fixture
def models(store: Store, tiny_causal: Path, tiny_seq2seq: Path) -> dict[str, Model]:
    """Both kinds of model in a store."""
    return {
        "causal": store.models.add(str(tiny_causal), name="causal"),
        "seq2seq": store.models.add(str(tiny_seq2seq), name="seq2seq"),
    }


def options(method: str = "lora", **settings: Any) -> RunOptions:
    """A run of this method."""
    return RunOptions("m", "d", "t", method, settings=TrainingSettings(**settings))


def real_model(model: Model, run: RunOptions) -> torch.nn.Module:
    """The run's model on real weights."""
    base = load_model(
        model,
        dtype=run.settings.dtype,
        four_bit=run.method == "qlora",
        attention=kernels.attention(run.settings),
    )
    return methods.add_adapter(base, run)


def token_rows(folder: Path, lengths: Iterable[tuple[int, int, int]]) -> TokenRows:
    """Random tokens: rows of so many ids, so many labels, of which the last so many are learned."""
    chance, rows = random.Random(0), TokenRows(folder)
    for source, target, learned in lengths:
        ids = [chance.randrange(5, 200) for _ in range(max(source, target))]
        rows.add(ids[:source], [IGNORED] * (target - learned) + ids[target - learned : target])
    rows.close()
    return rows


def real_data(rows: TokenRows, model: Model, run: RunOptions) -> Data:
    """Rows as the run reads them: packed, if it packs them."""
    if not run.settings.packing:
        return Data((rows,), rows, None, pad=0, pass_steps=1)
    capacity, sides = run.settings.max_length, 1 if model.family == "causal" else 2
    packs = Packs(rows, lambda _: range(len(rows)), capacity=capacity, sides=sides, seed=0)
    packs.extend(passes=1)
    return Data((rows,), packs, None, pad=0, pass_steps=1)


def measured(
    store: Store, model: Model, run: RunOptions, rows: TokenRows, folder: Path
) -> tuple[Shape, int, int]:
    """The largest batch, the tracked peak of two real training steps on it, and that of an evaluation."""
    data, adapted = real_data(rows, model, run), real_model(model, run)
    collate = swift.prepare(adapted, run, data, CPU)
    batch = longest_batch(data.train, run.settings.batch_size, collate)
    trainer = memory.make_trainer(store, model, run, adapted, folder, CPU)
    gauge, peaks = Gauge(CPU, blueprint.weights(trainer.model)), []
    for _ in range(2):
        peaks += [training_peak(trainer, batch, gauge), step_peak(trainer, gauge)]
        forget_gradients(trainer)
    return Shape.of(batch), max(peaks), evaluation_peak(trainer, batch, gauge)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", METHODS)
def test_parameters_and_bytes_of_weights_are_exact(
    models: dict[str, Model], method: str, dtype: str, family: str
) -> None:
    """For every method there is, in every precision, 4-bit weights with their scales included."""
    run = options(method, dtype=dtype)
    real = real_model(models[family], run)
    drawn = blueprint.draw(models[family], run, CPU)
    blueprint.materialise(drawn, FakeTensorMode(), CPU)
    trained = sum(each.numel() for each in real.parameters() if each.requires_grad)
    assert blueprint.parameter_counts(drawn) == blueprint.parameter_counts(real)
    assert blueprint.parameter_counts(drawn)[0] == trained
    if hasattr(real, "get_nb_trainable_parameters"):
        assert blueprint.parameter_counts(drawn) == real.get_nb_trainable_parameters()
    assert storage_bytes(blueprint.weights(drawn)) == storage_bytes(blueprint.weights(real))


@pytest.mark.parametrize("beginning", ["pissa", "olora", "orthogonal"])
def test_what_does_not_go_together_is_no_way_out(beginning: str) -> None:
    """4-bit weights hold no such beginning exactly, a prefix cannot be recomputed: the rest is offered."""

    def found(run: RunOptions, free: int) -> list[tuple[dict[str, Any], str | None]]:
        ways = alternatives.find(run, free, lambda other: other.settings.batch_size)
        return [(each.settings, each.method) for each in ways]

    four = {"batch_size": 4, "gradient_accumulation_steps": 2}
    assert found(options(init_lora_weights=beginning), 4) == [(four, None)]
    assert found(options(init_lora_weights=beginning), 0) == []
    assert found(options("prefix-tuning"), 4) == [(four, None)]
    assert found(options("prefix-tuning"), 0) == []
