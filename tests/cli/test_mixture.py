"""Mixtures from the command line: added, listed, shown with their shares, run, removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store import open_store

MIXTURE = """
cap = 12
[[tasks]]
dataset = "talk"
template = "long"
[[tasks]]
dataset = "notes"
template = "short"
weight = 3
"""
PLAN = ("run", "plan", "--model", "tiny", "--mixture", "mix")


@pytest.fixture
def shop(workbench, tiny_causal: Path, dialogue_file: Path, tmp_path: Path):
    """The command line over a store with a model, two datasets, two templates and a mixture of them."""
    workbench("model", "add", tiny_causal, "--name", "tiny")
    workbench("dataset", "add", dialogue_file, "--name", "talk")
    (tmp_path / "notes.jsonl").write_text(
        "".join(json.dumps({"a": "up", "b": "down"}) + "\n" for _ in range(4))
    )
    workbench("dataset", "add", tmp_path / "notes.jsonl")
    for name, prompt, completion in (
        ("long", "{{ dialogue }}", "{{ summary }}"),
        ("short", "{{ a }}", "{{ b }}"),
    ):
        text = f'name = "{name}"\ntask = "t"\n[[variants]]\nname = "v"\n'
        (tmp_path / "t.toml").write_text(f'{text}prompt = "{prompt}"\ncompletion = "{completion}"\n')
        assert workbench("template", "add", tmp_path / "t.toml").code == 0
    (tmp_path / "mix.toml").write_text(MIXTURE)
    assert workbench("mixture", "add", tmp_path / "mix.toml").code == 0
    return workbench


def test_a_mixture_is_added_listed_and_removed(shop, tmp_path: Path) -> None:
    """Named by its file, or as it is wished."""
    (listed,) = shop("mixture", "list", "--json").document
    assert (listed["name"], listed["mixing"], listed["cap"], listed["seed"]) == (
        "mix",
        "proportional",
        12,
        42,
    )
    assert "proportional, cap 12" in shop("mixture", "list").out
    added = shop("mixture", "add", tmp_path / "mix.toml", "--name", "again", "--json").document
    assert (added["name"], added["complete"]) == ("again", True)
    assert shop("mixture", "remove", "again", "--json").document == {"removed": "again"}
    assert shop("mixture", "show", "again").error == "error: no mixture named 'again'; there are: mix"


def test_show_tells_rows_and_the_share_of_examples(shop) -> None:
    """Rates 12 and 3 * 4; a bar for each task in words."""
    document = shop("mixture", "show", "mix", "--json").document
    assert [(task["rows"], task["share"]) for task in document["tasks"]] == [(24, 0.5), (4, 0.5)]
    assert (document["epoch_rows"], document["complete"], document["model"]) == (16, True, None)
    assert {task["token_share"] for task in document["tasks"]} == {None}
    text = shop("mixture", "show", "mix").out
    assert text.count("##########") == 2 and "16 examples" in text and "seed 42" in text


def test_with_a_model_show_tells_the_share_of_tokens(shop) -> None:
    """Half of the examples, and far more than half of the tokens; both add up."""
    tasks = shop("mixture", "show", "mix", "--model", "tiny", "--json").document["tasks"]
    for key in ("share", "token_share", "trained_token_share"):
        assert sum(task[key] for task in tasks) == pytest.approx(1)
    first, second = tasks
    assert first["token_share"] == pytest.approx(
        first["mean_tokens"] / (first["mean_tokens"] + second["mean_tokens"])
    )
    assert first["token_share"] > 0.8 and 0 < first["mean_trained_tokens"] < first["mean_tokens"]
    assert (first["sampled_rows"], first["skipped_rows"]) == (24, 0)
    shorter = shop("mixture", "show", "mix", "--model", "tiny", "--max-length", "8", "--json").document[
        "tasks"
    ]
    assert shorter[0]["mean_tokens"] == 8
    text = shop("mixture", "show", "mix", "--model", "tiny").out
    assert "MEAN TRAINED" in text and "from a sample of each task: 24 rows at most" in text


def test_what_a_task_lacks_is_told_and_the_others_are_shown(shop) -> None:
    """A dataset that was removed; a run on the mixture is refused with the same words."""
    shop("dataset", "remove", "notes")
    document = shop("mixture", "show", "mix", "--json").document
    assert (document["complete"], document["epoch_rows"]) == (False, 12)
    assert [task["share"] for task in document["tasks"]] == [1.0, None]
    assert document["tasks"][1]["fault"].startswith("no dataset named 'notes'")
    answer = shop("mixture", "show", "mix")
    assert answer.code == 0 and "task 2: no dataset named 'notes'" in answer.out
    shop("template", "remove", "long")
    answer = shop(*PLAN)
    assert answer.code == 1
    for part in ("task 1 (talk by long): no template named 'long'", "task 2 (notes by short): no dataset"):
        assert part in answer.error
    assert shop("mixture", "show", "mix", "--json").document["epoch_rows"] == 0


def test_a_template_of_another_dataset_is_told(shop) -> None:
    path = Path(shop("mixture", "show", "mix", "--json").document["path"])
    path.write_text(MIXTURE.replace('"long"', '"short"'))
    fault = shop("mixture", "show", "mix", "--json").document["tasks"][0]["fault"]
    assert "the column 'a' is not there" in fault


def test_an_edit_that_breaks_the_file_is_told_beside_the_others(shop) -> None:
    path = Path(shop("mixture", "show", "mix", "--json").document["path"])
    path.write_text(MIXTURE.replace("weight = 3", "weight = nan"))
    answer = shop("mixture", "list", "--json")
    assert answer.document == [] and "'weight' must be a number above 0" in answer.err
    assert "'weight' must be a number above 0" in shop("mixture", "show", "mix", "--json").document["error"]


def test_the_plan_of_a_run_on_a_mixture_shows_the_shares(shop) -> None:
    """Of examples and of tokens, as JSON and as a table, before anything is started."""
    document = shop(*PLAN, "--set", "batch_size=8", "--json").document
    assert (document["rows"], document["steps"]) == (16, 6)
    assert [task["share"] for task in document["tasks"]] == [0.5, 0.5]
    assert sum(task["token_share"] for task in document["tasks"]) == pytest.approx(1)
    text = shop(*PLAN).out
    assert "EXAMPLES" in text and "talk" in text and "50.0 %" in text


def test_a_run_takes_a_mixture_or_a_dataset_and_not_both(shop, tmp_path: Path) -> None:
    """In one breath they are refused; what is typed stands in the place of what the file says."""
    answer = shop(*PLAN, "--dataset", "talk", "--template", "long")
    assert answer.code == 1 and "either a mixture, or a dataset and a template" in answer.error
    answer = shop(*PLAN, "--split", "train")
    assert answer.code == 1 and "each task of a mixture names its own split" in answer.error
    assert "(or --mixture)" in shop("run", "plan", "--model", "tiny").error
    file = tmp_path / "run.toml"
    file.write_text('model = "tiny"\nmixture = "mix"\n')
    assert shop("run", "plan", file, "--json").document["rows"] == 16
    typed = shop("run", "plan", file, "--dataset", "talk", "--template", "long", "--json").document
    assert (typed["rows"], typed["tasks"]) == (24, [])
    file.write_text('model = "tiny"\ndataset = "talk"\ntemplate = "long"\nsplit = "train"\n')
    assert shop("run", "plan", file, "--mixture", "mix", "--json").document["rows"] == 16


def test_a_run_on_a_mixture_is_shown_by_its_name(shop, root: Path) -> None:
    """Where a dataset and its template would stand."""
    with open_store(root) as store:
        run = store.runs.create(
            name="m", model="tiny", mixture="mix", method="lora", settings={}, lineage={"tasks": []}
        )
        store.runs.request(run.id, "cancel")
    document = shop("run", "show", "m", "--json").document
    assert (document["mixture"], document["dataset"], document["template"]) == ("mix", "", "")
    assert "mixture mix" in shop("run", "show", "m").out and "mixture mix" in shop("run", "list").out
