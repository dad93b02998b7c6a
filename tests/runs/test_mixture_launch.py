"""Launching on a mixture: every task is checked, and every task is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stocking

from store import Store
from store.errors import BadInput, NotFound
from store.mixtures import parse_mixture
from workbench.runs import launch, plan
from workbench.runs.options import RunOptions, make_options
from workbench.runs.training import TrainingSettings

OPTIONS = RunOptions("tiny", mixture="mix")
MIXTURE = """
mixing = "fixed"
[[tasks]]
dataset = "talk"
template = "sum"
weight = 3
[[tasks]]
dataset = "pairs"
template = "pair"
"""


@pytest.fixture
def filled(store: Store, tiny_causal: Path, dialogue_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with a mixture of two tasks, whose queue is held so that no trainer starts."""
    store.models.add(str(tiny_causal), name="tiny")
    store.datasets.add(str(dialogue_file), name="talk")
    stocking.add_rows(store, "pairs", [{"a": "up", "b": "down"}] * 8)
    stocking.add_template(store, "sum", "{{ dialogue }}", "{{ summary }}")
    stocking.add_template(store, "pair", "{{ a }}", "{{ b }}")
    (tmp_path / "mix.toml").write_text(MIXTURE)
    store.mixtures.add(tmp_path / "mix.toml")
    with stocking.held_queue(store):
        yield store


def test_the_lineage_holds_the_mixture_and_every_task_of_it(filled: Store) -> None:
    """Its text and hash; fingerprints, splits, template texts and shares."""
    run = launch.submit(filled, OPTIONS)
    assert (run.name, run.mixture, run.dataset, run.template) == ("mix-lora", "mix", "", "")
    told, mixture = run.lineage["mixture"], filled.mixtures.get("mix")
    assert told["hash"] == mixture.hash and parse_mixture(told["text"], "x") == mixture
    assert told["epoch_rows"] == 32
    assert [task["share"] for task in run.tasks] == [0.75, 0.25]
    for task, named in zip(run.tasks, mixture.tasks, strict=True):
        assert task["dataset"]["fingerprint"] == filled.datasets.get(named.dataset).fingerprint
        assert task["dataset"]["split"] == "train"
        assert task["template"]["hash"] == filled.templates.get(named.template).hash
    assert "dataset" not in run.lineage


def test_the_rows_of_every_task_are_checked_before_launch(filled: Store, tmp_path: Path) -> None:
    """The second task's third row has nothing to learn: told with its dataset, and nothing is queued."""
    (tmp_path / "bad.jsonl").write_text('{"a": "up", "b": "down"}\n' * 2 + '{"a": "up", "b": " "}\n')
    filled.datasets.add(tmp_path / "bad.jsonl")
    path = filled.mixtures.path("mix")
    path.write_text(MIXTURE.replace('"pairs"', '"bad"'))
    with pytest.raises(BadInput, match=r"row 2 of 'train' of 'bad': .*completion is empty"):
        launch.submit(filled, OPTIONS)
    path.write_text(MIXTURE.replace('"pairs"', '"talk"'))
    with pytest.raises(BadInput, match=r"task 2 \(talk by pair\): .*column 'a' is not there"):
        launch.submit(filled, OPTIONS)
    path.write_text(MIXTURE.replace("weight = 3", "weight = 0"))
    with pytest.raises(BadInput, match="'weight' must be a number above 0"):
        launch.submit(filled, OPTIONS)
    with pytest.raises(NotFound, match="did you mean 'mix'"):
        launch.submit(filled, RunOptions("tiny", mixture="mx"))
    assert filled.runs.list() == []


def test_the_plan_counts_a_mixtures_passes_and_tells_the_shares(filled: Store) -> None:
    """And the tokens' where it is asked to measure."""
    options = RunOptions("tiny", mixture="mix", settings=TrainingSettings(batch_size=5, num_train_epochs=2))
    planned = plan.plan(filled, options)
    assert (planned.rows, planned.steps, planned.epochs) == (32, 14, 2.0)
    assert [part.share for part in planned.tasks] == [0.75, 0.25]
    assert {part.token_share for part in planned.tasks} == {None}
    measured = plan.plan(filled, options, measure=True).tasks
    assert sum(part.token_share or 0 for part in measured) == pytest.approx(1)
    assert (measured[0].token_share or 0) > 0.75


@pytest.mark.parametrize(
    ("layers", "mixture", "dataset"),
    [
        ([{"mixture": "m"}], "m", ""),
        ([{"mixture": "m"}, {"dataset": "d", "template": "t"}], None, "d"),
        ([{"dataset": "d", "template": "t", "split": "s"}, {"mixture": "m"}], "m", ""),
        ([{"dataset": "d", "template": "t"}, {"mixture": None}], None, "d"),
    ],
)
def test_a_later_layer_puts_other_data_in_the_place(
    layers: list[dict[str, str | None]], mixture: str | None, dataset: str
) -> None:
    """A run file that names a mixture, and a dataset that is typed; and the other way round."""
    options = make_options({"model": "x"}, *layers)
    assert (options.mixture, options.dataset) == (mixture, dataset)


@pytest.mark.parametrize(
    "given",
    [
        {"mixture": "m", "dataset": "d"},
        {"mixture": "m", "template": "t"},
        {"mixture": "m", "split": "s"},
        {"dataset": "d"},
        {},
    ],
)
def test_half_of_one_and_half_of_the_other_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        make_options({"model": "x", **given})
