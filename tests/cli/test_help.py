"""The handbook: complete, since it is made of the product's own tables, and readable in every form."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from workbench.cli import COMMANDS, main
from workbench.cli.pages import TOPICS
from workbench.composing import library
from workbench.runs import training
from workbench.runs.methods import METHODS
from workbench.settings import sections
from workbench.tui import actions


def cells(document: dict, column: int) -> set[str]:
    """One column of all tables of a page."""
    rows = [row for block in document["blocks"] if block["kind"] == "table" for row in block["rows"]]
    return {row[column] for row in rows}


def headings(document: dict) -> list[str]:
    """The headings of a page."""
    return [block["text"] for block in document["blocks"] if block["kind"] == "heading"]


def test_without_a_topic_it_lists_them(workbench) -> None:
    """The table of contents."""
    answer = workbench("help")
    assert answer.code == 0
    assert all(topic in answer.out for topic in TOPICS)


@pytest.mark.parametrize("topic", [*TOPICS, *COMMANDS])
def test_every_topic_and_command_has_a_page(workbench, topic: str) -> None:
    """As text within its width, and as JSON."""
    answer = workbench("help", topic)
    assert answer.code == 0, answer.err
    assert workbench("help", topic, "--json").document["blocks"]


def test_an_unknown_topic_names_the_nearest(workbench) -> None:
    """A typing mistake is answered."""
    answer = workbench("help", "setings")
    assert answer.code == 1
    assert "did you mean 'settings'?" in answer.error


def test_the_keys_are_all_actions(workbench) -> None:
    """None is missing, each with its help."""
    document = workbench("help", "keys", "--json").document
    assert cells(document, 1) == {action.name for action in actions.ACTIONS}
    assert cells(document, 2) == {action.help for action in actions.ACTIONS}


def test_the_keys_are_those_that_the_settings_chose(workbench) -> None:
    """A mistake among them is told."""
    settings = Path(".workbench.toml")
    settings.write_text('[keys]\nruns.cancel = "X"\n', encoding="utf-8")
    document = workbench("help", "keys", "--json").document
    rows = [row for block in document["blocks"] if block["kind"] == "table" for row in block["rows"]]
    assert [row[0] for row in rows if row[1] == "cancel"] == ["X"]
    settings.write_text('[keys]\nruns.cancel = "p"\n', encoding="utf-8")
    assert "runs.cancel and runs.pause are both on 'p'" in workbench("help", "keys").error
    assert "runs.cancel and runs.pause are both on 'p'" in workbench("doctor").out


def test_the_settings_are_all_settings_with_what_they_may_be(workbench) -> None:
    """Of a run."""
    document = workbench("help", "settings", "--json").document
    infos = training.fields()
    assert cells(document, 0) == {info.name for info in infos}
    meanings = "\n".join(cells(document, 2))
    assert all(info.help in meanings and info.allowed()[1:] in meanings for info in infos)
    assert "in tokens" in meanings


def test_the_methods_the_library_and_the_settings_file_are_complete(workbench) -> None:
    """Each from its own table."""
    assert cells(workbench("help", "methods", "--json").document, 0) == set(METHODS)
    assert set(library.names()) <= cells(workbench("help", "templates", "--json").document, 0)
    config = workbench("help", "config", "--json").document
    assert [f"[{name}]" for name in [*sections(), "keys"]] == headings(config)
    keys = {key.name for section in sections().values() for key in dataclasses.fields(section)}
    assert keys <= cells(config, 0)


def test_the_commands_are_all_commands_with_all_options(workbench) -> None:
    """Down to the last verb."""
    document = workbench("help", "commands", "--json").document
    text = "\n".join(headings(document))
    options = "\n".join(cells(document, 0))
    root = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(root, name)
        verbs = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for verb, each in verbs:
            assert f"workbench {name} {verb}".strip() in text
            named = [each for each in each.params if isinstance(each, click.Option)]
            assert all(option.opts[-1] in options for option in named)


def test_the_text_keeps_within_the_terminal(workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for lines that are to be typed, and words that are longer."""
    monkeypatch.setenv("COLUMNS", "60")
    for topic in ("methods", "config", "keys", "terminal"):
        lines = workbench("help", topic).out.splitlines()
        assert all(len(line) <= 60 for line in lines if not line.startswith("    "))


@pytest.mark.parametrize("columns", ["1", "10", "500"])
def test_any_width_will_do(workbench, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """However narrow."""
    monkeypatch.setenv("COLUMNS", columns)
    assert "run" in workbench("help", "run").out


@pytest.mark.parametrize("topic", TOPICS)
def test_in_ascii_a_page_is_ascii(workbench, topic: str) -> None:
    """The names of keys too."""
    assert workbench("--ascii", "help", topic).out.isascii()


def test_the_folder_has_a_page_for_each_topic(workbench, tmp_path: Path) -> None:
    """Markdown, from an index on."""
    answer = workbench("help", "--write", tmp_path / "docs", "--json")
    written = {Path(each).name for each in answer.document["written"]}
    assert written == {"README.md", *(f"{topic}.md" for topic in TOPICS)}
    index = (tmp_path / "docs" / "README.md").read_text()
    assert all(f"({topic}.md)" in index for topic in TOPICS)
    rows = [line for line in (tmp_path / "docs" / "commands.md").read_text().splitlines() if line[:1] == "|"]
    assert all(line.replace("\\|", "").count("|") == line.count("|") - line.count("\\|") for line in rows)
    assert "| `workbench completion fish \\| source` |" in (tmp_path / "docs" / "commands.md").read_text()


def test_the_manual_page_is_one_that_man_can_read(workbench, tmp_path: Path) -> None:
    """Troff has nothing to warn of, and every command and setting is in it."""
    page = tmp_path / "workbench.1"
    page.write_text(workbench("help", "--man").out)
    assert page.read_text().isascii()
    if shutil.which("groff") is None:
        pytest.skip("no groff to read it with")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-c", "-ww", page],  # noqa: S607 (the user's own)
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    read = re.sub(".\b", "", done.stdout).replace("\N{MINUS SIGN}", "-")
    for word in ("workbench run start", "gradient_accumulation_steps", "prefix-tuning", "WORKBENCH_STORE"):
        assert word in read


def test_only_the_tour_has_pictures(workbench, tmp_path: Path) -> None:
    """The rest is words."""
    answer = workbench("help", "keys", "--pictures", tmp_path)
    assert answer.code == 1
    assert "help tour --pictures" in answer.error
