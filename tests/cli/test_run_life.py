"""Pause, resume, retry and checkpoints from the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from store import Store
from store.db import write
from workbench.processes import HeldLock
from workbench.runs import launch
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

Call = Callable[..., object]


@pytest.fixture
def shop(stock: Store) -> Store:
    """The command line's store with a queued run, and a queue that starts nothing."""
    launch.submit(stock, RunOptions("causal", "d", "t", settings=TrainingSettings(max_steps=10)))
    return stock


def at_work(store: Store, step: int) -> None:
    """Let the run r1 be at work, with a checkpoint of this step."""
    store.runs.claim("r1", "n")
    store.runs.begin("r1", 10)
    store.runs.progress("r1", step)
    with store.checkpoints.staging("r1", step) as staged:
        (staged / "x").write_text("x" * 1000)
        store.checkpoints.publish("r1", step, staged, 1.5)


def test_a_run_is_paused_and_goes_on_with_other_settings(workbench: Call, shop: Store) -> None:
    """In words and as JSON; what cannot be changed is refused with the reason."""
    assert workbench("run", "pause", "r1").out == "run r1 is paused\n"
    assert workbench("run", "pause", "r1").error == (
        "error: run r1 is paused already; let it go on: workbench run resume r1"
    )
    assert "follow it with" in workbench("run", "resume", "r1").out
    assert shop.runs.get("r1").status == "queued"
    workbench("run", "pause", "r1")
    refused = workbench("run", "resume", "r1", "--set", "r=8")
    assert refused.code == 1 and "r (the checkpoint's weights have its shape)" in refused.error
    words = ("run", "resume", "r1", "--set", "learning_rate=1e-4", "--set", "max_steps=20", "--json")
    document = workbench(*words).document
    assert (document["status"], document["settings"]["max_steps"]) == ("queued", 20)
    assert document["lineage"]["changes"][0]["settings"]["max_steps"] == [10, 20]


def test_a_run_at_work_is_asked_to_pause(workbench: Call, shop: Store) -> None:
    """Its trainer answers."""
    at_work(shop, 4)
    lock = HeldLock.take(shop.runs.folder(shop.runs.get("r1")) / "trainer.lock")
    assert lock is not None
    with lock:
        assert workbench("run", "pause", "r1").out == "run r1 is asked to pause\n"
        assert shop.runs.requested("r1") == "pause"


def test_checkpoints_are_listed_and_removed(workbench: Call, shop: Store) -> None:
    """Not while a trainer is at them."""
    assert workbench("run", "checkpoints", "r1").out == "run r1 has no checkpoints\n"
    at_work(shop, 4)
    (listed,) = workbench("run", "checkpoints", "r1", "--json").document
    assert (listed["step"], listed["bytes"], listed["eval_loss"]) == (4, 1000, 1.5)
    assert "step-4" in workbench("run", "checkpoints", "r1").out
    assert "pause it first" in workbench("run", "checkpoints", "r1", "--remove", "4").error
    shop.runs.interrupt("r1", "killed")
    assert "it has checkpoints of the steps 4" in workbench("run", "checkpoints", "r1", "--remove", "5").error
    assert workbench("run", "checkpoints", "r1", "--remove", "4", "--json").document == []


def test_an_ended_run_is_retried(workbench: Call, shop: Store) -> None:
    """Another run of the same specification; one that has not ended is refused."""
    assert "is queued; wait for its end, or cancel it" in workbench("run", "retry", "r1").error
    shop.runs.request("r1", "cancel")
    document = workbench("run", "retry", "r1", "--json").document
    assert (document["id"], document["status"], document["warnings"]) == ("r2", "queued", [])
    assert document["settings"] == shop.runs.get("r1").settings


def test_a_paused_run_ends_the_waiting_for_it(workbench: Call, shop: Store) -> None:
    """`run watch` does not wait for somebody to resume it; it says what to do."""
    workbench("run", "pause", "r1")
    answer = workbench("run", "watch", "r1")
    assert answer.code == 1 and "was paused at step 0; let it go on: workbench run resume r1" in answer.err
    assert shop.runs.get("r1").status == "paused"


def test_a_run_is_removed_listed_and_taken_back(workbench: Call, shop: Store) -> None:
    """By its id or its name, several at once; its trash says how long it stays."""
    at_work(shop, 4)
    shop.metrics.append("r1", [(1, "loss", 2.0)])
    refused = workbench("run", "remove", "r1")
    assert refused.code == 1
    assert refused.error == "error: run r1 is running; cancel first: workbench run cancel r1"
    shop.runs.fail("r1", "why", "what to do")
    name = shop.runs.get("r1").name
    removed = workbench("run", "remove", name)
    assert removed.out == "removed run r1; within 7 days `workbench trash restore` takes it back\n"
    gone = workbench("run", "show", "r1")
    assert gone.error == "error: run 'r1' is in the trash; take it back: workbench trash restore t1"
    assert workbench("run", "list", "--json").document == []
    (entry,) = workbench("trash", "list", "--json").document
    assert (entry["noun"], entry["name"], entry["count"]) == ("run", f"r1 ({name})", 1)
    assert entry["bytes"] > 1000
    assert workbench("trash", "restore", "t1").out == f"run r1 ({name}) is back\n"
    assert workbench("run", "metrics", "r1", "--json").document[0]["value"] == 2.0
    assert workbench("run", "checkpoints", "r1", "--json").document[0]["step"] == 4


def test_several_runs_are_removed_at_once(workbench: Call, shop: Store) -> None:
    """And come back at once, or go for good."""
    launch.submit(shop, RunOptions("causal", "d", "t", settings=TrainingSettings(max_steps=10)))
    for run in ("r1", "r2"):
        shop.runs.request(run, "cancel")
    assert workbench("run", "remove", "r1", "r2", "--json").document == {"removed": ["r1", "r2"]}
    assert workbench("trash", "restore").out == "runs r1, r2 are back\n"
    assert "removed runs r2, r1; within 7 days" in workbench("run", "remove", "r2", "r1").out
    emptied = workbench("trash", "empty")
    assert emptied.out.startswith("deleted 1 thing, ")
    assert "no run named 'r1'" in workbench("run", "show", "r1").error
    assert shop.db.table("runs").count == 0


def test_an_adapter_says_that_its_run_is_gone(workbench: Call, shop: Store) -> None:
    """In words and as JSON."""
    with write(shop.db):
        shop.db.execute("insert into adapters values ('a', 'm', 'f', 'lora', 'LORA', 'r1', 1, 2, 'e', 3.0)")
    assert not workbench("adapter", "show", "a", "--json").document["run_gone"]
    shop.runs.request("r1", "cancel")
    workbench("run", "remove", "r1")
    assert workbench("adapter", "show", "a", "--json").document["run_gone"]
    for words in (("adapter", "show", "a"), ("adapter", "list")):
        assert "r1 (gone)" in workbench(*words).out


def test_rows_that_another_program_wrote_are_told_beside_the_list(workbench: Call, shop: Store) -> None:
    """And an adapter with an impossible name is taken out by it."""
    with write(shop.db):
        for name in ("a", "../a b"):
            row = (name, "m", "f", "lora", "LORA", None, 1, 2, "e", 3.0)
            shop.db.execute("insert into adapters values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        shop.db.execute("update runs set settings = '' where id = 1")
    listed = workbench("adapter", "list", "--json")
    assert [each["name"] for each in listed.document] == ["a"]
    assert listed.error == (
        "warning: a row of the catalog is no adapter and is left out: '../a b'; "
        "take it out: workbench adapter remove '../a b'"
    )
    assert workbench("adapter", "remove", "../a b").out.startswith("removed adapter ../a b; within 7 days")
    assert workbench("adapter", "list").err == ""
    runs = workbench("run", "list", "--json")
    assert runs.document == [] and "is no run and is left out: 'r1'" in runs.error
