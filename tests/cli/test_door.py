"""The door: every error is one line with its remedy and an exit code, in words and in JSON."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from workbench.cli import COMMANDS, INTERRUPTED, Workbench, main


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that can be called, with its words."""
    context = click.Context(main)
    for name in COMMANDS:
        found = main.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from ((f"{name} {verb}", command) for verb, command in found.commands.items())
        else:
            yield name, found


@pytest.mark.parametrize("command", [pytest.param(command, id=words) for words, command in commands()])
def test_every_command_is_explained_and_takes_json(command: click.Command) -> None:
    """No command without a sentence, no option without a help text, none without `--json`."""
    assert command.help
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert "--json" in [name for each in options for name in each.opts]
    assert not [
        each.name for each in options if not each.help and each.name not in ("max_new_tokens", "seed")
    ]


def test_help_lists_every_command(workbench) -> None:
    """`workbench --help` is the table of contents."""
    answer = workbench("--help")
    assert answer.code == 0
    for name, summary in COMMANDS.items():
        assert f"  {name} " in answer.out
        assert summary.split(":")[0][:40] in answer.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["modl"], "did you mean 'model'?"),
        (["model", "lst"], "lst"),
        (["model", "list", "--jsn"], "--jsn"),
        (["run", "start", "--seed"], "--seed"),
        (["generate"], "--model"),
        (["generate", "--model", "m"], "--prompt"),
        (["dataset", "head", "d", "-n", "0"], "0"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(workbench, words: list[str], told: str) -> None:
    """It names the mistake and where the usage stands."""
    answer = workbench(*words)
    assert answer.code == 2
    assert answer.error.startswith("error: ")
    assert told in answer.error
    assert "--help" in answer.error


def test_wrong_usage_is_told_in_json_too(workbench) -> None:
    """A script that asked for JSON gets JSON."""
    answer = workbench("model", "show", "--json")
    assert answer.code == 2
    assert answer.document.keys() == {"error", "hint"}
    assert answer.error.startswith("error: ")


def test_a_noun_alone_shows_its_verbs(workbench) -> None:
    """`workbench model` is a question, not a mistake of spelling."""
    answer = workbench("model")
    assert answer.code == 2
    assert "remove" in answer.err


def test_an_error_is_one_line_and_a_document(workbench) -> None:
    """What is wrong, and what to do."""
    answer = workbench("model", "show", "nothing", "--json")
    assert answer.code == 1
    assert answer.document == {
        "error": "no model named 'nothing'",
        "hint": "the store has none yet, add one with `workbench model add`",
    }
    assert answer.error == f"error: {answer.document['error']}; {answer.document['hint']}"


def test_an_error_cannot_steer_the_terminal(workbench) -> None:
    """A name is quoted without its control codes."""
    answer = workbench("model", "show", "\x1b]52;c;aGk=\x07\n\u202e")
    assert answer.code == 1
    assert answer.error.isprintable()


class Broken(Workbench):
    """The door with one command behind it that does what it is told."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("workbench", params=[click.Option(["--debug"], is_flag=True, expose_value=False)])
        self.error = error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG002 (click's signature)
        def fail() -> None:
            raise self.error

        return click.Command(
            cmd_name, callback=fail, params=[click.Option(["--json"], is_flag=True, expose_value=False)]
        )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("by\nzero"), "unexpected ZeroDivisionError"),
        (PermissionError(13, "Permission denied", "/x"), "Permission denied (/x)"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "memory is exhausted"),
    ],
)
def test_the_unexpected_is_one_line_too(error: Exception, told: str) -> None:
    """No traceback unless it was asked for."""
    result = CliRunner().invoke(Broken(error), ["doctor", "--json"])
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output
    assert CliRunner().invoke(Broken(error), ["--debug", "doctor"]).stderr.startswith("Traceback")


def test_an_interrupt_ends_with_130() -> None:
    """As shells expect it."""
    assert CliRunner().invoke(Broken(KeyboardInterrupt()), ["doctor"]).exit_code == INTERRUPTED


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """`workbench … | head -1` ends in silence."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    os.close(write)
    assert done.stderr == ""


def test_a_broken_settings_file_is_told_but_help_still_works(workbench) -> None:
    """Whoever needs the store is told; whoever asks for help gets it."""
    Path(".workbench.toml").write_text("[ui]\nasci = true\n", encoding="utf-8")
    assert workbench("model", "--help").code == 0
    answer = CliRunner().invoke(main, ["model", "list"])
    assert answer.exit_code == 1
    assert "did you mean 'ascii'?" in answer.stderr


def test_without_a_terminal_the_screens_say_so(workbench) -> None:
    """`workbench` in a script is an error with its remedy, not a hang."""
    answer = workbench()
    assert answer.code == 1
    assert "terminal" in answer.error
