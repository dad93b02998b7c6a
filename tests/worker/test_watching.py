"""Samples and forgetting probes during training: what they say is right, and they change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stocking
import torch

from store import Store
from store.errors import BadInput, Conflict
from store.runs import Run
from workbench.composing.template import Composer
from workbench.evaluation import rouge
from workbench.runs import launch, probes
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import engine
from workbench.worker.losses import mean_loss
from workbench.worker.pulse import Pulse
from workbench.worker.train import train


@pytest.fixture
def shop(
    store: Store, tiny_causal: Path, tiny_seq2seq: Path, dialogue_rows: list[dict[str, str]]
) -> Iterator[Store]:
    """A store with all that a run needs, and another task; its queue is held: the tests train themselves."""
    store.models.add(str(tiny_causal), name="causal")
    store.models.add(str(tiny_seq2seq), name="seq2seq")
    stocking.add_rows(store, "d", dialogue_rows[:16])
    stocking.add_rows(store, "d", dialogue_rows[16:20], split="validation")
    stocking.add_rows(store, "whole", dialogue_rows[:16])
    others = [{"dialogue": f"What is {n}?", "summary": f"It is the number {n}."} for n in range(8)]
    stocking.add_rows(store, "other", others)
    for name in ("t", "u"):
        stocking.add_template(store, name, more=[("Sum up {{ dialogue }} ", "{{ summary }}")])
    with stocking.held_queue(store):
        yield store


def submitted(
    store: Store, model: str = "causal", dataset: str = "d", method: str = "lora", **more: Any
) -> Run:
    """A run that this process may train."""
    defaults = {"max_steps": 6, "batch_size": 4, "eval_steps": 3, "sample_max_new_tokens": 8, "probe_rows": 4}
    settings = TrainingSettings(**(defaults | more))
    options = RunOptions(model, dataset, "t", method=method, settings=settings)
    run = store.runs.claim(launch.submit(store, options).id, "here")
    assert run is not None
    return run


def trained(store: Store, **more: Any) -> Run:
    """A run after its training."""
    run = submitted(store, **more)
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


QUIET = {"num_samples": 0, "max_eval_samples": 0}
LOUD = {"num_samples": 3, "probes": ("other:u",)}


@pytest.mark.parametrize(
    "model, method, more",
    [
        ("causal", "lora", {"lora_dropout": 0.3}),
        ("causal", "lora", {"lora_dropout": 0.3, "gradient_checkpointing": True}),
        ("causal", "prompt-tuning", {}),
        ("causal", "qlora", {"lora_dropout": 0.3}),
        ("seq2seq", "lora", {"lora_dropout": 0.3}),
        ("seq2seq", "prompt-tuning", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_watching_changes_nothing_of_the_training(
    shop: Store, model: str, method: str, more: dict[str, Any]
) -> None:
    """With samples, probes and validation, and without: the same losses, the same adapter, to the bit."""
    runs = [trained(shop, model=model, method=method, **more, **watched) for watched in (QUIET, LOUD)]
    quiet, loud = (shop.metrics.series(run.id, "loss") for run in runs)
    assert quiet == loud and len(loud) == 6
    assert len({shop.adapters.get(str(run.adapter)).fingerprint for run in runs}) == 1
    assert shop.samples.steps(runs[0].id) == [] and shop.samples.steps(runs[1].id) == [3, 6]
    assert [step for step, _ in shop.metrics.series(runs[1].id, "probe/other:u/loss")] == [0, 3, 6]


@pytest.mark.parametrize(
    "model, method",
    [("causal", "lora"), ("seq2seq", "lora"), ("causal", "prompt-tuning"), ("seq2seq", "prefix-tuning")],
)
def test_the_last_samples_are_what_the_published_adapter_answers(
    shop: Store, model: str, method: str
) -> None:
    """The engine that serves answers gives the same texts to the same prompts; the scores are ROUGE's."""
    run = trained(shop, model=model, method=method, num_samples=4, max_steps=9, learning_rate=0.02)
    samples = shop.samples.list(run.id, 9)
    speaking = engine.Engine(shop.models.get(model))
    (resident,) = speaking.residents(shop, [run.adapter])
    at_work = Composer(shop.templates.get("t"), 42)
    examples = [at_work.example(at, row) for at, row in enumerate(shop.datasets.rows("d", "validation"))]
    prompts = [speaking.decoder.encode(example, cut_for=8) for example in examples]
    said = [""] * 4
    for piece in speaking.speak([(prompt, resident) for prompt in prompts], engine.Sampling(8)):
        if piece.whole is not None:
            said[piece.row] = piece.whole
    assert [each.prediction for each in samples] == said
    assert any(each.prediction for each in samples)
    assert [each.reference for each in samples] == [example.completion for example in examples]
    assert [each.prompt for each in samples] == [example.prompt for example in examples]
    scores = [rouge.score(each.prediction, [each.reference])["rougeL"].fmeasure for each in samples]
    assert [each.scores["rougeL"] for each in samples] == scores
    told = dict(shop.metrics.series(run.id, "sample_rougeL"))
    assert told[9] == pytest.approx(sum(scores) / 4)


def test_without_a_validation_split_training_rows_are_sampled(shop: Store) -> None:
    """After each pass where nothing else is said, and at the last step; there is no validation loss."""
    run = trained(shop, dataset="whole", eval_steps=0, max_steps=6, num_samples=2)
    assert shop.samples.steps(run.id) == [4, 6]
    first = next(iter(shop.datasets.rows("whole", "train")))
    assert first["dialogue"] in shop.samples.list(run.id)[0].prompt
    assert shop.metrics.series(run.id, "eval_loss") == []


def test_a_probe_begins_with_the_base_and_tells_the_drop(shop: Store) -> None:
    """Step 0 is the bare base, also under a soft prompt; what is told later is the change against it."""
    runs = [
        trained(shop, method=method, probes=("other:u",), learning_rate=0.05, max_steps=12)
        for method in ("lora", "prompt-tuning")
    ]
    bases = []
    for run in runs:
        (loss, score) = probes.standings(shop, run)
        series = shop.metrics.series(run.id, "probe/other:u/loss")
        assert (loss.name, loss.metric, loss.base, loss.now) == (
            "other:u",
            "loss",
            series[0][1],
            series[-1][1],
        )
        assert loss.change == pytest.approx(loss.now - loss.base) and loss.step == 12
        assert loss.now != loss.base and loss.worse == (loss.change > 0)
        assert score.metric == "rougeL" and 0 <= score.base <= 1
        bases.append(loss.base)
    assert bases[0] == bases[1] == pytest.approx(_base_loss(shop), abs=1e-6)


def _base_loss(store: Store) -> float:
    """The bare base's loss on the probe's rows, one row at a time."""
    from workbench.composing import masking
    from workbench.worker.loading import load_model

    record = store.models.get("causal")
    model, codec = load_model(record), masking.load_codec(record.path, record.family)
    at_work = Composer(store.templates.get("u"), 42)
    batches = []
    for at, row in enumerate(store.datasets.rows("other", "train", limit=4)):
        tokens = masking.mask(at_work.example(at, row), codec, 256)
        batches.append(
            {"input_ids": torch.tensor([tokens.input_ids]), "labels": torch.tensor([tokens.labels])}
        )
    with torch.no_grad():
        return mean_loss(model, batches, lambda: None)


def test_the_lineage_names_what_was_probed(shop: Store) -> None:
    """With fingerprint and hash; other data under the same name is refused."""
    run = submitted(shop, probes=("other:u", "d:t"))
    names = [(each["name"], each["dataset"]["split"]) for each in run.lineage["probes"]]
    assert names == [("other:u", "train"), ("d:t", "validation")]
    told = run.lineage["probes"][0]
    assert told["dataset"]["fingerprint"] == shop.datasets.get("other").fingerprint
    assert told["template"]["hash"] == shop.templates.get("u").hash
    launch.check_unchanged(shop, run)
    told["dataset"]["fingerprint"] = "another"
    with pytest.raises(Conflict, match="'other' has changed"):
        launch.check_unchanged(shop, replace(run, lineage={**run.lineage, "probes": [told]}))


@pytest.mark.parametrize(
    "named, told",
    [
        ("nowhere:u", "nowhere"),
        ("other:unwritten", "unwritten"),
        ("other", "dataset:template"),
        ("other:u:", "other:u:"),
    ],
)
def test_a_probe_that_is_not_there_is_refused_before_the_run(shop: Store, named: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        submitted(shop, probes=(named,))
    assert shop.runs.list() == []


def test_time_spent_watching_is_not_training_time(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens per second are those of the training, however long the answers take."""
    from workbench.worker import answering, record

    clock = [0.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: clock[0])
    step: Callable[..., Any] = record.Recorder.on_step_end
    speak: Callable[..., Any] = answering.Speaker.answers

    def slow_step(self: Any, *arguments: Any, **more: Any) -> Any:
        clock[0] += 1.0
        return step(self, *arguments, **more)

    def slow_answers(self: Any, *arguments: Any) -> Any:
        clock[0] += 100.0
        return speak(self, *arguments)

    monkeypatch.setattr(record.Recorder, "on_step_end", slow_step)
    monkeypatch.setattr(answering.Speaker, "answers", slow_answers)
    run = trained(shop, eval_steps=1, num_samples=1, probes=("other:u",), logging_steps=2)
    rates = [value for _, value in shop.metrics.series(run.id, "tokens_per_second")]
    quiet = [
        value
        for _, value in shop.metrics.series(trained(shop, **QUIET, logging_steps=2).id, "tokens_per_second")
    ]
    assert rates == pytest.approx(quiet)
