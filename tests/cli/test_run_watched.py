"""Samples, probes and alerts from the command line: shown, watched, and harmless whatever they hold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import open_store
from store.samples import Answer

EVIL = "evil\x1b]0;title\x07\x9b31m\u202e end"


@pytest.fixture
def run(fake_worker: Callable[..., subprocess.Popen[str]], root: Path) -> str:
    """A finished run with samples of two steps, a probe and an alert; its texts are hostile."""
    out, _ = fake_worker(root, steps=20, pace=0).communicate(timeout=30)
    run = out.strip()
    with open_store(root) as store:
        for step, scores in ((10, 0.25), (20, 0.75)):
            answers = [Answer(f"asked {EVIL}", f"said {step} {EVIL}", "right", {"rougeL": scores})] * 2
            store.samples.append(run, step, answers)
        store.alerts.append(run, 6, "nan", f"the loss of step 6 is nan: lower it {EVIL}")
        lineage = {"probes": [{"name": "other:u"}]}
        store.db.table("runs").update(int(run[1:]), {"lineage": json.dumps(lineage)})
        points = [(0, "probe/other:u/loss", 2.0), (20, "probe/other:u/loss", 2.5)]
        points += [(0, "probe/other:u/rougeL", 0.5), (20, "probe/other:u/rougeL", 0.25)]
        store.metrics.append(run, points)
    return run


def test_show_tells_probes_with_their_change_and_alerts(workbench: Callable[..., Any], run: str) -> None:
    """In JSON as promised, and in words without a control code."""
    document = workbench("run", "show", run, "--json").document
    loss = {"name": "other:u", "metric": "loss", "base": 2.0, "now": 2.5, "change": 0.5, "step": 20}
    rouge = {"name": "other:u", "metric": "rougeL", "base": 0.5, "now": 0.25, "change": -0.25, "step": 20}
    assert document["probes"] == [loss, rouge]
    (alert,) = document["alerts"]
    assert (alert["step"], alert["kind"]) == (6, "nan") and "lower it" in alert["message"]
    shown = workbench("run", "show", run)
    assert "loss 2 -> 2.5 (+0.5)" in shown.out and "ROUGE-L 0.5 -> 0.25 (-0.25)" in shown.out
    assert "step 6  nan  the loss of step 6 is nan" in shown.out
    assert "\x1b]" not in shown.out and "\x9b" not in shown.out and "\u202e" not in shown.out


def test_samples_are_those_of_the_last_step_or_the_one_named(workbench: Callable[..., Any], run: str) -> None:
    """Each with prompt, answer, reference and score."""
    rows = workbench("run", "samples", run, "--json").document
    assert [(row["step"], row["number"], row["scores"]) for row in rows] == [
        (20, 0, {"rougeL": 0.75}),
        (20, 1, {"rougeL": 0.75}),
    ]
    every = workbench("run", "samples", run, "--all", "--json").document
    assert [row["step"] for row in every] == [10, 10, 20, 20]
    text = workbench("run", "samples", run, "--step", "10")
    assert "said 10" in text.out and "said 20" not in text.out and "0.250" in text.out
    assert "\x1b" not in text.out and "\x9b" not in text.out and "\u202e" not in text.out
    refused = workbench("run", "samples", run, "--step", "7")
    assert refused.code == 1 and "it has those of steps 10, 20" in refused.err


def test_watching_tells_alerts(workbench: Callable[..., Any], run: str) -> None:
    """As an event in JSON, as a line of its own for people."""
    told = workbench("run", "watch", run, "--json")
    events = [json.loads(line) for line in told.out.splitlines()]
    alerts = [event for event in events if event["event"] == "alert"]
    assert [(alert["step"], alert["kind"]) for alert in alerts] == [(6, "nan")]
    assert events[-1]["event"] == "end" and events[-1]["alerts"][0]["kind"] == "nan"
    told = workbench("run", "watch", run)
    assert told.err.count("the loss of step 6 is nan") == 1
    assert "\x1b]" not in told.err and "\x9b" not in told.err


def test_a_run_without_any_says_so(
    workbench: Callable[..., Any], fake_worker: Callable[..., subprocess.Popen[str]], root: Path
) -> None:
    out, _ = fake_worker(root, steps=3, pace=0).communicate(timeout=30)
    shown = workbench("run", "samples", out.strip())
    assert shown.out == "no samples of r1 yet\n"
    document = workbench("run", "show", "r1", "--json").document
    assert document["probes"] == document["alerts"] == []
