"""The tab key: commands, options and the names of the store, in a real shell and without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from store import Store
from workbench.cli import COMPLETION_VARIABLE, main
from workbench.cli.completion import SHELLS
from workbench.runs.methods import METHODS


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, store: Store):
    """A function from what was typed to what is offered for its last word."""
    monkeypatch.setenv(COMPLETION_VARIABLE, "bash_complete")

    def ask(*words: str) -> list[str]:
        line = ["--store", str(store.root), *words]
        shell = ShellComplete(main, {}, "workbench", COMPLETION_VARIABLE)
        return [item.value for item in shell.get_completions(line[:-1], line[-1])]

    return ask


@pytest.fixture
def stocked(store: Store, dialogue_file: Path, tiny_seq2seq: Path) -> Store:
    """A store with a model, two datasets and a run."""
    store.models.add(str(tiny_seq2seq), name="tiny")
    store.datasets.add(dialogue_file, name="dialogues")
    store.datasets.add(dialogue_file, name="other-talk")
    for name in ("first", "second"):
        store.runs.create(
            name=name, model="tiny", dataset="dialogues", template="t", method="lora", settings={}, lineage={}
        )
    return store


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["mod"], ["model"]),
        (["model", "sh"], ["show"]),
        (["model", "show", ""], ["tiny"]),
        (["dataset", "head", ""], ["dialogues", "other-talk"]),
        (["dataset", "head", "oth"], ["other-talk"]),
        (["run", "start", "--dataset", "d"], ["dialogues"]),
        (["run", "show", ""], ["r2", "r1"]),
        (["run", "show", "fi"], ["r1"]),
        (["run", "diff", "r1", "r2"], ["r2"]),
        (["run", "show", "*"], []),
        (["run", "sweep-results", ""], []),
        (["adapter", "combine", "--method", ""], []),
        (["run", "start", "--method", ""], list(METHODS)),
        (["run", "start", "--set", "lora_al"], ["lora_alpha="]),
        (["help", "ke"], ["keys"]),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("stocked")
def test_a_tab_offers_what_fits_there(offered, words: list[str], found: list[str]) -> None:
    """Names come from the store that the line names."""
    assert offered(*words) == found


def test_a_store_that_is_not_there_offers_nothing_and_is_not_made(offered, tmp_path: Path) -> None:
    """A tab key changes nothing."""
    assert offered("--store", str(tmp_path / "nowhere"), "model", "show", "") == []
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.usefixtures("stocked")
def test_bash_completes_names(store: Store) -> None:
    """The script that a user evaluates, in the shell itself."""
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    script = f"""
        eval "$(workbench completion bash)"
        COMP_WORDS=(workbench --store '{store.root}' model show t); COMP_CWORD=5
        _workbench_completion workbench
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 (the user's own)
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["tiny"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(workbench, shell: str) -> None:
    """Bash's needs bash itself, for its version."""
    answer = workbench("completion", shell, "--json")
    assert answer.code == 0
    assert COMPLETION_VARIABLE in answer.document["script"]
