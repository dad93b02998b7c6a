"""A sweep's file becomes runs of the queue, all or none; its results are ordered by what counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stocking

from store import Store
from store.errors import BadInput, NotFound
from workbench.runs import plan, preflight, sweep
from workbench.runs.options import RunOptions
from workbench.runs.sweep import Sweep, read_sweep, results, submit
from workbench.runs.training import TrainingSettings

BASE = """
model = "tiny"
dataset = "dialogues"
template = "summarise"
[settings]
max_steps = 7
"""


@pytest.fixture
def filled(store: Store, tiny_causal: Path, dialogue_file: Path) -> Iterator[Store]:
    """A store with a model, a dataset and a template, whose queue is held so that no trainer starts."""
    store.models.add(str(tiny_causal), name="tiny")
    store.datasets.add(str(dialogue_file), name="dialogues")
    stocking.add_template(store, "summarise")
    with stocking.held_queue(store):
        yield store


def read(folder: Path, table: str, base: str = BASE) -> Sweep:
    """A sweep's file read."""
    path = folder / "search.toml"
    path.write_text(f"{base}\n{table}\n")
    return read_sweep(path)


def test_a_grid_tries_every_value_with_every_other(tmp_path: Path) -> None:
    """Keys of a run and of its settings alike; the last key turns fastest; the rest stays as it was."""
    found = read(tmp_path, '[sweep]\nmethod = ["lora", "dora"]\nlearning_rate = [1, 1e-4, "auto"]')
    tried = [(each.method, each.settings.learning_rate) for each in found.options()]
    assert tried == [(method, rate) for method in ("lora", "dora") for rate in (1.0, 1e-4, None)]
    assert {each.settings.max_steps for each in found.options()} == {7}
    assert [each.name for each in found.options()][:2] == ["search-1", "search-2"]


def test_names_of_modules_are_lists_in_a_list(tmp_path: Path) -> None:
    found = read(tmp_path, '[sweep]\ntarget_modules = [["q_proj"], ["q_proj", "v_proj"], "auto"]')
    tried = [each.settings.target_modules for each in found.options()]
    assert tried == [("q_proj",), ("q_proj", "v_proj"), None]


RANDOM = """
[sweep]
search = "random"
count = 40
seed = 3
r = { min = 2, max = 64, log = true }
batch_size = { min = 1, max = 3 }
learning_rate = { min = 1e-5, max = 1e-2, log = true }
lora_dropout = { min = 0, max = 0.5 }
method = ["lora", "dora"]
"""


def test_a_random_search_draws_within_its_ranges_and_again_the_same(tmp_path: Path) -> None:
    """Whole numbers are whole; by the logarithm, each decade gets its share; nothing is drawn twice."""
    found = read(tmp_path, RANDOM)
    assert read(tmp_path, RANDOM) == found
    assert read(tmp_path, RANDOM.replace("seed = 3", "seed = 4")) != found
    assert len({repr(trial) for trial in found.trials}) == 40
    tried = [each.settings for each in found.options()]
    assert all(2 <= each.r <= 64 and 1 <= each.batch_size <= 3 for each in tried)
    assert {each.batch_size for each in tried} == {1, 2, 3}
    rates = [each.learning_rate or 0 for each in tried]
    assert all(1e-5 <= rate <= 1e-2 for rate in rates)
    assert 5 <= sum(rate < 1e-4 for rate in rates) <= 25  # a third of 40 is expected
    assert {each.method for each in found.options()} == {"lora", "dora"}


def test_a_random_search_ends_where_there_is_nothing_new_to_draw(tmp_path: Path) -> None:
    found = read(tmp_path, '[sweep]\nsearch = "random"\ncount = 50\nr = [1, 2, 3]')
    assert sorted(trial["r"] for trial in found.trials) == [1, 2, 3]


def test_the_trainings_own_seed_varies_by_a_list(tmp_path: Path) -> None:
    found = read(tmp_path, "[sweep]\nseed = [1, 2]")
    assert [each.settings.seed for each in found.options()] == [1, 2]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "has no table"),
        ("[sweep]", "it varies no key"),
        ("[sweep]\nlerning_rate = [1]", "unknown key 'lerning_rate', did you mean 'learning_rate'"),
        ('[sweep]\nname = ["a"]', "unknown key 'name'"),
        ("[sweep]\nr = 8", "r = 8 is no list of values"),
        ("[sweep]\nr = []", "is no list of values"),
        ("[sweep]\nr = [8, 0]", "r = 0 is out of range"),
        ('[sweep]\nr = ["many"]', "r = 'many' is not a whole number"),
        ("[sweep]\nmethod = [1]", "method = 1 is not a name in quotes"),
        ("[sweep]\nr = { min = 1, max = 8 }", "a grid has no values"),
        ("[sweep]\ncount = 3\nr = [1]", "count is for search"),
        ('[sweep]\nsearch = "random"\nr = [1]', "count = None must be a whole number"),
        ('[sweep]\nsearch = "bayes"\nr = [1]', "search = 'bayes' is not one of grid, random"),
        ('[sweep]\nsearch = "random"\ncount = 2\nr = { min = 1 }', "is not {min = number"),
        ('[sweep]\nsearch = "random"\ncount = 2\nr = { min = 1, max = 8, step = 2 }', "is not {min"),
        ('[sweep]\nsearch = "random"\ncount = 2\nr = { min = 8, max = 8 }', "min must be below max"),
        ('[sweep]\nsearch = "random"\ncount = 2\nr = { min = 0, max = 8 }', "r = 0 is out of range"),
        ('[sweep]\nsearch = "random"\ncount = 2\nr = { min = 1.5, max = 8 }', "r = 1.5 is not a whole"),
        (
            '[sweep]\nsearch = "random"\ncount = 2\nlora_dropout = { min = 0, max = 0.5, log = true }',
            "above 0 with log",
        ),
        ('[sweep]\nsearch = "random"\ncount = 2\noptim = { min = 0, max = 1 }', "optim is no number"),
        (f"[sweep]\nr = {list(range(1, 101))}\nbatch_size = {list(range(1, 12))}", "1100 combinations"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_queued(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        read(tmp_path, table)
    assert says in error.value.what


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"unknown key 'x'.*r = 0"):
        read(tmp_path, "[sweep]\nx = [1]\nr = [0]")


def test_one_bad_run_of_many_queues_none(filled: Store, tmp_path: Path) -> None:
    """What is wrong shows only against the store."""
    found = read(tmp_path, '[sweep]\nsplit = ["train", "tran"]')
    with pytest.raises(BadInput, match="'tran'"):
        submit(filled, found)
    found = read(tmp_path, '[sweep]\nmodel = ["tiny", "tinny"]')
    with pytest.raises(NotFound, match="did you mean 'tiny'"):
        submit(filled, found)
    assert filled.runs.list() == []


def test_runs_of_a_sweep_know_it_and_a_second_one_has_its_own_name(filled: Store, tmp_path: Path) -> None:
    """In the order of the trials, with one priority."""
    found = read(tmp_path, "[sweep]\nr = [4, 8]")
    first = submit(filled, found, priority=2)
    assert [(run.name, run.sweep, run.priority, run.settings["r"]) for run in first] == [
        ("search-1", "search", 2, 4),
        ("search-2", "search", 2, 8),
    ]
    second = submit(filled, found)
    assert {run.sweep for run in second} == {"search-2"}
    assert [run.id for run in filled.runs.list(sweep="search")] == [run.id for run in reversed(first)]


def test_a_warning_is_told_once_for_all_runs(filled: Store, tmp_path: Path) -> None:
    """Cut rows, twice."""
    told: list[str] = []
    submit(filled, read(tmp_path, "[sweep]\nr = [4, 8]\nmax_length = [16]"), told.append)
    assert told and len(told) == len(set(told))


def test_rows_that_runs_share_are_looked_at_once(filled: Store) -> None:
    """Unless something that rows feel is another."""
    known: preflight.Known = {}
    model = filled.models.get("tiny")

    def found(**settings: Any) -> list[preflight.Concern]:
        options = RunOptions("tiny", "dialogues", "summarise", settings=TrainingSettings(**settings))
        return preflight.check(filled, options, model, plan.sources_of(filled, options), known)

    first = found(max_length=16)
    assert first
    assert found(max_length=16, learning_rate=0.1, r=4) is first
    assert found(max_length=17) is not first
    assert found(max_length=16, seed=1) is not first


def end(store: Store, run: Any, **losses: float) -> None:
    """Let a run end with these metrics."""
    store.runs.claim(run.id, "n")
    store.runs.begin(run.id, 7)
    store.metrics.append(run.id, [(7, name, value) for name, value in losses.items()])
    store.runs.complete(run.id, run.name)


def test_the_lowest_validation_loss_is_best(filled: Store, tmp_path: Path) -> None:
    """Then those that only have a training loss; what is no number, or has not come, is last."""
    table = "[sweep]\nr = [1, 2, 3, 4, 5]\nmax_length = [64]"
    runs = submit(filled, read(tmp_path, table))
    end(filled, runs[0], loss=0.1, eval_loss=2.0)
    end(filled, runs[1], loss=math.nan)
    end(filled, runs[2], loss=0.3, eval_loss=1.0)
    end(filled, runs[3], loss=0.2)
    found = results(filled, "search")
    assert [result.varied for result in found] == [{"r": number} for number in (3, 1, 4, 2, 5)]
    assert [result.eval_loss for result in found] == [1.0, 2.0, None, None, None]


def test_an_unknown_sweep_is_told_with_the_nearest(filled: Store, tmp_path: Path) -> None:
    submit(filled, read(tmp_path, "[sweep]\nr = [1]"))
    with pytest.raises(NotFound, match="did you mean 'search'"):
        sweep.results(filled, "serch")
