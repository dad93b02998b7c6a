"""Training runs from submission to a published adapter, in the processes that do it for users."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from store import Store, open_store
from store.runs import Run
from workbench.composing import template as composing
from workbench.runs import launch
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings

TEMPLATE = '''
name = "summarise"
task = "summary"
[[variants]]
name = "after"
prompt = """{{ dialogue }}\\nSummary: """
completion = "{{ summary }}"
[[variants]]
name = "before"
prompt = """Sum up: {{ dialogue }}\\n"""
completion = "{{ summary }}"
'''
QUICK = TrainingSettings(max_steps=24, batch_size=4, eval_steps=12)

# What another program does with the adapters: nothing of ours is imported, the ids are its own tokenizer's.
PLAIN_PEFT = """
import json, sys
import torch
import transformers
from peft import PeftModel

def encode(tokenizer, causal, prompt, completion):
    ids, target = ((tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (prompt, completion))
    target = target + [tokenizer.eos_token_id]
    return (ids + target, [-100] * len(ids) + target) if causal else (tokenizer(prompt)["input_ids"], target)

def loss(model, rows):
    total = count = 0
    for ids, labels in rows:
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels]))
        tokens = sum(label != -100 for label in labels)
        total, count = total + float(out.loss) * tokens, count + tokens
    return total / count

results = {}
for job in json.load(sys.stdin):
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["base"])
    rows = [encode(tokenizer, job["family"] == "causal", *texts) for texts in job["texts"]]
    base = getattr(transformers, job["class"]).from_pretrained(job["base"]).eval()
    before = loss(base, rows)
    results[job["family"]] = before, loss(PeftModel.from_pretrained(base, job["adapter"]).eval(), rows)
assert not any(name.split(".")[0] in ("store", "workbench") for name in sys.modules)
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_causal: Path,
    tiny_seq2seq: Path,
    dialogue_rows: list[dict[str, str]],
) -> Iterator[Store]:
    """A store with both kinds of model, dialogues with a validation split, and a template."""
    folder = tmp_path_factory.mktemp("training")
    with open_store(folder / "store") as store:
        store.models.add(str(tiny_causal), name="causal")
        store.models.add(str(tiny_seq2seq), name="seq2seq")
        for split, rows in (("train", dialogue_rows[:20]), ("validation", dialogue_rows[20:])):
            path = folder / f"{split}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            store.datasets.add(str(path), name="dialogues", split=split)
        path = folder / "summarise.toml"
        path.write_text(TEMPLATE)
        store.templates.add(path)
        yield store


@pytest.fixture(scope="module")
def trained(shop: Store) -> dict[str, Run]:
    """One finished LoRA run for each kind of model."""
    runs = {name: launch.submit(shop, options(name, name=f"{name}-run")) for name in ("causal", "seq2seq")}
    return {name: finished(shop, run) for name, run in runs.items()}


def options(model: str, **more: Any) -> RunOptions:
    """A quick run on the dialogues."""
    return RunOptions(model, "dialogues", "summarise", **{"settings": QUICK, **more})


def finished(store: Store, run: Run) -> Run:
    """The run after its end; a run that hangs fails the test."""
    deadline = time.monotonic() + 120

    def tick(seen: Run) -> None:
        assert time.monotonic() < deadline, f"{seen.id} hangs in {seen.status}"

    return launch.wait(store, run.id, tick)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_run_learns_and_ends_with_an_adapter(shop: Store, trained: dict[str, Run], family: str) -> None:
    """The loss falls by half a nat at least, on rows never seen too, and the run knows its adapter."""
    run = trained[family]
    assert (run.status, run.error, run.step, run.total_steps) == ("completed", None, 24, 24)
    losses = [value for _, value in shop.metrics.series(run.id, "loss")]
    assert losses[-1] < losses[0] - 0.5
    validation = shop.metrics.series(run.id, "eval_loss")
    assert [step for step, _ in validation] == [12, 24]
    assert validation[-1][1] < losses[0] - 0.5
    assert run.adapter == f"{family}-run"
    assert shop.adapters.get(f"{family}-run").run == run.id


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_every_step_is_recorded_once_with_every_metric(
    shop: Store, trained: dict[str, Run], family: str
) -> None:
    """Steps 1 to the last, no more and no fewer, all numbers sensible."""
    run = trained[family]
    for name in ("loss", "learning_rate", "grad_norm", "tokens_per_second", "memory_bytes"):
        series = shop.metrics.series(run.id, name)
        assert [step for step, _ in series] == list(range(1, 25)), name
        assert all(math.isfinite(value) and value >= 0 for _, value in series), name
    assert shop.metrics.latest(run.id)["memory_bytes"] > 50e6
    counted = [value for _, value in shop.metrics.series(run.id, "tokens")]
    assert len(counted) == 24
    assert counted[0] > 0
    assert all(earlier < later for earlier, later in pairwise(counted))
    peak = max(value for _, value in shop.metrics.series(run.id, "learning_rate"))
    assert peak == pytest.approx(run.settings["learning_rate"], rel=0.1)


def test_another_program_loads_the_adapters_and_finds_the_same_loss(
    shop: Store, trained: dict[str, Run], tmp_path: Path
) -> None:
    """Plain transformers and PEFT, one row at a time: the recorded loss to 1e-4, far below the base's."""
    template = shop.templates.get("summarise")
    at_work = composing.Composer(template, 42)
    rows = enumerate(shop.datasets.rows("dialogues", "validation"))
    examples = [at_work.example(index, row) for index, row in rows]
    classes = {"causal": "AutoModelForCausalLM", "seq2seq": "AutoModelForSeq2SeqLM"}
    jobs = [
        {
            "family": family,
            "class": classes[family],
            "base": str(shop.models.get(family).path),
            "adapter": str(shop.adapters.get(str(run.adapter)).path),
            "texts": [(example.prompt, example.completion) for example in examples],
        }
        for family, run in trained.items()
    ]
    result = subprocess.run(
        [sys.executable, "-c", PLAIN_PEFT],
        input=json.dumps(jobs),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    for family, (base, adapter) in json.loads(result.stdout.splitlines()[-1]).items():
        recorded = shop.metrics.series(trained[family].id, "eval_loss")[-1][1]
        assert adapter == pytest.approx(recorded, abs=1e-4)
        assert base > adapter + 0.5


def test_a_published_adapter_describes_itself(shop: Store, trained: dict[str, Run]) -> None:
    """Card and lineage name base, data, template, settings and final losses; all files are private."""
    run = trained["causal"]
    adapter = shop.adapters.get(str(run.adapter))
    files = {path.name for path in adapter.path.iterdir()}
    assert files == {"adapter_config.json", "adapter_model.safetensors", "README.md", "lineage.json"}
    for path in [adapter.path, *adapter.path.iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    lineage = json.loads((adapter.path / "lineage.json").read_text())
    assert lineage["run"] == run.id
    assert lineage["base"]["fingerprint"] == shop.models.get("causal").fingerprint
    assert lineage["template"]["hash"] == shop.templates.get("summarise").hash
    assert (lineage["rows"], lineage["skipped"], lineage["steps"]) == (20, 0, 24)
    card = (adapter.path / "README.md").read_text()
    for part in (
        "library_name: peft",
        "PeftModel.from_pretrained",
        "dialogues",
        "eval_loss",
        "learning_rate",
    ):
        assert part in card


def test_no_pickle_and_no_token_file_stays_in_a_runs_folder(shop: Store, trained: dict[str, Run]) -> None:
    """What a trainer leaves: the card of the run, its log, its lock."""
    names = {path.name for path in shop.runs.folder(trained["causal"]).rglob("*")}
    assert names == {"run.toml", "log.txt", "trainer.lock"}


def test_the_log_is_for_people(shop: Store, trained: dict[str, Run]) -> None:
    """Memory stands there in a unit, and nothing of a library that looks for other code than its own."""
    log = shop.runs.log_path(trained["causal"]).read_text(encoding="utf-8")
    assert re.search(r"^step 24 .*  memory [\d,]+ MB\b", log, re.MULTILINE)
    assert "kernels" not in log


def test_a_loss_that_is_no_number_is_shown_and_ends_the_run(shop: Store) -> None:
    """Every such step stays in the series; the error names the step size; no adapter appears."""
    settings = TrainingSettings(max_steps=50, batch_size=4, learning_rate=1e30, max_eval_samples=0)
    run = finished(shop, launch.submit(shop, options("causal", name="diverging", settings=settings)))
    assert run.status == "failed"
    assert "the loss is nan since step" in str(run.error)
    assert "lower learning_rate (now 1e+30)" in str(run.hint)
    losses = [value for _, value in shop.metrics.series(run.id, "loss")]
    assert math.isfinite(losses[0])
    assert len(losses) < 20 and all(math.isnan(value) for value in losses[-5:])
    assert "diverging" not in [adapter.name for adapter in shop.adapters.list()]


def test_a_running_run_is_cancelled_within_seconds(shop: Store) -> None:
    """It says so, leaves no adapter and no process, and its points stay."""
    settings = TrainingSettings(max_steps=100_000, batch_size=4)
    run = launch.submit(shop, options("causal", name="endless", settings=settings))
    deadline = time.monotonic() + 60
    while shop.runs.get(run.id).step < 5:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pid = shop.runs.get(run.id).pid
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) > 0  # the kernel's first choice, not the shell
    asked = time.monotonic()
    shop.runs.request(run.id, "cancel")
    run = finished(shop, run)
    assert run.status == "cancelled" and time.monotonic() - asked < 5
    assert run.error is None and run.adapter is None
    assert len(shop.metrics.series(run.id, "loss")) >= 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() - asked < 20
        time.sleep(0.1)
