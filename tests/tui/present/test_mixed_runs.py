"""A run on a mixture in the form, in the plan's words and in its title."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from store.errors import BadInput
from store.runs import Run
from workbench.composing.tasks import Share
from workbench.runs.plan import Plan
from workbench.tui.present import launch, runs
from workbench.tui.present.launch import Stock

STOCK = Stock(("tiny",), {"talk": ("train",)}, ("summarise",), {}, ("mix",))


def values(**changed: object) -> dict[str, object]:
    fields = {field.name: field.default for field in launch.form_fields(STOCK)}
    return {**fields, **changed}


def test_the_form_offers_mixtures_only_where_there_are_some() -> None:
    assert launch.picks(STOCK)["mixture"] == ("", "mix")
    assert "mixture" not in launch.picks(Stock(("tiny",), {"talk": ("train",)}, ("summarise",)))


def test_a_chosen_mixture_stands_in_the_place_of_dataset_split_and_template() -> None:
    run = launch.options(values(mixture="mix"))
    assert (run.mixture, run.dataset, run.template) == ("mix", "", "")
    run = launch.options(values())
    assert (run.mixture, run.dataset, run.template) == (None, "talk", "summarise")
    with pytest.raises(BadInput, match="batch_size"):
        launch.options(values(mixture="mix", batch_size=0))


def test_the_plan_tells_each_tasks_share_of_the_examples() -> None:
    parts = (Share("talk", "sum\x1b[m", "train", 1, 30, 0.75), Share("facts", "who", "train", 1, 10, 0.25))
    told = launch.plan(Plan(40, 15, 3.0, 8, 256, 2e-4, parts)).plain
    assert told.endswith("; of the examples: talk by sum␛[m 75%, facts by who 25%")


def test_a_runs_title_names_its_mixture(make_run: Callable[..., Run]) -> None:
    told = runs.headline(make_run(mixture="mix", dataset="", template="")).plain
    assert "lora on tiny, mixture mix" in told
    assert "dialogues by summarise" in runs.headline(make_run()).plain
