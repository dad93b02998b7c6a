"""The main job from the command line alone, on a tiny model: from files to a scored adapter."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from workbench.cli import INTERRUPTED
from workbench.text import visible

TEMPLATE = """
name = "summarise"
task = "dialogue summarisation"
[[variants]]
name = "plain"
prompt = "{{ dialogue }}\\nSummary:"
completion = " {{ summary }}"
"""


@contextlib.contextmanager
def served(root: Path, model: str, socket: Path) -> Iterator[None]:
    """Run `workbench serve` in the foreground of a process; end it as a service manager would."""
    words = [
        "--store",
        str(root),
        "serve",
        "--model",
        model,
        "--socket",
        str(socket),
        "--port",
        "0",
        "--json",
    ]
    process = subprocess.Popen([sys.executable, "-m", "workbench", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        document = json.loads(process.stdout.readline())
        assert (document["model"], document["socket"]) == (model, str(socket))
        assert socket.resolve().is_socket()
        for token, status in ((document["token"], 200), ("guessed", 401)):
            connection = http.client.HTTPConnection("127.0.0.1", document["port"])
            connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {token}"})
            assert connection.getresponse().status == status
        yield
    finally:
        process.terminate()
        assert process.wait(30) == INTERRUPTED


def test_from_files_to_a_scored_adapter(
    workbench, root: Path, tiny_causal: Path, dialogue_file: Path, tmp_path: Path
) -> None:
    """Every command exits 0 and its document holds what the next one needs."""
    (tmp_path / "t.toml").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "run.toml").write_text(
        'model = "m"\ndataset = "d"\ntemplate = "summarise"\nname = "mine"\n'
        "[settings]\nmax_steps = 8\nbatch_size = 4\nlearning_rate = 1e-2\n",
        encoding="utf-8",
    )
    workbench("model", "add", tiny_causal, "--name", "m")
    workbench("dataset", "add", dialogue_file, "--name", "d")
    workbench("template", "add", tmp_path / "t.toml")

    started = workbench("run", "start", tmp_path / "run.toml", "--method", "lora", "--wait", "--json")
    assert started.code == 0, started.err
    run = started.document
    assert (run["status"], run["step"], run["adapter"]) == ("completed", 8, "mine")
    losses = [
        row["value"] for row in workbench("run", "metrics", run["id"], "--name", "loss", "--json").document
    ]
    assert losses[-1] < losses[0]

    adapter = workbench("adapter", "show", "mine", "--json").document
    assert (adapter["model"], adapter["method"], adapter["run"]) == ("m", "lora", run["id"])
    assert (Path(adapter["path"]) / "adapter_model.safetensors").is_file()

    ask = ("generate", "--model", "m", "--max-new-tokens", "4")
    with served(root, "m", tmp_path / "socket"):
        answers = workbench(*ask, "--adapter", "mine", "--base", "--prompt", "Anna:", "--json").document
        assert answers["prompt"] == "Anna:"
        assert [output["adapter"] for output in answers["outputs"]] == [None, "mine"]
        assert all(output.keys() == {"adapter", "text", "tokens", "seconds"} for output in answers["outputs"])
        assert "mine" in workbench(*ask, "--adapter", "mine", "--base", "--prompt", "Anna:").out
        alone = workbench(*ask, "--file", "-", text="Anna:")
        assert alone.out == visible(answers["outputs"][0]["text"], keep_newlines=True) + "\n"
        assert "tokens" in alone.err
        assert "is served already" in workbench("serve").error
        assert workbench("serve", "--check", "--json").document["seconds"] < 20
    assert not (tmp_path / "socket").is_symlink()

    words = (
        "evaluate",
        "--model",
        "m",
        "--adapter",
        "mine",
        "--base",
        "--dataset",
        "d",
        "--template",
        "summarise",
    )
    evaluated = workbench(*words, "--limit", "3", "--json").document
    assert [made["adapter"] for made in evaluated["evaluations"]] == [None, "mine"]
    assert all((made["status"], made["rows"]) == ("completed", 3) for made in evaluated["evaluations"])
    assert {"rouge1", "rouge2", "rougeL", "bleu"} <= evaluated["evaluations"][0]["scores"].keys()


def test_scores_are_the_contracts_document(workbench) -> None:
    """A gamed prediction: one match, three clipped repeats, and the sentence that says so."""
    row = {"prediction": "cold cold cold cold", "reference": "it is cold outside"}
    answer = workbench("score", "-", "--tokens", "--json", text=json.dumps(row) + "\n")
    (scored,) = answer.document["rows"]
    assert scored["rouge1"] == {"precision": 0.25, "recall": 0.25, "fmeasure": 0.25}
    labels = [token["label"] for token in scored["tokens"]["rouge1"]["prediction"]]
    assert sorted(labels) == ["clipped", "clipped", "clipped", "matched"]
    assert answer.document["corpus"]["bleu"].keys() >= {
        "score",
        "precisions",
        "bp",
        "sys_len",
        "ref_len",
        "signature",
    }
    text = workbench("score", "-", text=json.dumps(row) + "\n").out
    assert "rouge1" in text and "BLEU" in text and "cold" in text
    only = workbench("score", "-", "--metric", "bleu", "--json", text=json.dumps(row) + "\n").document
    assert only["corpus"].keys() == {"bleu"}
