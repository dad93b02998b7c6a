"""How fast training is: against a plain script, packed against padded, its bookkeeping, its start.

`pytest -m benchmark -n 0 -s tests/benchmarks/test_training.py`

Times are the process's CPU time where the machine may be shared, which other processes hardly change; what is
compared runs in turns, and medians are taken.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainingArguments,
    set_seed,
)

from store import Store
from store.runs import Run
from workbench.processes import HeldLock
from workbench.runs import launch, queue
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import data
from workbench.worker.batches import collator
from workbench.worker.methods import linear_modules
from workbench.worker.pulse import Pulse
from workbench.worker.record import FLUSH_SECONDS, Recorder
from workbench.worker.train import train

pytestmark = pytest.mark.benchmark

TURNS = 5
FEW, MANY = 3, 23
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
TEMPLATE = """
name = "t"
task = "t"
[[variants]]
name = "v"
prompt = "{{ instruction }}\\n{{ input }}\\n"
completion = "{{ output }}"
"""


def write_model(folder: Path, texts: list[str], layers: int = 4, width: int = 128) -> Path:
    """A Llama with random weights, and a tokenizer of 4,096 tokens trained on the texts."""
    folder.mkdir()
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=4096, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1024, **names})
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=width * 43 // 16,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        vocab_size=4096,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def shop(store: Store, shared_data: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with the 175 seed tasks of Self-Instruct as short rows, and a model for them."""
    lines = (shared_data / "self-instruct-seed" / "seed_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        {"instruction": task["instruction"], **instance}
        for task in map(json.loads, lines)
        for instance in task["instances"]
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.datasets.add(str(path), name="d")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows * 60))
    store.datasets.add(str(path), name="long")
    texts = ["\n".join(row.values()) for row in rows]
    store.models.add(str(write_model(tmp_path / "model", texts)), name="m")
    store.models.add(str(write_model(tmp_path / "wide", texts, layers=2, width=512)), name="wide")
    path = tmp_path / "t.toml"
    path.write_text(TEMPLATE)
    store.templates.add(path)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    lock = HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    with lock:
        yield store


def claimed(store: Store, dataset: str = "d", model: str = "m", **settings: Any) -> tuple[Run, RunOptions]:
    """A run that this process may train."""
    defaults = {"batch_size": 8, "max_length": 512, "max_eval_samples": 0, "bad_rows": "skip"}
    options = RunOptions(model, dataset, "t", settings=TrainingSettings(**(defaults | settings)))
    run = store.runs.claim(launch.submit(store, options).id, "here")
    assert run is not None
    return run, options


def seconds_of(work: Callable[[], object]) -> float:
    """The CPU time of some work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def ours(store: Store, steps: int, **settings: Any) -> Run:
    """A run of the workbench."""
    run, _ = claimed(store, max_steps=steps, **settings)
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


def passes(store: Store, epochs: float, **settings: Any) -> Run:
    """A run of the workbench over so many passes."""
    run, _ = claimed(store, num_train_epochs=epochs, max_steps=-1, **settings)
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


def plain_script(store: Store, folder: Path, steps: int) -> None:
    """What a person writes with transformers and PEFT, for the same rows, in the same order and batches."""
    run, options = claimed(store, max_steps=steps)
    settings = options.settings
    model = store.models.get("m")
    rows = data.read(store, run, options, model, lambda: None)
    base = AutoModelForCausalLM.from_pretrained(model.path)
    set_seed(settings.seed)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=linear_modules(base),
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=run.settings["learning_rate"],
        logging_steps=settings.logging_steps,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=settings.seed,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    trainer = Trainer(
        model=get_peft_model(base, lora),
        args=arguments,
        train_dataset=rows.tasks[0],
        data_collator=collator(rows.pad),
    )
    trainer.train()
    trainer.model.save_pretrained(folder)


def test_the_trainer_against_a_plain_script(shop: Store, tmp_path: Path) -> None:
    """At least 0.98 of its tokens per second: both read the same batches, so steps per second will do."""
    ways: dict[str, Callable[[int], object]] = {
        "plain": lambda steps: plain_script(shop, tmp_path / "plain", steps),
        "ours": lambda steps: ours(shop, steps),
    }
    for way in ways.values():
        way(FEW)
    step: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            few = seconds_of(lambda way=way: way(FEW))
            many = seconds_of(lambda way=way: way(MANY))
            step[name].append((many - few) / (MANY - FEW))
    medians = {name: statistics.median(each) for name, each in step.items()}
    ratio = medians["plain"] / medians["ours"]
    print(
        f"\nCPU time of a step: plain script {1000 * medians['plain']:.1f} ms, ours "
        f"{1000 * medians['ours']:.1f} ms; ours has {ratio:.2f} of its tokens per second"
    )
    assert ratio >= 0.98


def test_packed_rows_against_padded_ones(shop: Store) -> None:
    """At least twice the useful tokens per second: the same rows, about as many a step, and equal loss.

    The model is so wide that attention over 512 tokens has the share of the work that it has in one of a
    billion weights over 2,048 (about a sixth): a narrow one would mostly attend, and be paid for short rows.
    """
    ways: dict[str, dict[str, Any]] = {
        "padded": {"batch_size": 8},
        "packed": {"batch_size": 2, "packing": True},
        "grouped": {"batch_size": 8, "group_by_length": True},
    }
    cost: dict[str, list[float]] = {name: [] for name in ways}
    last: dict[str, list[float]] = {name: [] for name in ways}
    steps: dict[str, int] = {}
    for turn in range(3):
        for name, settings in ways.items():
            work = partial(passes, shop, model="wide", seed=turn, **settings)
            start = seconds_of(partial(work, 0.05))
            run: list[Run] = []
            cost[name].append(seconds_of(lambda work=work, run=run: run.append(work(2.0))) - start)
            series = [value for _, value in shop.metrics.series(run[-1].id, "loss")]
            last[name].append(statistics.mean(series[-8:]))
            steps[name] = len(series)
    medians = {name: statistics.median(each) for name, each in cost.items()}
    loss = {name: statistics.median(each) for name, each in last.items()}
    for name in ways:
        print(
            f"\n{name}: {medians[name]:.1f} s of CPU for two passes of {steps[name]} steps, "
            f"{medians['padded'] / medians[name]:.2f} times the useful tokens of padded rows, "
            f"loss of the last steps {loss[name]:.3f}",
            end="",
        )
    print()
    assert medians["padded"] / medians["packed"] >= 2
    assert loss["packed"] == pytest.approx(loss["padded"], rel=0.01)


def recording(store: Store, pause: float, steps: int) -> float:
    """The CPU time of recording a step, where one is recorded after each pause."""
    run, _ = claimed(store)
    recorder = Recorder(store, run.id, Pulse())
    state: Any = SimpleNamespace(max_steps=steps, global_step=0)
    arguments: Any = SimpleNamespace(learning_rate=1e-4)
    control: Any = None
    recorder.on_train_begin(arguments, state, control)
    taken = 0.0
    for _ in range(steps):
        loss = torch.tensor(1.0)
        state.global_step += 1
        begun = time.thread_time()
        recorder.add_pass(loss, 500)
        recorder.on_step_end(arguments, state, control)
        recorder.on_log(arguments, state, control, {"loss": 1.0, "learning_rate": 1e-4, "grad_norm": 1.0})
        taken += time.thread_time() - begun
        time.sleep(pause)
    return taken / steps


def test_what_is_written_down_costs_little(shop: Store) -> None:
    """Under 1 % of the time of a real run's step, where each step is recorded and flushed by itself."""
    few, many = (seconds_of(partial(ours, shop, steps)) for steps in (FEW, 13))
    step = (many - few) / (13 - FEW)
    alone, often = recording(shop, FLUSH_SECONDS * 1.05, 20), recording(shop, 0.05, 100)
    print(
        f"\nwriting down: {1000 * alone:.2f} ms of CPU for a step that is flushed by itself, "
        f"{alone / step:.2%} of a step of {1000 * step:.0f} ms; "
        f"{1000 * often:.2f} ms for each of 20 a second, {often / 0.05:.2%} of their time"
    )
    assert alone / step < 0.01


def test_a_start_from_kept_tokens(shop: Store) -> None:
    """The second run of the same data starts without tokenising."""
    took, model = [], shop.models.get("m")
    for _ in range(2):
        run, options = claimed(shop, "long")
        took.append(
            seconds_of(lambda run=run, options=options: data.read(shop, run, options, model, lambda: None))
        )
    rows = shop.datasets.get("long").rows
    print(f"\nreading {rows:,} rows: tokenised in {took[0]:.2f} s, kept in {took[1]:.3f} s of CPU time")
    assert took[1] < took[0] / 5


def test_checkpointed_activations(shop: Store) -> None:
    """What recomputing costs in time; what it saves in memory is the plan's affair."""
    step: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3):
        for each, of in step.items():
            work = partial(ours, shop, gradient_checkpointing=each)
            few, many = (seconds_of(partial(work, steps)) for steps in (FEW, 20))
            of.append((many - few) / (20 - FEW))
    plain, checkpointed = (statistics.median(of) for of in step.values())
    print(f"\nrecomputed activations: {checkpointed / plain:.2f} times the CPU time of a step")
    assert checkpointed < 2 * plain  # never a second whole step
