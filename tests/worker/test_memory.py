"""What is predicted of a run's memory, held against the real thing: counts to the byte, peaks as tracked."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from store import Store
from store.models import Model
from workbench.composing.masking import IGNORED
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings, fields
from workbench.worker import alternatives, batches, blueprint, kernels, memory, methods, swift
from workbench.worker.batches import TokenRows
from workbench.worker.data import Data
from workbench.worker.forward import TrainingForward
from workbench.worker.loading import load_model
from workbench.worker.longest import Shape, longest_batch, longest_rows
from workbench.worker.optimizers import state_bytes, state_tensors
from workbench.worker.packing import Packs, padded_collator
from workbench.worker.rehearsal import Gauge, evaluation_peak, forget_gradients, step_peak, training_peak
from workbench.worker.tracking import TensorTracker, storage_bytes

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


@pytest.mark.parametrize("beginning", ["gaussian", "orthogonal", "pissa", "olora", "eva"])
def test_another_beginning_has_the_same_parameters(models: dict[str, Model], beginning: str) -> None:
    """And what is kept of it has its bytes; EVA's directions are those that its rank has room for."""
    run = options(init_lora_weights=beginning)
    real, drawn = real_model(models["causal"], run), blueprint.draw(models["causal"], run, CPU)
    blueprint.materialise(drawn, FakeTensorMode(), CPU)
    assert blueprint.parameter_counts(drawn) == methods.count_parameters(real)
    assert storage_bytes(blueprint.weights(drawn)) == storage_bytes(blueprint.weights(real))


@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_bytes_of_optimizer_states_are_exact(
    store: Store, models: dict[str, Model], optim: str, tmp_path: Path
) -> None:
    """Of every optimizer there is, after a real step; tables that bitsandbytes shares are left aside."""
    run = options(optim=optim, r=64)  # some tensors above, some below what 8-bit states begin at
    trainer = memory.make_trainer(
        store, models["causal"], run, real_model(models["causal"], run), tmp_path, CPU
    )
    collate = padded_collator(0, shifts=True)
    rows = token_rows(tmp_path, [(8, 8, 4), (8, 8, 4)])
    training_peak(trainer, collate([rows[0], rows[1]]), Gauge(CPU))
    trainer.optimizer.step()
    shared = 2 * 256 * 4 if "8bit" in optim else 0
    trained = [each for each in trainer.model.parameters() if each.requires_grad]
    assert sum(state_bytes(optim, each) for each in trained) + shared == storage_bytes(
        state_tensors(trainer.optimizer)
    )


SHORT = [(48, 48, 20), (40, 40, 30), (30, 30, 11), (30, 30, 8), (12, 12, 5)]
TRANSLATED = [(48, 20, 20), (40, 12, 12), (30, 18, 18), (30, 9, 9), (12, 5, 5)]


@pytest.mark.parametrize(
    ("name", "method", "settings"),
    [
        ("causal", "lora", {}),
        ("causal", "qlora", {"optim": "paged_adamw_8bit"}),
        ("causal", "prompt-tuning", {"batch_size": 2, "optim": "adafactor"}),
        ("causal", "prefix-tuning", {}),
        ("causal", "p-tuning", {}),
        ("causal", "ln-tuning", {}),
        ("causal", "bottleneck", {"dtype": "bfloat16", "bottleneck_style": "houlsby"}),
        ("causal", "partial", {"dtype": "bfloat16"}),
        ("causal", "full", {}),
        ("causal", "full", {"attn_implementation": "eager"}),
        ("causal", "lora", {"init_lora_weights": "pissa"}),
        ("causal", "lora", {"batch_size": 1, "dtype": "bfloat16", "gradient_checkpointing": True}),
        ("causal", "lora", {"packing": True, "max_length": 64, "batch_size": 2}),
        ("causal", "full", {"packing": True, "max_length": 64, "batch_size": 2, "dtype": "bfloat16"}),
        ("seq2seq", "dora", {"gradient_accumulation_steps": 3}),
        ("seq2seq", "qlora", {"dtype": "bfloat16"}),
        ("seq2seq", "prompt-tuning", {}),
        ("seq2seq", "prefix-tuning", {}),
        ("seq2seq", "full", {}),
        ("seq2seq", "bottleneck", {}),
        ("seq2seq", "lora", {"packing": True, "max_length": 64, "batch_size": 2}),
        ("starter", "ia3", {"optim": "sgd"}),
        ("starter", "lora", {"optim": "adamw_bnb_8bit"}),
        ("larger", "lora", {"dtype": "bfloat16"}),
        ("stories", "rslora", {"optim": "adamw_torch"}),
    ],
)
def test_the_predicted_peak_is_the_tracked_one(
    store: Store,
    models: dict[str, Model],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    name: str,
    method: str,
    settings: dict[str, Any],
) -> None:
    """Training and evaluation, within a hundredth of two real steps under the same tracker."""
    if name == "stories":
        model = store.models.add(str(request.getfixturevalue("shared_models") / "stories260K"), name=name)
    elif name == "starter":
        model = store.models.add(str(STARTER), name=name)
    else:
        model = store.models.add(str(larger(tmp_path)), name=name) if name == "larger" else models[name]
    run = options(method, **({"batch_size": 4} | settings))
    rows = token_rows(tmp_path, SHORT if model.family == "causal" else TRANSLATED)
    shape, training, evaluation = measured(store, model, run, rows, tmp_path)
    predicted = memory.predict(store, model, run, shape, shape, CPU)
    print(f"{name} {method} {settings}: {predicted.training} {training} {predicted.evaluation} {evaluation}")
    assert predicted.training == pytest.approx(training, rel=0.01)
    assert predicted.evaluation == pytest.approx(evaluation, rel=0.01)
    parts = predicted.weights + predicted.gradients + predicted.optimizer + predicted.activations
    assert parts == predicted.peak


@pytest.mark.parametrize("name", ["causal", "seq2seq"])
def test_the_pass_on_fake_tensors_is_the_one_chosen_on_real_ones(
    models: dict[str, Model], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lean one, whose logits are those of the labels alone."""
    ways: list[str] = []
    choose = TrainingForward._choose

    def noted(self: TrainingForward, *given: Any) -> Any:
        ways.append(choose(self, *given))
        return ways[-1]

    monkeypatch.setattr(TrainingForward, "_choose", noted)
    model, run = models[name], options()
    swift.prepare(real_model(model, run), run, real_data(token_rows(tmp_path, SHORT), model, run), CPU)
    drawn, mode = blueprint.draw(model, run, CPU), FakeTensorMode()
    blueprint.materialise(drawn, mode, CPU)
    shape = Shape(2, 16, 16, True, 8, 5)
    with mode, blueprint.known_contents(shape):
        swift.suppose(drawn, run.settings, memory._fake_batch(shape, model))
    assert ways == ["chunked", "chunked"]


def larger(folder: Path) -> Path:
    """A Llama of 4 layers, 256 wide, with grouped keys and values and random weights."""
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    place = folder / "larger"
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(place)
    tokenizer = Tokenizer.from_file(str(STARTER / "tokenizer.json"))
    marks = {"pad_token": "<pad>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(place)
    return place


WITHOUT_WEIGHTS = """
import dataclasses, json, sys
from pathlib import Path
import torch
from store import open_store
from workbench import telemetry
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import memory
from workbench.worker.longest import Shape
from workbench.worker.rehearsal import most_resident

root, folder = sys.argv[1:]
with open_store(root) as store:
    model = dataclasses.replace(store.models.get("causal"), path=Path(folder))
    before = most_resident()
    shape = Shape(8, 1024, 1024, True, 2048, 512)
    run = RunOptions("m", "d", "t", "lora", settings=TrainingSettings(dtype="bfloat16"))
    found = memory.predict(store, model, run, shape, shape, torch.device("cpu"))
print(json.dumps([found.total, found.weights, found.peak, most_resident() - before]))
"""


def test_a_model_of_a_billion_takes_no_memory(store: Store, models: dict[str, Model], tmp_path: Path) -> None:
    """The process grows by less than a tenth of the weights, which are not even on the disk."""
    config = json.loads((models["causal"].path / "config.json").read_text())
    config |= {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "vocab_size": 128_256}
    config |= {"num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": True}
    folder = tmp_path / "config-alone"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    made = subprocess.run(
        [sys.executable, "-c", WITHOUT_WEIGHTS, str(store.root), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    total, weights, peak, grown = json.loads(made.stdout.splitlines()[-1])
    assert total > 1.2e9 and weights > 2 * 1.2e9 and peak > weights
    assert grown < weights / 10, f"{grown:,} bytes for {weights:,} bytes of weights"


def test_the_tracker_counts_what_lives_and_no_more() -> None:
    """Views share their storage; what is dropped is subtracted; small blocks are rounded up."""
    tracker = TensorTracker()
    with tracker:
        first = torch.zeros(1024)
        view = first[:10]
        assert tracker.live == 4096
        second = first + 1
        assert (tracker.live, tracker.peak) == (8192, 8192)
        del second
        assert (tracker.live, tracker.peak) == (4096, 8192)
        small = torch.zeros(3)
        assert tracker.live == 4096 + 512
        del first, view, small
        assert tracker.live == 0


def test_the_largest_batch_holds_the_longest_of_both_sides_what_learns_most_and_some_padding() -> None:
    """The longest source and the longest target need not be in one row."""
    sizes = np.array([(5, 5, 5), (90, 1, 1), (10, 60, 60), (80, 30, 30), (70, 35, 35), (6, 6, 6)])
    assert set(longest_rows(sizes, 3)) == {1, 2, 4}
    assert longest_rows(sizes, 1) == [3]
    assert longest_rows(np.array([(9, 9, 2), (8, 8, 1), (4, 4, 4)]), 2) == [0, 2]
    assert longest_rows(np.array([(9, 9, 2), (9, 9, 2), (4, 4, 1)]), 2) == [0, 2]
    assert longest_rows(np.array([(9, 9, 2), (9, 9, 2)]), 8) == [0, 1]


def test_rows_tell_how_many_of_their_labels_are_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever block of rows they are counted in."""
    monkeypatch.setattr(batches, "_ROWS_AT_ONCE", 2)
    assert token_rows(tmp_path, SHORT).sizes().tolist() == [list(row) for row in SHORT]
    assert token_rows(tmp_path, TRANSLATED).sizes().tolist() == [list(row) for row in TRANSLATED]


def test_smaller_batches_keep_the_rows_of_a_step() -> None:
    """Also where the batch is no power of two."""
    for rows, passes in ((8, 1), (12, 2), (7, 1), (1, 3)):
        found = alternatives.smaller_batches(options(batch_size=rows, gradient_accumulation_steps=passes))
        assert all(
            each["batch_size"] * each["gradient_accumulation_steps"] == rows * passes for each in found
        )
        assert [each["batch_size"] for each in found][-1:] == ([1] if rows > 1 else [])


def test_ways_out_are_those_that_suffice() -> None:
    """One of each kind where one is enough, a combination where none is, none where nothing is."""

    def needed(run: RunOptions) -> int:
        weights = 20 if run.method == "qlora" else 100
        return weights + run.settings.batch_size * (5 if run.settings.gradient_checkpointing else 20)

    def found(free: int) -> list[tuple[dict[str, Any], str | None]]:
        return [(each.settings, each.method) for each in alternatives.find(options(), free, needed)]

    checkpointed = {"gradient_checkpointing": True}
    two = {"batch_size": 2, "gradient_accumulation_steps": 4}
    assert found(150) == [(two, None), (checkpointed, None)]
    assert found(108) == [({"batch_size": 1, "gradient_accumulation_steps": 8} | checkpointed, None)]
    assert found(30) == [({"batch_size": 1, "gradient_accumulation_steps": 8} | checkpointed, "qlora")]
    assert found(10) == []
