"""Mixtures: TOML in and out, every fault told, the file on disk the truth, and what a live run needs kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store import BadInput, Conflict, NotFound, Store, open_store
from store.mixtures import Mixture, Task, format_mixture, parse_mixture

TEXT = """# a comment that stays
mixing = "temperature"
cap = 3000
temperature = 2
seed = 7

[[tasks]]
dataset = "dialogues"
template = "summarise"

[[tasks]]
dataset = "reviews"
template = "sentiment"
weight = 2
split = "extra"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A mixture's file, which names no name."""
    path = tmp_path / "flan-mini.toml"
    path.write_text(TEXT)
    return path


def test_a_mixture_is_read_from_toml_and_named_by_its_file() -> None:
    mixture = parse_mixture(TEXT, "/some/where/flan-mini.toml")
    tasks = (Task("dialogues", "summarise"), Task("reviews", "sentiment", 2.0, "extra"))
    assert mixture == Mixture("flan-mini", tasks, "temperature", 3000, 2.0, 7)
    assert parse_mixture('name = "other"\n' + TEXT, "flan-mini.toml").name == "other"


def test_two_tasks_are_all_that_must_be_said() -> None:
    text = '[[tasks]]\ndataset = "a"\ntemplate = "t"\n[[tasks]]\ndataset = "b"\ntemplate = "t"\n'
    mixture = parse_mixture(text, "m.toml")
    assert (mixture.mixing, mixture.cap, mixture.temperature, mixture.seed) == ("proportional", None, 1.0, 42)
    assert {(task.weight, task.split) for task in mixture.tasks} == {(1.0, "train")}


def test_what_is_written_is_read_again_and_the_hash_follows_the_meaning() -> None:
    mixture = parse_mixture(TEXT, "m.toml")
    assert parse_mixture(format_mixture(mixture), "elsewhere") == mixture
    assert parse_mixture(TEXT.replace("# a comment that stays\n", ""), "m.toml").hash == mixture.hash
    assert parse_mixture(TEXT.replace("seed = 7", "seed = 8"), "m.toml").hash != mixture.hash


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("cap = 3000", "cap = 3000 rows", "(at line 3, column 12)"),
        ("mixing =", "mixin =", "unknown key 'mixin', did you mean mixing?"),
        ('"temperature"', '"equal"', "'mixing' must be one of proportional, temperature, fixed, not 'equal'"),
        ('"temperature"', '["fixed"]', "'mixing' must be one of"),
        ("cap = 3000", "cap = 0", "'cap' must be a whole number of 1 or more, not 0"),
        ("cap = 3000", "cap = 1.5", "'cap' must be a whole number"),
        ("temperature = 2", "temperature = 0", "'temperature' must be a number above 0"),
        ("seed = 7", "seed = -1", "'seed' must be a whole number of 0 or more"),
        ("seed = 7", "seed = true", "'seed' must be a whole number"),
        ("weight = 2", "weight = 0", "task 2: 'weight' must be a number above 0"),
        ("weight = 2", "weight = -3.5", "task 2: 'weight' must be a number above 0"),
        ("weight = 2", "weight = nan", "task 2: 'weight' must be a number above 0"),
        ("weight = 2", "weight = inf", "task 2: 'weight' must be a number above 0"),
        ("weight = 2", 'weight = "much"', "task 2: 'weight' must be a number above 0"),
        ("weight = 2", "wait = 2", "task 2: unknown key 'wait', did you mean weight?"),
        ('template = "sentiment"', "", "task 2: 'template' is missing"),
        ('"reviews"', '"../evil"', "task 2: 'dataset' '../evil' cannot be a name"),
        ("[[tasks]]", "[[jobs]]", "'tasks' is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_one_line(old: str, new: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_mixture(TEXT.replace(old, new), "m.toml")
    assert what in caught.value.what
    assert "\n" not in str(caught.value) and caught.value.remedy


def test_all_faults_are_told_at_once() -> None:
    text = 'cap = -1\nextra = 1\n[[tasks]]\ndataset = "d"\nweight = nan\n[[tasks]]\ntemplate = 3\n'
    with pytest.raises(BadInput) as caught:
        parse_mixture(text, "m.toml")
    for what in (
        "'cap' must",
        "'extra'",
        "task 1: 'template' is missing",
        "task 1: 'weight'",
        "task 2: 'dataset' is missing",
        "task 2: 'template' must be a text, not int",
    ):
        assert what in caught.value.what


@pytest.mark.parametrize("text", ["tasks = []", "tasks = 3", "[tasks]\ndataset = 'd'", "tasks = [1]", ""])
def test_a_mixture_without_tasks_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="'tasks'"):
        parse_mixture(text, "m.toml")


def test_the_same_task_twice_is_refused_and_another_split_of_it_is_not() -> None:
    task = '[[tasks]]\ndataset = "d"\ntemplate = "t"\n'
    with pytest.raises(BadInput, match="tasks 1 and 2 are the same"):
        parse_mixture(task + task + 'split = "train"\n', "m.toml")
    assert len(parse_mixture(task + task + 'split = "more"\n', "m.toml").tasks) == 2


def test_the_file_enters_as_written_and_an_edit_of_it_is_the_truth(store: Store, file: Path) -> None:
    mixture = store.mixtures.add(file)
    assert store.mixtures.get("flan-mini") == mixture == store.mixtures.list()[0]
    assert store.mixtures.text("flan-mini") == TEXT
    assert store.mixtures.path("flan-mini") == store.root / "mixtures" / "flan-mini.toml"
    with pytest.raises(Conflict, match="there is a mixture 'flan-mini' already"):
        store.mixtures.add(file)
    store.mixtures.path("flan-mini").write_text(TEXT.replace("weight = 2", "weight = 5"))
    assert store.mixtures.get("flan-mini").tasks[1].weight == 5
    store.mixtures.path("flan-mini").write_text("tasks = 1")
    assert store.mixtures.list() == [] and list(store.mixtures.faults()) == ["flan-mini"]


def test_a_mixture_can_enter_under_another_name(store: Store, file: Path) -> None:
    assert store.mixtures.add(file, name="other").name == "other"
    assert store.mixtures.names() == ["other"]
    assert store.mixtures.get("other").tasks == parse_mixture(TEXT, "x").tasks


def test_removing_a_mixture_takes_its_file(store: Store, file: Path) -> None:
    store.mixtures.add(file)
    store.mixtures.remove("flan-mini")
    assert not store.mixtures.path("flan-mini").exists()
    for gone in (store.mixtures.get, store.mixtures.remove):
        with pytest.raises(NotFound, match="no mixture named 'flan-mini'; the store has none yet"):
            gone("flan-mini")


def test_what_a_waiting_run_on_a_mixture_needs_cannot_be_removed(
    store: Store, file: Path, tmp_path: Path
) -> None:
    """The mixture, and every task's dataset and template; once the run is cancelled, all of them can."""
    store.mixtures.add(file)
    for name in ("dialogues", "reviews", "other"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"a": "x", "b": "y"}) + "\n")
        store.datasets.add(tmp_path / f"{name}.jsonl")
    for name in ("summarise", "sentiment"):
        (tmp_path / "t.toml").write_text(
            f'name = "{name}"\ntask = "t"\n[[variants]]\nname = "v"\nprompt = "p"\ncompletion = "c"\n'
        )
        store.templates.add(tmp_path / "t.toml")
    tasks = [
        {"dataset": {"name": task.dataset}, "template": {"name": task.template}}
        for task in store.mixtures.get("flan-mini").tasks
    ]
    run = store.runs.create(
        name="mixed", model="m", mixture="flan-mini", method="lora", settings={}, lineage={"tasks": tasks}
    )
    assert (run.mixture, run.dataset, run.template) == ("flan-mini", "", "")
    needed = [
        lambda: store.mixtures.remove("flan-mini"),
        lambda: store.datasets.remove("reviews"),
        lambda: store.templates.remove("sentiment"),
    ]
    for remove in needed:
        with pytest.raises(Conflict, match=f"is needed by run {run.id}"):
            remove()
    store.datasets.remove("other")
    store.runs.request(run.id, "cancel")
    for remove in needed:
        remove()


def test_a_store_from_before_mixtures_opens_with_its_runs(store_root: Path) -> None:
    with open_store(store_root) as store:
        store.runs.create(
            name="old", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
        )
        for undo in (
            "alter table runs drop column mixture",
            "drop table mixtures",
            "delete from _sqlite_migrations where name = 'm004_mixtures'",
        ):
            store.db.execute(undo)
    with open_store(store_root) as store:
        old = store.runs.get("old")
        assert (old.dataset, old.mixture) == ("d", None)
        assert store.mixtures.list() == []
