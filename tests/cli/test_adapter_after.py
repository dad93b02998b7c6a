"""After training, from the command line: merged, exported, combined, compared, pushed, or refused."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from store import open_store
from workbench import processes
from workbench.adapters import merging
from workbench.adapters.differing import Comparison, Layer
from workbench.cli.adapter_after import diff_text

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEMPLATE = (
    'name = "summarise"\ntask = "t"\n[[variants]]\nname = "v"\n'
    'prompt = "{{ dialogue }}\\nSummary:"\ncompletion = "{{ summary }}"\n'
)
SOFT_PROMPT = {"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 2}


@pytest.fixture
def whole_peft_folder(peft_folder: Path) -> Path:
    """The LoRA over the first layer alone, which its configuration says."""
    config = json.loads((peft_folder / "adapter_config.json").read_text()) | {"layers_to_transform": [0]}
    (peft_folder / "adapter_config.json").write_text(json.dumps(config))
    return peft_folder


@pytest.fixture
def filled(workbench, tiny_causal: Path, whole_peft_folder: Path) -> Any:
    """The command line on a store with a base `m` and a LoRA `a`."""
    workbench("model", "add", tiny_causal, "--name", "m")
    workbench("adapter", "add", whole_peft_folder, "--name", "a", "--model", "m")
    return workbench


def logits(base: Path, adapter: Path | None = None) -> Any:
    """By plain transformers and PEFT."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.inference_mode():
        return model(torch.tensor([[5, 9, 30, 41]])).logits


def test_merged_it_is_a_plain_model_in_a_folder_and_in_the_store(
    filled, tiny_causal: Path, peft_folder: Path, tmp_path: Path
) -> None:
    """With a card that tells the check; a folder that is there already is left alone."""
    import torch

    out = tmp_path / "merged"
    told = filled("adapter", "merge", "a", "--output", out, "--add", "a-merged", "--json").document
    assert told["check"]["agreement"] == 1 and told["check"]["difference"] < 1e-4
    expected = logits(tiny_causal, peft_folder)
    assert (expected - logits(tiny_causal)).abs().max() > 0.01
    torch.testing.assert_close(logits(out), expected, atol=1e-4, rtol=1e-4)
    assert filled("model", "show", "a-merged", "--json").document["source"] == str(out)
    card = (out / "README.md").read_text()
    assert "base_model_relation: finetune" in card and "## Where it comes from" in card
    again = filled("adapter", "merge", "a", "--output", out)
    assert again.error == f"error: {out} is there already; name a folder that is not, or move it away"
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_an_interrupt_ends_the_worker_and_leaves_nothing(filled, root: Path, tmp_path: Path) -> None:
    """Wherever it comes: here when the worker says that it has begun."""

    def interrupt(_progress: str) -> None:
        assert processes.find("finished", str(root)) is not None
        raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with open_store(root) as store, pytest.raises(KeyboardInterrupt):
        merging.merge(store, "a", tmp_path / "out", add="never", tell=interrupt)
    assert sorted(tmp_path.iterdir()) == before
    assert processes.find("finished", str(root)) is None
    assert [each["name"] for each in filled("model", "list", "--json").document] == ["m"]


def test_exported_it_is_the_folder_that_peft_loads(
    filled, tiny_causal: Path, peft_folder: Path, tmp_path: Path
) -> None:
    """With its card, and what is known of it."""
    import torch

    out = tmp_path / "out"
    told = filled("adapter", "export", "a", "--output", out, "--json").document
    names = ["README.md", "adapter_config.json", "adapter_model.safetensors", "lineage.json"]
    assert (told["files"], told["check"]) == (names, None)
    torch.testing.assert_close(logits(tiny_causal, out), logits(tiny_causal, peft_folder))
    assert "PeftModel.from_pretrained" in (out / "README.md").read_text()


def test_ollama_gets_a_modelfile_over_the_merged_weights_or_the_adapter(filled, tmp_path: Path) -> None:
    alone, whole = tmp_path / "alone", tmp_path / "whole"
    filled("adapter", "export", "a", "--output", alone, "--format", "ollama", "--adapter-only")
    base = filled("model", "show", "m", "--json").document["path"]
    lines = (alone / "Modelfile").read_text().splitlines()
    assert lines[1:3] == [f"FROM {base}", "ADAPTER ."]
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {each.name for each in alone.iterdir()}
    answer = filled("adapter", "export", "a", "--output", whole, "--format", "ollama")
    assert answer.code == 0, answer.err
    assert "FROM ." in (whole / "Modelfile").read_text().splitlines()
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= {each.name for each in whole.iterdir()}


# It writes its arguments; of llama.cpp's own the tests know no more than how they are called.
CONVERTER = """
import json, pathlib, sys
words = sys.argv[1:]
target, source = pathlib.Path(words[words.index("--outfile") + 1]), pathlib.Path(words[-1])
if (source / "fail").exists() or "broken" in sys.argv[0]:
    sys.exit("unknown architecture")
target.write_text(json.dumps({"words": words, "files": sorted(each.name for each in source.iterdir())}))
"""


def test_gguf_is_left_to_llama_cpp(filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the environment or the PATH; that it is missing or fails is told, and nothing is left."""
    words = ("adapter", "export", "a", "--format", "gguf", "--adapter-only", "--output")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    missing = filled(*words, tmp_path / "out")
    assert "llama.cpp's convert_lora_to_gguf.py is not on the PATH" in missing.error
    assert "WORKBENCH_LLAMA_CPP" in missing.error
    for folder, text in (("llama.cpp", CONVERTER), ("broken", CONVERTER)):
        (tmp_path / folder).mkdir()
        for name in ("convert_lora_to_gguf.py", "convert_hf_to_gguf.py"):
            (tmp_path / folder / name).write_text(text)
    monkeypatch.setenv("WORKBENCH_LLAMA_CPP", str(tmp_path / "broken"))
    assert "failed (unknown architecture)" in filled(*words, tmp_path / "out").error
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("WORKBENCH_LLAMA_CPP", str(tmp_path / "llama.cpp"))
    told = filled(*words, tmp_path / "out", "--json").document
    assert told["files"] == ["README.md", "a.gguf"]
    asked = json.loads((tmp_path / "out" / "a.gguf").read_text())
    assert asked["words"][:2] == ["--base", filled("model", "show", "m", "--json").document["path"]]
    whole = filled("adapter", "export", "a", "--format", "gguf", "--output", tmp_path / "whole")
    assert whole.code == 0, whole.err
    assert "model.safetensors" in json.loads((tmp_path / "whole" / "a.gguf").read_text())["files"]


def test_combined_it_names_its_parents_and_differs_as_it_should(filled, peft_folder: Path) -> None:
    filled("adapter", "add", peft_folder, "--name", "b", "--model", "m")
    made = filled("adapter", "combine", "a=0.5", "b=1.5", "--name", "both", "--json").document
    assert (made["name"], made["method"], made["trainable"]) == ("both", "lora", 4 * 2 * 32)
    lineage = json.loads((Path(made["path"]) / "lineage.json").read_text())
    assert [(each["name"], each["weight"]) for each in lineage["parents"]] == [("a", 0.5), ("b", 1.5)]
    assert lineage["combination"] == {"method": "cat", "rank": 4}
    told = filled("adapter", "diff", "a", "both", "--json").document
    assert told["total"]["cosine"] == pytest.approx(1)
    assert told["total"]["norms"][1] == pytest.approx(2 * told["total"]["norms"][0])


def test_a_comparison_is_a_table_of_the_largest_changes_first() -> None:
    """With all together at its end, and what the configurations say."""
    layers = (
        Layer("low", (1.0, 0.0), (0.1, 0.0), (4, None)),
        Layer("high", (2.0, 3.0), (0.2, None), (4, 8), 0.5),
    )
    total = Layer("all", (2.2361, 3.0), (0.15, None), (), 0.25)
    lines = diff_text(
        Comparison(("a", "b\x1b"), layers, total, ({"name": "r", "values": [4, 8]},))
    ).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["high", "low", "all"]
    assert lines[1].split()[1:] == ["2", "20", "%", "3", "-", "0.5"]
    assert lines[-1] == "r: 4 | 8"
    assert all(line.isprintable() for line in map(click.unstyle, lines))


def test_what_cannot_be_is_refused_with_its_reason(filled, tmp_path: Path) -> None:
    """Before any process is started."""
    soft = write_soft_prompt(tmp_path / "soft")
    filled("adapter", "add", soft, "--name", "s", "--model", "m")
    out = ("--output", tmp_path / "out")
    told = {
        ("merge", "s", *out): "no weight of the model can say the same; use it beside its base",
        ("merge", "a"): "nowhere is named",
        ("merge", "a", "--add", "m"): "the name 'm' is taken by another model",
        ("merge", "b", *out): "no adapter named 'b'",
        ("export", "s", *out, "--format", "ollama", "--adapter-only"): "prompt-tuning is not LoRA",
        ("export", "a", *out, "--adapter-only"): "--adapter-only does not go with the format peft",
        ("combine", "a=1", "s=1", "--name", "c"): "s is no LoRA (prompt-tuning)",
        ("combine", "a=1", "--name", "c"): "two or more different adapters are needed",
        ("combine", "a=x", "--name", "c"): "has no number after '='",
        ("combine", "a=0", "a=nan", "--name", "c"): "a weight is zero or no number",
        ("combine", "a=1", "s=1", "--name", "a"): "the name 'a' is taken by another adapter",
        ("combine", "a=1", "s=1", "--name", "c", "--method", "mean"): "no way of combining named 'mean'",
        ("push", "a", "nowhere"): "'nowhere' cannot be a repository",
    }
    for words, reason in told.items():
        answer = filled("adapter", *words)
        assert answer.code == 1 and reason in answer.error, (words, answer)
    assert not (tmp_path / "out").exists()


def write_soft_prompt(folder: Path) -> Path:
    import tiny_models

    folder.mkdir()
    config = SOFT_PROMPT | {"base_model_name_or_path": "somewhere"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensor = tiny_models.random_tensor((2, tiny_models.WIDTH), tiny_models.random.Random(0))
    tiny_models.write_safetensors(folder / "adapter_model.safetensors", {"prompt_embeddings": tensor})
    return folder


@dataclass
class Hub:
    """A loopback Hub that takes commits: its address, and what it was given."""

    address: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    branches: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The part of the Hub's interface that an upload of small files uses."""
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.tokens.add(self.headers.get("Authorization", ""))
            path = self.path.partition("?")[0]
            if self.headers.get("Authorization") != "Bearer right":
                self._send(401, {"error": "Invalid username or password."})
            elif path == "/api/repos/create":
                found.created.append(json.loads(body))
                self._send(200, {"url": f"{found.address}/me/mine"})
            elif path == "/api/validate-yaml":
                bad = '"/' in json.loads(body)["content"].partition("---\n")[2].partition("---\n")[0]
                faults = [{"message": "base_model is not valid"}] if bad else []
                self._send(400 if bad else 200, {"errors": faults, "warnings": []})
            elif "/branch/" in path:
                found.branches.append(path.rpartition("/")[2])
                self._send(200, {})
            elif "/preupload/" in path:
                names = [each["path"] for each in json.loads(body)["files"]]
                modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
                self._send(200, {"files": modes})
            else:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        found.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                answer = {"commitUrl": f"{found.address}/me/mine/commit/{COMMIT}", "commitOid": COMMIT}
                self._send(200, answer)

        def _send(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output free of access lines."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def test_pushed_it_is_in_the_user_s_own_repository(filled, root: Path, hub: Hub, tmp_path: Path) -> None:
    """By the token of the environment; the card names no folder of this machine as its base."""

    def push(token: str, *words: str) -> subprocess.CompletedProcess[str]:
        # In a process of its own: the Hub's library reads its environment once, when it is imported.
        own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": token, "HF_HOME": str(tmp_path / "hf")}
        argv = [sys.executable, "-m", "workbench", "--store", str(root), "adapter", "push", "a", "me/mine"]
        return subprocess.run([*argv, *words], env={**os.environ, **own}, capture_output=True, text=True)

    refused = push("wrong")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: the Hub does not let this user write to me/mine (401); `hf auth")
    done = push("right", "--private", "--revision", "v1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["commit"] == COMMIT
    assert "came from a folder" in done.stderr
    assert hub.created[0]["visibility"] == "private" and hub.branches == ["v1"]
    folder = Path(filled("adapter", "show", "a", "--json").document["path"])
    name = "adapter_model.safetensors"
    assert hub.files[name] == (folder / name).read_bytes()
    assert "base_model:" not in hub.files["README.md"].decode()
