"""Every mistake of a newcomer: one line with the value and the remedy, exit 1, and the same in JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from store import open_store

Make = Callable[[], tuple[str, ...]]


def make_template(folder: Path, text: str) -> Path:
    """Write a template file of one variant with this completion."""
    path = folder / "t.toml"
    variant = f'[[variants]]\nname = "v"\nprompt = "{{{{ dialogue }}}}"\ncompletion = "{text}"\n'
    path.write_text(f'name = "t"\ntask = "x"\n{variant}', encoding="utf-8")
    return path


@pytest.fixture
def stocked(root: Path, tiny_causal: Path, tiny_seq2seq: Path, dialogue_file: Path) -> None:
    """A store with two models, a dataset, and no templates."""
    with open_store(root) as store:
        store.models.add(str(tiny_causal), name="llama")
        store.models.add(str(tiny_seq2seq), name="t5")
        store.datasets.add(dialogue_file, name="d")


@pytest.fixture
def pickled(tmp_path: Path, tiny_causal: Path) -> Path:
    """A checkpoint whose weights are a pickle."""
    folder = shutil.copytree(tiny_causal, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


@pytest.fixture
def truncated(tmp_path: Path, tiny_causal: Path) -> Path:
    """A checkpoint whose weights were not copied to the end."""
    folder = shutil.copytree(tiny_causal, tmp_path / "truncated")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return folder


@pytest.fixture
def broken_rows(tmp_path: Path) -> Path:
    """A dataset with two lines that are no JSON."""
    path = tmp_path / "broken.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 2}\nnot json\n', encoding="utf-8")
    return path


@pytest.fixture
def mistake(request: pytest.FixtureRequest, tmp_path: Path, workbench) -> tuple[list[str], list[str]]:
    """The words of one mistake, and what its line must tell."""
    fixture = request.getfixturevalue
    match request.param:
        case "wrong model path":
            return ["model", "add", str(tmp_path / "nowhere")], ["nowhere", "no folder"]
        case "pickle checkpoint":
            return ["model", "add", str(fixture("pickled"))], ["pytorch_model.bin", "safetensors"]
        case "truncated safetensors":
            return ["model", "add", str(fixture("truncated"))], ["model.safetensors"]
        case "wrong dataset path":
            return ["dataset", "add", str(tmp_path / "nowhere.jsonl")], ["nowhere.jsonl"]
        case "broken lines":
            return ["dataset", "add", str(fixture("broken_rows"))], ["broken.jsonl", "line 2"]
        case "no such template":
            fixture("stocked")
            return ["template", "render", "sumarise", "--dataset", "d"], ["sumarise"]
        case "no such row":
            fixture("stocked")
            workbench("template", "add", make_template(tmp_path, "{{ summary }}"))
            return ["template", "render", "t", "--dataset", "d", "--row", "99"], ["99", "23"]
        case "missing column":
            fixture("stocked")
            workbench("template", "add", make_template(tmp_path, "{{ sumary }}"))
            return ["template", "render", "t", "--dataset", "d"], ["sumary", "did you mean 'summary'?"]
        case "missing column in a run":
            fixture("stocked")
            workbench("template", "add", make_template(tmp_path, "{{ sumary }}"))
            words = ["run", "start", "--model", "llama", "--dataset", "d", "--template", "t"]
            return words, ["sumary", "did you mean 'summary'?"]
        case "template syntax":
            fixture("stocked")
            file = make_template(tmp_path, "{{ summary ")
            return ["template", "add", str(file)], ["variant 'v'", "completion", "line 1, column 11"]
        case "unknown setting":
            words = [
                "run",
                "start",
                "--model",
                "m",
                "--dataset",
                "d",
                "--template",
                "t",
                "--set",
                "learning_rat=1",
            ]
            return words, ["learning_rat", "did you mean 'learning_rate'?"]
        case "unknown method":
            words = ["run", "start", "--model", "m", "--dataset", "d", "--template", "t", "--method", "lara"]
            return words, ["lara", "lora"]
        case "no such model in a run":
            fixture("stocked")
            workbench("template", "add", make_template(tmp_path, "{{ summary }}"))
            words = ["run", "start", "--model", "lama", "--dataset", "d", "--template", "t"]
            return words, ["lama", "did you mean 'llama'?"]
        case "run names nothing":
            return ["run", "plan"], ["--model", "--dataset", "--template"]
        case "run file that is no TOML":
            (tmp_path / "run.toml").write_text("model = ", encoding="utf-8")
            return ["run", "start", str(tmp_path / "run.toml")], ["run.toml", "TOML"]
        case "no such run":
            return ["run", "show", "r7"], ["r7"]
        case "adapter of another base":
            fixture("stocked")
            return ["adapter", "add", str(fixture("misfit_peft_folder")), "--model", "llama"], ["llama"]
        case "adapter asked of another base":
            fixture("stocked")
            workbench("adapter", "add", fixture("peft_folder"), "--name", "a", "--model", "llama")
            words = ["generate", "--model", "t5", "--adapter", "a", "--prompt", "Hi"]
            return words, ["'a'", "llama", "t5"]
        case "unreadable prompt":
            return ["generate", "--model", "m", "--file", str(tmp_path / "nowhere.txt")], ["nowhere.txt"]
        case "temperature out of range":
            words = ["generate", "--model", "m", "--prompt", "Hi", "--temperature", "-1"]
            return words, ["temperature -1.0"]
        case "nothing to serve":
            return ["serve"], ["no models", "model add"]
        case "score of no file":
            return ["score", str(tmp_path / "nowhere.jsonl")], ["nowhere.jsonl"]
        case "score of broken rows":
            (tmp_path / "p.jsonl").write_text('{"prediction": "a"}\nnope\n', encoding="utf-8")
            return ["score", str(tmp_path / "p.jsonl")], ["line 1", "line 2", "reference"]
        case "score of bytes":
            (tmp_path / "p.jsonl").write_bytes(b'{"prediction": "\xff", "reference": "a"}\n')
            return ["score", str(tmp_path / "p.jsonl")], ["line 1", "UTF-8"]
    raise AssertionError(request.param)


MISTAKES = [
    "wrong model path",
    "pickle checkpoint",
    "truncated safetensors",
    "wrong dataset path",
    "broken lines",
    "no such template",
    "no such row",
    "missing column",
    "missing column in a run",
    "template syntax",
    "unknown setting",
    "unknown method",
    "no such model in a run",
    "run names nothing",
    "run file that is no TOML",
    "no such run",
    "adapter of another base",
    "adapter asked of another base",
    "unreadable prompt",
    "temperature out of range",
    "nothing to serve",
    "score of no file",
    "score of broken rows",
    "score of bytes",
]


@pytest.mark.parametrize("mistake", MISTAKES, indirect=True)
def test_a_mistake_is_one_line_with_its_remedy(workbench, mistake: tuple[list[str], list[str]]) -> None:
    """Exit 1, `error: what; remedy` on stderr, nothing on stdout; with --json the same as a document."""
    words, told = mistake
    answer = workbench(*words)
    assert answer.code == 1
    assert answer.out == ""
    assert answer.error.startswith("error: ")
    for each in told:
        assert each in answer.error
    in_json = workbench(*words, "--json")
    assert in_json.code == 1
    assert in_json.document.keys() == {"error", "hint"}
    assert in_json.document["error"] and in_json.document["hint"]
    assert in_json.error.removeprefix("error: ") == f"{in_json.document['error']}; {in_json.document['hint']}"


def test_a_failed_add_leaves_nothing_behind(
    workbench, root: Path, truncated: Path, broken_rows: Path
) -> None:
    """What was refused is not half there."""
    workbench("model", "add", truncated)
    workbench("dataset", "add", broken_rows)
    assert workbench("model", "list", "--json").document == []
    assert workbench("dataset", "list", "--json").document == []
    assert not [*(root / "models").iterdir(), *(root / "datasets").iterdir()]


def test_a_taken_name_is_refused(workbench, dialogue_file: Path) -> None:
    """And the line says how to go on."""
    workbench("dataset", "add", dialogue_file, "--name", "d")
    answer = workbench("dataset", "add", dialogue_file, "--name", "d")
    assert answer.code == 1
    assert "--name" in answer.error
    assert json.dumps(workbench("dataset", "list", "--json").document).count('"train"') == 1
