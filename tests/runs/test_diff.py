"""Of two runs only what is not the same is told, and all of that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from store import Store
from store.runs import Run
from workbench.runs.diff import Difference, differences

VERSIONS = {"python": "3.11.7", "torch": "2.11.0", "peft": "0.20.0"}
LINEAGE: dict[str, Any] = {
    "base": {"name": "tiny", "fingerprint": "f1", "source": "/m"},
    "dataset": {"name": "dialogues", "fingerprint": "d1", "split": "train"},
    "template": {"name": "summarise", "hash": "h1", "text": "a long text"},
    "seed": 1,
    "versions": VERSIONS,
}


def enter(store: Store, name: str, settings: dict[str, Any], **changed: Any) -> Run:
    return store.runs.create(
        name=name,
        model="tiny",
        dataset="dialogues",
        template="summarise",
        method=changed.pop("method", "lora"),
        settings={"r": 16, "seed": 1, **settings},
        lineage={**LINEAGE, **changed},
    )


def test_runs_made_alike_do_not_differ(store: Store) -> None:
    pair = [enter(store, "a", {}), enter(store, "b", {})]
    assert differences(pair, {}) == []


def test_a_setting_that_differs_is_the_only_thing_told(store: Store) -> None:
    pair = [enter(store, "a", {}), enter(store, "b", {"r": 64})]
    assert differences(pair, {}) == [Difference("settings", "r", (16, 64))]


def test_a_template_differs_by_its_hash_and_never_by_its_text(store: Store) -> None:
    other = {"name": "summarise", "hash": "h2", "text": "another text"}
    found = differences([enter(store, "a", {}), enter(store, "b", {}, template=other)], {})
    assert found == [Difference("data", "template.hash", ("h1", "h2"))]


def test_every_kind_of_fact_is_compared_in_order(store: Store) -> None:
    first = enter(store, "a", {"r": 16})
    second = enter(
        store,
        "b",
        {"r": 8},
        method="dora",
        base={**LINEAGE["base"], "fingerprint": "f2"},
        dataset={**LINEAGE["dataset"], "split": "test"},
        versions={**VERSIONS, "peft": "0.19.0"},
    )
    latest = {first.id: {"loss": 1.5, "grad_norm": 1.0}, second.id: {"loss": 1.25, "grad_norm": 2.0}}
    trained = {first.id: {"device": "cpu", "path": "/a"}, second.id: {"device": "NVIDIA H200", "path": "/b"}}
    found = differences([first, second], latest, trained)
    assert [(each.group, each.name) for each in found] == [
        ("model", "base.fingerprint"),
        ("data", "dataset.split"),
        ("method", "method"),
        ("settings", "r"),
        ("versions", "peft"),
        ("device", "device"),
        ("result", "loss"),
    ]
    assert found[-1].values == (1.5, 1.25)


def test_what_one_run_does_not_have_is_told_as_none(store: Store) -> None:
    pair = [enter(store, "a", {}), enter(store, "b", {"new": 1})]
    assert differences(pair, {pair[0].id: {"eval_loss": 1.0}}) == [
        Difference("settings", "new", (None, 1)),
        Difference("result", "eval_loss", (1.0, None)),
    ]


@pytest.mark.parametrize("second", [math.nan, 1.0])
def test_two_nan_do_not_differ(store: Store, second: float) -> None:
    pair = [enter(store, "a", {}), enter(store, "b", {})]
    found = differences(pair, {pair[0].id: {"loss": math.nan}, pair[1].id: {"loss": second}})
    assert len(found) == (0 if math.isnan(second) else 1)


def test_three_runs_are_compared_side_by_side(store: Store) -> None:
    three = [enter(store, name, {"r": rank}) for name, rank in (("a", 8), ("b", 8), ("c", 4))]
    assert differences(three, {}) == [Difference("settings", "r", (8, 8, 4))]


def test_tasks_of_a_mixture_are_compared_one_by_one(store: Store) -> None:
    def mixed(name: str, share: float) -> Run:
        tasks = [{"dataset": {"name": "d", "fingerprint": "x"}, "share": share}]
        return store.runs.create(
            name=name, model="tiny", mixture="m", method="lora", settings={}, lineage={"tasks": tasks}
        )

    found = differences([mixed("a", 0.5), mixed("b", 0.75)], {})
    assert found == [Difference("data", "tasks.1.share", (0.5, 0.75))]
