"""Runs from the command line: listed, shown, watched, their points and logs read, cancelled."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from store import open_store
from workbench.cli.plan_text import size_facts
from workbench.runs.plan import Plan

STEPS = 20
Worker = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def ended(fake_worker: Worker, root: Path) -> Callable[..., str]:
    """Let a scripted run go to its end; give its id."""

    def finish(**options: object) -> str:
        process = fake_worker(root, steps=STEPS, pace=0, **options)
        out, _ = process.communicate(timeout=30)
        return out.strip()

    return finish


@pytest.fixture
def going(fake_worker: Worker, root: Path) -> Callable[..., str]:
    """Start a scripted run that takes its time; give its id."""

    def start(**options: object) -> str:
        process = fake_worker(root, **{"steps": STEPS, "pace": 0.05, **options})
        assert process.stdout is not None
        return process.stdout.readline().strip()

    return start


def test_a_run_is_shown_as_the_contract_says(workbench, ended) -> None:
    """By id and by name, and `latest` holds its newest values."""
    run = ended(name="first")
    document = workbench("run", "show", run, "--json").document
    wanted = (
        "id",
        "name",
        "status",
        "pid",
        "model",
        "method",
        "step",
        "total_steps",
        "latest",
        "adapter",
        "error",
    )
    assert set(wanted) <= document.keys()
    assert (document["id"], document["name"], document["status"]) == (run, "first", "completed")
    assert (document["step"], document["total_steps"], document["error"]) == (STEPS, STEPS, None)
    assert document["latest"]["loss"] == pytest.approx(4 * math.exp(-3))
    assert workbench("run", "show", "first", "--json").document == document
    text = workbench("run", "show", run).out
    assert "completed" in text and "20 of 20" in text and "496 MB" in text


def test_runs_are_listed_newest_first_and_by_status(workbench, ended) -> None:
    """A table for people, full documents for programs."""
    first, second = ended(name="first"), ended(name="second", outcome="failed")
    assert [run["id"] for run in workbench("run", "list", "--json").document] == [second, first]
    assert [run["id"] for run in workbench("run", "list", "--status", "failed", "--json").document] == [
        second
    ]
    lines = workbench("run", "list").out.splitlines()
    assert lines[1].startswith(second) and "failed" in lines[1]
    assert lines[2].startswith(first) and "20/20" in lines[2]


def test_points_are_rows_and_a_nan_is_one(workbench, ended) -> None:
    """Every point once, in order; a NaN loss stays one, in valid JSON."""
    run = ended(nan_at=7)
    answer = workbench("run", "metrics", run, "--name", "loss", "--json")
    rows = json.loads(answer.out, parse_constant=pytest.fail)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert all(row.keys() == {"step", "time", "name", "value"} for row in rows)
    assert [row["step"] for row in rows if row["value"] == "NaN"] == [7]
    assert {"loss", "eval_loss", "learning_rate"} <= {
        row["name"] for row in workbench("run", "metrics", run, "--json").document
    }
    assert "nan" in workbench("run", "metrics", run, "--name", "loss").out
    assert "it has loss, learning_rate" in workbench("run", "metrics", run, "--name", "los").error


def test_watching_streams_every_point_and_ends_with_the_run(workbench, going) -> None:
    """One JSON object a line: statuses, points, and the end."""
    run = going()
    answer = workbench("run", "watch", run, "--json")
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0
    losses = [event["step"] for event in events if event["event"] == "point" and event["name"] == "loss"]
    assert losses == list(range(1, STEPS + 1))
    assert [event["status"] for event in events if event["event"] == "status"][-1] == "completed"
    assert (events[-1]["event"], events[-1]["id"], events[-1]["status"]) == ("end", run, "completed")


def test_watching_in_words_says_how_it_ended(workbench, going) -> None:
    """Progress is for stderr, the end for stdout."""
    run = going()
    answer = workbench("run", "watch", run)
    assert answer.code == 0
    assert f"run {run} (fake)" in answer.out and "completed" in answer.out
    assert f"step {STEPS}/{STEPS}" in answer.err


def test_a_failed_run_ends_the_watch_with_its_error(workbench, going) -> None:
    """Exit 1, the run's own words on stderr, and one last document that holds them too."""
    run = going(outcome="failed")
    answer = workbench("run", "watch", run, "--json")
    assert answer.code == 1
    last = json.loads(answer.out.splitlines()[-1])
    assert (last["error"], last["hint"]) == ("the loss is not a number", "lower the learning rate")
    assert answer.error == "error: the loss is not a number; lower the learning rate"
    assert "the loss is not a number" in workbench("run", "show", run).out


def test_a_run_is_cancelled(workbench, going) -> None:
    """The request reaches the worker; a second one is told that nothing is left to cancel."""
    run = going(steps=10_000)
    answer = workbench("run", "cancel", run, "--json")
    assert (answer.code, answer.document["id"]) == (0, run)
    watched = workbench("run", "watch", run)
    assert watched.code == 1
    assert f"run {run} was cancelled" in watched.err
    again = workbench("run", "cancel", run)
    assert again.code == 1
    assert "cancelled already" in again.error


def test_logs_are_read_whole_by_the_tail_and_as_they_grow(workbench, ended, going, root: Path) -> None:
    """Cleaned for people, raw and escaped for programs."""
    run = ended()
    with open_store(root) as store:
        log = store.runs.log_path(store.runs.get(run))
    with log.open("ab") as lines:
        lines.write(b"steer \x1b]52;c;aGk=\x07 \xff\nno line feed at the end")
    document = workbench("run", "logs", run, "--json").document
    assert (document["id"], len(document["lines"])) == (run, STEPS + 2)
    assert document["lines"][0].startswith("step 1/20")
    assert document["lines"][-2:] == ["steer \x1b]52;c;aGk=\x07 \ufffd", "no line feed at the end"]
    tail = workbench("run", "logs", run, "-n", "2").out
    assert tail.splitlines() == ["steer ␛]52;c;aGk=␇ \ufffd", "no line feed at the end"]
    growing = going()
    streamed = workbench("run", "logs", growing, "-f", "--json").out.splitlines()
    assert [json.loads(line)["line"].split()[1] for line in streamed] == [
        f"{step}/20" for step in range(1, 21)
    ]


def test_a_run_without_a_log_has_an_empty_one(workbench, root: Path) -> None:
    """A run that never started is no error."""
    with open_store(root) as store:
        run = store.runs.create(
            name="n", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
        )
        store.runs.request(run.id, "cancel")
    assert workbench("run", "logs", run.id, "--json").document == {"id": run.id, "lines": []}
    assert workbench("run", "metrics", run.id).out.startswith("no points")


def test_a_plan_counts_steps_before_anything_starts(
    workbench, root: Path, tiny_causal: Path, dialogue_file: Path, tmp_path: Path
) -> None:
    """From options, a run file, or both: what was typed comes first."""
    with open_store(root) as store:
        store.models.add(str(tiny_causal), name="m")
        store.datasets.add(dialogue_file, name="d")
    file = tmp_path / "run.toml"
    file.write_text(
        'model = "m"\ndataset = "d"\ntemplate = "t"\n[settings]\nbatch_size = 4\nnum_train_epochs = 2\n',
        encoding="utf-8",
    )
    assert workbench("run", "plan", file, "--quick", "--json").document["steps"] == 12
    planned = workbench("run", "plan", file, "--quick", "--set", "batch_size=8", "--json").document
    assert (planned["steps"], planned["rows"]) == (6, 24)
    told = workbench("run", "plan", file, "--quick", "--set", "batch_size=8").out
    for line in (
        "rows +24",
        "steps +6",
        "epochs +2",
        "rows per step +8",
        r"row length +at most [\d,]+ tokens",
    ):
        assert re.search(f"^{line}$", told, re.MULTILINE), line


def test_steps_that_are_reckoned_are_told_as_such() -> None:
    """Packed rows of a large split: the trainer may count others."""
    planned = Plan(1201, 1453, 3.02, 8, 512, 0.005, steps_exact=False)
    assert size_facts(planned)[:3] == [("rows", "1,201"), ("steps", "about 1,453"), ("epochs", "3.02")]


def test_help_of_start_lists_every_setting(workbench) -> None:
    """The settings' own fields are the documentation."""
    from workbench.runs.training import fields

    text = workbench("run", "start", "--help").out
    for info in fields():
        assert f"{info.name} = {info.show(info.default)}: {info.help}"[:60] in text


def test_only_what_differs_between_runs_is_told(workbench, ended) -> None:
    """In groups, a value for each run, as a table and as JSON."""
    first, second = ended(name="first"), ended(name="second", outcome="failed")
    document = workbench("run", "diff", first, "second", "--json").document
    assert document["runs"] == [{"id": first, "name": "first"}, {"id": second, "name": "second"}]
    assert document["differences"] == [
        {"group": "course", "name": "status", "values": ["completed", "failed"]}
    ]
    text = workbench("run", "diff", first, second).out
    assert "r1 first" in text and "failed" in text and "max_steps" not in text
    assert "nothing differs" in workbench("run", "diff", first, first).out
    alone = workbench("run", "diff", first)
    assert alone.code == 1 and "name two runs or more" in alone.error


def test_runs_are_listed_by_a_pattern(workbench, ended) -> None:
    """A regular expression over id, name, status, method, model and data."""
    ended(name="first"), ended(name="second", outcome="failed")
    assert [run["name"] for run in workbench("run", "list", "--filter", "^fir", "--json").document] == [
        "first"
    ]
    assert [run["name"] for run in workbench("run", "list", "--filter", "failed|x", "--json").document] == [
        "second"
    ]
    assert "no such runs" in workbench("run", "list", "--filter", "nothing").out
    wrong = workbench("run", "list", "--filter", "(")
    assert wrong.code == 1 and "no regular expression" in wrong.error
