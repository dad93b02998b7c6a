"""Models, datasets, templates and adapters from the command line: added, listed, shown, removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TEMPLATE = """
name = "summarise"
task = "dialogue summarisation"
[[variants]]
name = "plain"
prompt = "{{ dialogue }}\\nSummary:"
completion = " {{ summary }}"
"""


@pytest.fixture
def template_file(tmp_path: Path) -> Path:
    """A template over the dialogues' columns."""
    path = tmp_path / "summarise.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def test_a_model_goes_in_and_out(workbench, tiny_causal: Path, tiny_seq2seq: Path) -> None:
    """Added, listed, shown, removed; and gone."""
    added = workbench("model", "add", tiny_causal, "--name", "llama", "--json").document
    assert (added["name"], added["family"], added["architecture"]) == ("llama", "causal", "LlamaForCausalLM")
    assert workbench("model", "add", tiny_seq2seq, "--name", "t5").out.startswith("added model t5")
    assert {"llama", "t5"} == {model["name"] for model in workbench("model", "list", "--json").document}
    assert "T5ForConditionalGeneration" in workbench("model", "list").out
    assert workbench("model", "show", "llama", "--json").document == added
    assert str(added["parameters"]) in workbench("model", "show", "llama").out.replace(",", "")
    assert workbench("model", "remove", "llama", "--json").document == {"removed": "llama"}
    assert workbench("model", "show", "llama").code == 1
    assert not Path(added["path"]).exists()


def test_a_dataset_grows_by_splits_and_shows_its_rows(
    workbench, dialogue_file: Path, dialogue_rows: list[dict[str, str]]
) -> None:
    """A new split extends; rows come back as they were."""
    assert workbench("dataset", "add", dialogue_file, "--name", "d", "--json").document["splits"] == {
        "train": 24
    }
    document = workbench("dataset", "add", dialogue_file, "--name", "d", "--split", "test", "--json").document
    assert document["splits"] == {"train": 24, "test": 24}
    assert document["rows"] == 48
    assert document["columns"] == ["dialogue", "summary"]
    assert workbench("dataset", "head", "d", "-n", "2", "--json").document == dialogue_rows[:2]
    assert len(workbench("dataset", "head", "d", "--split", "test", "--json").document) == 5
    assert dialogue_rows[0]["summary"] in workbench("dataset", "head", "d").out
    assert workbench("dataset", "show", "d", "--json").document["bad"] == []
    assert "train 24, test 24" in workbench("dataset", "list").out
    assert workbench("dataset", "remove", "d").code == 0
    assert workbench("dataset", "list", "--json").document == []


def test_bad_lines_can_be_left_out_and_are_listed(workbench, tmp_path: Path) -> None:
    """What was skipped is said, counted, and shown with line and reason."""
    path = tmp_path / "broken.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 2}\n', encoding="utf-8")
    answer = workbench("dataset", "add", path, "--on-bad", "skip")
    assert answer.code == 0
    assert "left out 1 bad lines" in answer.err
    (bad,) = workbench("dataset", "show", "broken", "--json").document["bad"]
    assert (bad["file"], bad["line"]) == ("broken.jsonl", 2)
    assert "broken.jsonl:2" in workbench("dataset", "show", "broken").out


def test_a_template_is_shown_as_its_file_and_renders_rows(
    workbench, template_file: Path, dialogue_file: Path, dialogue_rows: list[dict[str, str]]
) -> None:
    """One row is a document, several are a list; both hold what the model would be given."""
    assert workbench("template", "add", template_file, "--json").document["variants"][0]["name"] == "plain"
    workbench("dataset", "add", dialogue_file, "--name", "d")
    assert workbench("template", "show", "summarise").out.strip() == TEMPLATE.strip()
    assert workbench("template", "list", "--json").document[0]["task"] == "dialogue summarisation"
    one = workbench("template", "render", "summarise", "--dataset", "d", "--row", "3", "--json").document
    row = dialogue_rows[3]
    assert one["prompt"] == f"{row['dialogue']}\nSummary:"
    assert one["completion"] == f" {row['summary']}"
    assert (one["variant"], one["row"]) == ("plain", 3)
    many = workbench(
        "template", "render", "summarise", "--dataset", "d", "--row", "3", "-n", "2", "--json"
    ).document
    assert many[0] == one
    assert [each["row"] for each in many] == [3, 4]
    assert row["summary"] in workbench("template", "render", "summarise", "--dataset", "d", "--row", "3").out


@pytest.mark.parametrize("family", ["tiny_causal", "tiny_seq2seq"])
def test_rendering_with_a_model_shows_what_is_trained(
    workbench, template_file: Path, dialogue_file: Path, family: str, request: pytest.FixtureRequest
) -> None:
    """The completion and its end are trained, nothing of the prompt is."""
    workbench("template", "add", template_file)
    workbench("dataset", "add", dialogue_file, "--name", "d")
    workbench("model", "add", request.getfixturevalue(family), "--name", "m")
    words = ("template", "render", "summarise", "--dataset", "d", "--model", "m")
    document = workbench(*words, "--json").document
    roles = {(token["role"], token["trained"]) for token in document["tokens"]}
    assert roles >= {("prompt", False), ("completion", True), ("special", True)}
    assert ("prompt", True) not in roles
    assert document["tokens"][-1] == {"id": 2, "text": "</s>", "role": "special", "trained": True}
    assert document["completion"] == "".join(
        token["text"] for token in document["tokens"] if token["role"] == "completion"
    )
    assert (document["truncated"], document["problems"]) == (False, [])
    trained = sum(token["trained"] for token in document["tokens"])
    assert f"of which {trained} are trained" in workbench(*words).out


def test_a_template_that_cannot_work_does_not_enter(workbench, tmp_path: Path) -> None:
    """Its syntax is looked at before: line and column are told, and nothing is kept."""
    file = tmp_path / "broken.toml"
    file.write_text(
        'name = "t"\ntask = "t"\n[[variants]]\nname = "v"\nprompt = """a\n{{ b }"""\ncompletion = "{{ c }}"\n'
    )
    refused = workbench("template", "add", file)
    assert refused.code == 1
    assert "variant 'v', prompt, line 2, column 6: unexpected '}'" in refused.err
    assert workbench("template", "list", "--json").document == []


def test_a_whole_split_is_looked_through(
    workbench, template_file: Path, dialogue_file: Path, tiny_causal: Path
) -> None:
    """Lengths, cuts and problems with their remedies; what is fatal is said to be."""
    workbench("template", "add", template_file)
    workbench("dataset", "add", dialogue_file, "--name", "d")
    workbench("model", "add", tiny_causal, "--name", "m")
    words = ("template", "check", "summarise", "--dataset", "d", "--model", "m")
    figures = workbench(*words, "--json").document
    assert (figures["done"], figures["rows"], figures["finished"], figures["problems"]) == (24, 24, True, {})
    assert figures["trained_tokens"] < figures["tokens"]
    assert workbench(*words).out.count("none") == 1  # in so many words: there are no problems
    cut = workbench(*words, "--max-length", "40")
    assert "prompt-cut" in cut.out and "set max_length to" in cut.out
    assert workbench(*words, "--split", "tset").err.startswith("error: d has no split 'tset'; it has train")


def test_an_adapter_from_outside_goes_in_and_out(workbench, tiny_causal: Path, peft_folder: Path) -> None:
    """A PEFT folder is registered with its base, and shown as the contract says."""
    workbench("model", "add", tiny_causal, "--name", "m")
    added = workbench("adapter", "add", peft_folder, "--name", "a", "--model", "m", "--json").document
    assert {"name", "path", "model", "method", "run"} <= added.keys()
    assert (added["name"], added["model"], added["method"], added["run"]) == ("a", "m", "lora", None)
    assert workbench("adapter", "show", "a", "--json").document == added
    assert "lora" in workbench("adapter", "list").out
    assert workbench("adapter", "remove", "a").code == 0
    assert workbench("adapter", "list").out.startswith("no adapters yet")


def test_outside_text_cannot_steer_the_terminal(workbench, tmp_path: Path) -> None:
    """Rows, names of columns and templates are cleaned for people and escaped for programs."""
    hostile = "\x1b]52;c;aGk=\x07\x9b31m\u202e"
    path = tmp_path / "hostile.jsonl"
    path.write_text(json.dumps({f"col{hostile}": hostile}) + "\n", encoding="utf-8")
    workbench("dataset", "add", path, "--name", "h")
    for words in (("head", "h"), ("show", "h"), ("list",)):
        out = workbench("dataset", *words).out
        assert all(line.isprintable() for line in out.splitlines()), out
        assert workbench("dataset", *words, "--json").out.isascii()
    (row,) = workbench("dataset", "head", "h", "--json").document
    assert row == {f"col{hostile}": hostile}
