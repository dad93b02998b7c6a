"""Runs on a mixture: the tasks' shares, the order of the real trainer's batches, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stocking
import torch
from accelerate import skip_first_batches
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from store import Store
from store.errors import Conflict
from store.runs import Run
from workbench.composing.mixing import Order
from workbench.runs import launch, plan
from workbench.runs.options import RunOptions, from_toml, make_options
from workbench.runs.training import TrainingSettings
from workbench.worker import data
from workbench.worker.batches import TokenRows, collator
from workbench.worker.pulse import Pulse
from workbench.worker.train import train

MIXTURE = """
name = "mix"
seed = 5
[[tasks]]
dataset = "talk"
template = "summarise"
[[tasks]]
dataset = "facts"
template = "who"
weight = 0.5
"""


@pytest.fixture
def shop(
    store: Store, tiny_causal: Path, tiny_seq2seq: Path, dialogue_rows: list[dict[str, str]]
) -> Iterator[Store]:
    """A store with two tasks; one has a validation split, the other a last row that teaches nothing.

    The queue is held: the tests train by themselves.
    """
    store.models.add(str(tiny_causal), name="causal")
    store.models.add(str(tiny_seq2seq), name="seq2seq")
    facts = [{"text": row["summary"], "who": row["summary"].split()[0]} for row in dialogue_rows]
    stocking.add_rows(store, "talk", dialogue_rows[:16])
    stocking.add_rows(store, "talk", dialogue_rows[16:], split="validation")
    stocking.add_rows(store, "facts", [*facts, *facts[:15], {"text": "nobody", "who": " "}])
    stocking.add_template(store, "summarise", "{{ dialogue }}\nSummary: ")
    stocking.add_template(store, "who", "{{ text }} Who? ", "{{ who }}")
    stocking.add_text(store.mixtures, MIXTURE)
    with stocking.held_queue(store):
        yield store


def submitted(store: Store, model: str = "causal", **settings: Any) -> Run:
    """A run on the mixture that this process may train."""
    defaults = {"max_steps": 12, "batch_size": 4, "bad_rows": "skip"}
    options = RunOptions(model, mixture="mix", settings=TrainingSettings(**(defaults | settings)))
    run = store.runs.claim(launch.submit(store, options).id, "here")
    assert run is not None
    return run


def trained(store: Store, model: str = "causal", **settings: Any) -> tuple[Run, dict[str, Any]]:
    """A run after its training, and its adapter's lineage."""
    run = submitted(store, model, **settings)
    adapter = train(store, run, Pulse())
    store.runs.complete(run.id, adapter.name)
    return store.runs.get(run.id), json.loads((adapter.path / "lineage.json").read_text())


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_run_on_two_tasks_learns_and_tells_what_it_drew(shop: Store, family: str) -> None:
    """Rates 1 * 16 and 0.5 * 40 of 48 draws; validation is of the one task that has such a split."""
    run, lineage = trained(shop, family, eval_steps=6)
    assert (run.status, run.mixture, run.step, run.total_steps) == ("completed", "mix", 12, 12)
    losses = [value for _, value in shop.metrics.series(run.id, "loss")]
    assert len(losses) == 12 and sum(losses[-3:]) < sum(losses[:3])
    assert [step for step, _ in shop.metrics.series(run.id, "eval_loss")] == [6, 12]
    shares = [task["share"] for task in lineage["tasks"]]
    assert shares == pytest.approx([16 / 36, 20 / 36])
    drawn = [task["draws"] for task in lineage["tasks"]]
    assert drawn == Order([16, 39], shares, 5).counts(48) and sum(drawn) == 48
    assert [(task["rows"], task["skipped"]) for task in lineage["tasks"]] == [(16, 0), (39, 1)]
    assert (lineage["rows"], lineage["skipped"]) == (55, 1)


def test_card_and_lineage_name_the_mixture_and_every_task(shop: Store) -> None:
    """Texts and hashes as they were when the run was queued."""
    mixture = shop.mixtures.get("mix")
    run, lineage = trained(shop, max_steps=2)
    assert lineage["mixture"]["hash"] == mixture.hash and "weight = 0.5" in lineage["mixture"]["text"]
    assert lineage["mixture"]["seed"] == 5 and lineage["mixture"]["epoch_rows"] == 56
    for told, task in zip(lineage["tasks"], mixture.tasks, strict=True):
        assert told["dataset"]["fingerprint"] == shop.datasets.get(task.dataset).fingerprint
        assert told["template"]["hash"] == shop.templates.get(task.template).hash
        assert "{{ " in told["template"]["text"]
    card = (shop.adapters.get(str(run.adapter)).path / "README.md").read_text()
    for part in (
        "mixture: `mix`",
        mixture.hash,
        "`talk`",
        "`facts`",
        "`summarise`",
        "`who`",
        "44.4 % of the",
    ):
        assert part in card


def test_one_pass_validates_once_and_the_plan_counts_its_steps(shop: Store) -> None:
    """56 rows in batches of 8: 7 steps a pass, of which two and a half are asked for."""
    settings = {"max_steps": -1, "num_train_epochs": 2.5, "batch_size": 8, "bad_rows": "skip"}
    run, _ = trained(shop, **settings)
    options = RunOptions("causal", mixture="mix", settings=TrainingSettings(**settings))
    planned = plan.plan(shop, options)
    assert (planned.rows, planned.steps) == (56, 18) == (56, run.total_steps)
    assert [step for step, _ in shop.metrics.series(run.id, "eval_loss")] == [7, 14, 18]


def test_the_same_seed_trains_the_same_adapter(shop: Store) -> None:
    """To the bit; with another order of the same rows it is another one."""
    prints = [shop.adapters.get(str(trained(shop)[0].adapter)).fingerprint for _ in range(2)]
    assert prints[0] == prints[1]
    path = shop.mixtures.path("mix")
    path.write_text(path.read_text().replace("seed = 5", "seed = 6"))
    assert shop.adapters.get(str(trained(shop)[0].adapter)).fingerprint != prints[0]


def test_a_longer_run_begins_as_the_shorter_one(shop: Store) -> None:
    """More steps change no earlier loss (at a constant step size)."""
    constant = {"lr_scheduler_type": "constant", "warmup_steps": 0.0}
    series = [shop.metrics.series(trained(shop, max_steps=n, **constant)[0].id, "loss") for n in (5, 9)]
    assert series[1][:5] == series[0]


def test_a_task_that_changes_while_the_run_waits_is_told(shop: Store, tmp_path: Path) -> None:
    """Whichever of the tasks it is."""
    run = submitted(shop)
    launch.check_unchanged(shop, run)
    (tmp_path / "more.jsonl").write_text('{"text": "Eve sings.", "who": "Eve"}\n')
    shop.datasets.add(tmp_path / "more.jsonl", name="facts", split="more")
    with pytest.raises(Conflict, match="'facts' has changed"):
        launch.check_unchanged(shop, run)


def test_a_runs_own_file_starts_it_again(shop: Store) -> None:
    """It names the mixture and nothing beside it."""
    run = submitted(shop)
    options = make_options(from_toml(shop.runs.folder(run) / "run.toml"))
    assert (options.mixture, options.dataset, options.template) == ("mix", "", "")


class Noted(data.Draws):
    """Draws that remember which of them were asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[int, int]] = []

    def __getitem__(self, draw: int) -> dict[str, torch.Tensor]:
        self.asked.append(self.order[draw])
        return super().__getitem__(draw)


def noted(folder: Path, count: int) -> Noted:
    """Draws of two tasks whose rows are short."""
    tasks = []
    for size in (7, 19):
        rows = TokenRows(folder)
        for row in range(size):
            rows.add([5 + row, 6 + row, 2], [-100, 6 + row, 2])
        rows.close()
        tasks.append(rows)
    return Noted(tasks, Order([7, 19], [0.25, 0.75], 3), count)


def make_trainer(folder: Path, model: Path, draws: Noted, steps: int) -> Trainer:
    """transformers' own Trainer with the settings that decide on the order, saving at every fifth step."""
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        max_steps=steps,
        per_device_train_batch_size=3,
        train_sampling_strategy="sequential",
        save_strategy="steps",
        save_steps=5,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
    )
    base = AutoModelForCausalLM.from_pretrained(model)
    return Trainer(model=base, args=arguments, train_dataset=draws, data_collator=collator(0))


@pytest.mark.parametrize("k", [0, 1, 4, 17, 39])
def test_from_any_step_the_trainers_batches_are_the_tail_of_the_whole(
    tiny_causal: Path, tmp_path: Path, k: int
) -> None:
    """Through the dataloader that Trainer makes, skipped to step k as Trainer does on resume."""
    whole, resumed = noted(tmp_path, 120), noted(tmp_path, 120)
    all_batches = list(make_trainer(tmp_path, tiny_causal, whole, 40).get_train_dataloader())
    tail = list(
        skip_first_batches(make_trainer(tmp_path, tiny_causal, resumed, 40).get_train_dataloader(), k)
    )
    assert len(tail) == 40 - k
    for expected, batch in zip(all_batches[k:], tail, strict=True):
        assert torch.equal(expected["input_ids"], batch["input_ids"])
    assert resumed.asked == whole.asked[3 * k :] and len(whole.asked) == 120


def test_a_resumed_trainer_reads_on_where_it_was_saved(tiny_causal: Path, tmp_path: Path) -> None:
    """A real checkpoint after five steps, and then more steps than were first asked for."""
    first = noted(tmp_path, 15)
    make_trainer(tmp_path, tiny_causal, first, 5).train()
    rest = noted(tmp_path, 36)
    make_trainer(tmp_path, tiny_causal, rest, 12).train(
        resume_from_checkpoint=str(tmp_path / "out/checkpoint-5")
    )
    whole = noted(tmp_path, 36)
    assert first.asked + rest.asked == [whole.order[draw] for draw in range(36)]


def test_the_workers_own_trainer_reads_draws_in_order(shop: Store) -> None:
    """What `train` hands to Trainer is a row of draws, as long as the run, and no more."""
    run = submitted(shop, max_steps=5, gradient_accumulation_steps=2)
    options = make_options(from_toml(shop.runs.folder(run) / "run.toml"))
    read = data.read(shop, run, options, shop.models.get("causal"), lambda: None)
    assert isinstance(read.train, data.Draws) and len(read.train) == 5 * 4 * 2
    assert isinstance(read.validation, data.Draws) and len(read.validation) == 8
    for draw in range(40):
        task, row = read.train.order[draw]
        assert torch.equal(read.train[draw]["input_ids"], read.tasks[task][row]["input_ids"])
