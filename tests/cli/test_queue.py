"""The queue and sweeps from the command line: priorities, places, and what came of many runs."""

from __future__ import annotations

from pathlib import Path

from store import Store

RUN = 'model = "causal"\ndataset = "d"\ntemplate = "t"\nname = "rates"\n'
START = ("run", "start", "--model", "causal", "--dataset", "d", "--template", "t")


def test_a_place_in_the_queue_follows_priority_and_age(workbench, stock: Store) -> None:
    """It is told by list and show; a run is prioritised when it is started, and later."""
    first, second = (workbench(*START, "--json").document["id"] for _ in range(2))
    urgent = workbench(*START, "--priority", "5", "--json").document
    assert (urgent["priority"], urgent["queue_place"]) == (5, 1)
    places = {run["id"]: run["queue_place"] for run in workbench("run", "list", "--json").document}
    assert places == {urgent["id"]: 1, first: 2, second: 3}
    answer = workbench("run", "prioritise", second, "6", "--json")
    assert answer.document == {"id": second, "priority": 6, "queue_place": 1}
    answer = workbench("run", "prioritise", urgent["id"], "--", "-1")
    assert answer.out == f"run {urgent['id']} (d-lora) has priority -1, number 3 of the queue\n"
    lines = workbench("run", "list", "--status", "queued").out.splitlines()
    assert [line.split()[4] for line in lines[1:]] == ["3", "1", "2"]
    assert workbench("run", "show", second, "--json").document["queue_place"] == 1
    stock.runs.request(second, "cancel")
    assert workbench("run", "show", second, "--json").document["queue_place"] is None
    refused = workbench("run", "prioritise", second, "1")
    assert refused.code == 1 and "is cancelled; only a run that waits" in refused.error


def test_a_sweep_is_queued_and_its_results_are_a_table(workbench, stock: Store, tmp_path: Path) -> None:
    """A run each, printed with what it varies; results are best first, and list shows the sweep's runs."""
    file = tmp_path / "sweep.toml"
    file.write_text(f'{RUN}[sweep]\nlearning_rate = [1e-3, 1e-4]\nmethod = ["lora", "ia3"]\n')
    answer = workbench("run", "sweep", file, "--priority", "2", "--json").document
    assert answer["sweep"] == "rates"
    assert answer["trials"][0] == {"learning_rate": 1e-3, "method": "lora"}
    runs = [run["id"] for run in answer["runs"]]
    assert {(run["sweep"], run["status"], run["priority"]) for run in answer["runs"]} == {
        ("rates", "queued", 2)
    }
    assert len(runs) == 4
    for run, loss in zip(runs, (3.0, 1.0, 2.0), strict=False):
        stock.runs.claim(run, "n")
        stock.runs.begin(run, 1)
        stock.metrics.append(run, [(1, "loss", loss)])
        stock.runs.fail(run, "it stopped", "look")
    found = workbench("run", "sweep-results", "rates", "--json").document["results"]
    assert [result["id"] for result in found] == [runs[1], runs[2], runs[0], runs[3]]
    assert found[0]["varied"] == {"learning_rate": 1e-3, "method": "ia3"}
    assert (found[0]["loss"], found[0]["error"], found[3]["loss"]) == (1.0, "it stopped", None)
    table = workbench("run", "sweep-results", "rates").out.splitlines()
    assert table[0].split() == ["RUN", "STATUS", "method", "learning_rate", "EVAL", "LOSS", "LOSS", "ADAPTER"]
    assert table[1].split()[:1] == [runs[1]] and "ia3" in table[1] and "0.001" in table[1]
    listed = workbench("run", "list", "--sweep", "rates", "--json").document
    assert [run["id"] for run in listed] == runs[::-1]
    again = workbench("run", "sweep", file).out
    assert "4 runs queued" in again and "sweep-results rates-2" in again


def test_a_bad_sweep_queues_nothing(workbench, stock: Store, tmp_path: Path) -> None:
    """The mistake is named, with the nearest key."""
    file = tmp_path / "sweep.toml"
    file.write_text(f"{RUN}[sweep]\nlearning_rat = [1e-3]\n")
    refused = workbench("run", "sweep", file)
    assert refused.code == 1 and "did you mean 'learning_rate'" in refused.error
    file.write_text(f"{RUN}[sweep]\nbatch_size = [1, 2]\nmax_length = [8, 4]\n")
    assert "max_length = 4 is out of range" in workbench("run", "sweep", file).error
    assert stock.runs.list() == []
    assert "no sweep named 'rates'; start one" in workbench("run", "sweep-results", "rates").error


def test_more_devices_than_there_are_is_refused_at_the_start(workbench, stock: Store) -> None:
    """Not after a night in the queue."""
    refused = workbench(*START, "--set", "nproc_per_node=64")
    assert refused.code == 1 and "nproc_per_node = 64, and this machine has" in refused.error
    assert stock.runs.list() == []
