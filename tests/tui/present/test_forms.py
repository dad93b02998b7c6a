"""The forms of a run and of an evaluation, and the sentences of the demo."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from store.errors import BadInput
from store.evaluations import Evaluation
from store.runs import Run
from workbench.runs.methods import METHODS
from workbench.runs.plan import Plan
from workbench.runs.probing import Alternative, Memory
from workbench.runs.training import TrainingSettings
from workbench.tui import actions
from workbench.tui.key_names import fill
from workbench.tui.present import demo, evaluate, launch
from workbench.tui.present.evaluate import Offer
from workbench.tui.present.launch import Stock

STOCK = Stock(("tiny",), {"talk": ("test", "train")}, ("summarise",))
PLAN = Plan(rows=800, steps=1200, epochs=1.0, rows_per_step=8, row_length=256, learning_rate=2e-4)
OFFER = Offer((), ("tiny",), ("talk",), ("test",), ("summarise",))


def values(**changed: object) -> dict[str, object]:
    fields = {field.name: field.default for field in launch.form_fields(STOCK)}
    return {**fields, **changed}


def test_what_a_run_lacks_is_named_with_the_screen_to_get_it_on() -> None:
    assert launch.missing(STOCK) is None
    told = launch.missing(Stock((), {}, ("t",))) or ""
    assert "press {key:app.models}, then {key:models.add}, to add a model" in told
    assert "press {key:app.datasets}, then {key:datasets.add}, to add a dataset" in told
    assert "{key:app.compose}" not in told


def test_what_the_store_lacks_of_a_run_is_named_and_left_out() -> None:
    given = {
        "model": "gone",
        "dataset": "talk",
        "split": "old",
        "template": "summarise",
        "r": 3,
        "mixture": "",
    }
    kept, gone = launch.still_there(given, STOCK)
    assert kept == {"dataset": "talk", "template": "summarise", "r": 3}
    assert gone == ["model gone", "split old"]
    assert launch.still_there({"mixture": "mix", "method": "lora"}, STOCK) == (
        {"method": "lora"},
        ["mixture mix"],
    )
    assert launch.still_there({"dataset": "away", "split": "test"}, STOCK) == (
        {"split": "test"},
        ["dataset away"],
    )


def test_the_form_asks_for_every_training_setting_once() -> None:
    names = [field.name for field in launch.form_fields(STOCK)]
    assert len(names) == len(set(names))
    assert set(TrainingSettings.__dataclass_fields__) <= set(names)
    assert launch.picks(STOCK)["method"] == tuple(METHODS)
    assert launch.picks(STOCK)["split"] == ("train", "test")


def test_a_form_left_alone_is_a_run_with_the_defaults() -> None:
    run = launch.options(values())
    assert (run.model, run.dataset, run.template, run.method) == ("tiny", "talk", "summarise", "lora")
    assert run.settings == TrainingSettings()


def test_what_is_changed_in_the_form_is_in_the_run() -> None:
    run = launch.options(values(method="ia3", r=8, name="mine", split="test"))
    assert (run.method, run.settings.r, run.name, run.split) == ("ia3", 8, "mine", "test")


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(BadInput, match="batch_size"):
        launch.options(values(batch_size=0))


def test_the_size_of_a_run_is_told_in_words() -> None:
    told = launch.plan(PLAN).plain
    assert told == (
        "1,200 steps: 1 pass over 800 rows, 8 rows a step, at most 256 tokens a row, "
        "peak learning rate 2.00e-04"
    )


MEMORY = Memory(
    trained=100,
    total=1000,
    weights=4000,
    by_dtype={"float32": 4000},
    gradients=400,
    optimizer=800,
    activations=4800,
    training=10_240,
    evaluation=5120,
    overhead=1024,
    device="cpu",
    free=20_480,
    capacity=30_000,
    shapes=({"rows": 8, "source": 64, "target": 64, "padded": True}, None),
    rows=24,
    rows_seen=24,
    mean_tokens=50.0,
    ratio=1.0,
    margin=0.1,
    compared=0,
)


def test_the_memory_of_a_run_is_told_against_what_is_free() -> None:
    told = launch.memory(MEMORY).plain
    assert told.startswith("memory 11 kB of 20 kB free: training 10 kB, evaluation 5 kB (±10 %)")
    assert "100 of 1,000 parameters trained" in told


def test_a_run_that_does_not_fit_comes_with_the_change_that_makes_it_fit() -> None:
    ways = (Alternative({"batch_size": 2}, None, 4096), Alternative({}, "qlora", 6000))
    lacking = dataclasses.replace(MEMORY, free=8192, alternatives=ways)
    first, second = launch.memory(lacking).plain.splitlines()
    assert first.startswith("too little memory: 11 kB of 8 kB free")
    assert second == "{key:launch.take} --set batch_size=2 (4 kB); or --method qlora"
    hopeless = launch.memory(dataclasses.replace(MEMORY, free=8192)).plain
    assert hopeless.splitlines()[1].startswith("nothing that was tried fits")


def test_an_evaluation_needs_a_model_data_and_a_template() -> None:
    assert evaluate.lacking(OFFER) is None
    assert "a dataset ({key:app.datasets})" in (evaluate.lacking(Offer((), ("m",), (), (), ("t",))) or "")


def test_a_base_alone_is_asked_for_by_its_name() -> None:
    filled = {field.name: field.default for field in evaluate.fields(OFFER)}
    assert filled["adapter"] == evaluate.ALONE
    wanted = evaluate.request(filled)
    assert (wanted.model, wanted.adapters, wanted.split, wanted.limit) == ("tiny", (None,), None, 100)
    assert (wanted.variant, wanted.seeds, wanted.sampling.temperature) == (None, (0,), 0.0)
    drawn = {"variants": evaluate.EACH, "seeds": 3, "temperature": 0.7}
    wanted = evaluate.request(filled | drawn)
    assert (wanted.variant, wanted.seeds, wanted.sampling.temperature) == ("all", (0, 1, 2), 0.7)


def test_the_demo_says_why_a_slow_machine_did_not_train_to_the_last_step(
    make_run: Callable[..., Run],
) -> None:
    """Its bar stands still before its end, and it is completed all the same."""
    told = demo.sentence("runs", make_run(status="completed", adapter="a", step=48, total_steps=180), [])
    assert told.startswith(demo.DONE["runs"]) and told.endswith("minute ended at step 48 of 180.")


def test_the_demo_says_on_each_screen_what_is_seen_and_which_key_is_next(
    make_run: Callable[..., Run], make_evaluation: Callable[..., Evaluation]
) -> None:
    done = make_run(status="completed", adapter="a", step=120)
    scored = [make_evaluation(), make_evaluation(adapter="a")]
    half = [make_evaluation(status="running", rows=3, total=10)]
    assert "queued" in demo.sentence("runs", None, [])
    assert "loads" in demo.sentence("runs", make_run(step=0), [])
    assert "watch its loss fall" in demo.sentence("runs", make_run(), [])
    assert "step 30 of 120" in demo.sentence("compare", make_run(), [])
    assert "Press {key:app.compare}" in demo.sentence("runs", done, scored)
    assert "{key:app.inspect}: the scores" in demo.sentence("compare", done, scored)
    assert "3 of 10" in demo.sentence("inspect", done, half)
    shipped = actions.keys_of(actions.ACTIONS)
    sentences = (demo.QUEUED, demo.LOADING, demo.TRAINING, demo.SCORED, *demo.DONE.values())
    assert all(len(fill(text, shipped)) <= 76 for text in sentences)
    assert "{key:inspect.metric} switches" in demo.sentence("inspect", done, scored)
    assert "{key:runs.new_run} there starts another" in demo.sentence(
        "inspect", make_run(status="failed"), []
    )
