"""The command line called in process: words in; exit code, stdout, stderr and the JSON document out."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from click.testing import CliRunner

from workbench.cli import main


@dataclass(frozen=True)
class Answer:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout; anything else there is an error."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of stderr."""
        (line,) = self.err.splitlines()
        return line


Call = Callable[..., Answer]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the command line's store is."""
    return tmp_path / "store"


@pytest.fixture
def workbench(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `workbench --store ROOT WORDS` from an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)

    def call(*words: str | Path, text: str | None = None) -> Answer:
        line = ["--store", str(root), *map(str, words)]
        result = CliRunner().invoke(main, line, input=text, prog_name="workbench")
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def peft_folder(tmp_path: Path) -> Path:
    """A LoRA of rank 2 on the tiny Llama's first query projection, as PEFT writes it."""
    return write_adapter(tmp_path / "outside", width=tiny_models.WIDTH)


@pytest.fixture
def misfit_peft_folder(tmp_path: Path) -> Path:
    """The same for a Llama of half the width."""
    return write_adapter(tmp_path / "misfit", width=tiny_models.WIDTH // 2)


def write_adapter(folder: Path, *, width: int) -> Path:
    """Write a PEFT folder with a LoRA over a square layer of this width."""
    folder.mkdir()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj"],
    }
    config["base_model_name_or_path"] = "somewhere"
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    at = "base_model.model.model.layers.0.self_attn.q_proj"
    shapes = {f"{at}.lora_A.weight": (2, width), f"{at}.lora_B.weight": (width, 2)}
    source = random.Random(0)
    tensors = {name: tiny_models.random_tensor(shape, source) for name, shape in shapes.items()}
    tiny_models.write_safetensors(folder / "adapter_model.safetensors", tensors)
    return folder
