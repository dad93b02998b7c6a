"""The command line's door: the group of commands, and every error as one line and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import click
from click.exceptions import NoArgsIsHelpError

from store.errors import StoreError, near
from workbench.cli.drawing import chosen, drawing_options
from workbench.cli.output import ASCII, COLOURLESS, note, print_error
from workbench.cli.screens import open_screens, serve_screens
from workbench.cli.session import Session
from workbench.settings import UiSection, load_settings

# One module per command, imported when it is called: `--help` stays as light as its own text.
COMMANDS = {
    "demo": "Train, compare and score on the starter model: the whole job in two minutes.",
    "model": "Base models: add, list, show, engine, remove.",
    "dataset": "Datasets: add, list, show, look at rows, divide, remove.",
    "template": "Templates: suggest, add, list, show, render rows, check a dataset, remove.",
    "mixture": "Mixtures of tasks: add, list, show each task's share, remove.",
    "inbox": "Register what was dropped into the store's inbox folder.",
    "run": "Training runs: plan, start, list, show, watch, cancel, remove.",
    "adapter": "Adapters: add, list, show, remove, merge, export, combine, compare, push.",
    "generate": "Answer a prompt with the base and its adapters.",
    "compare": "Votes for the better answer: count them, export them as preference data.",
    "serve": "Keep a base model loaded and answer OpenAI's HTTP API.",
    "evaluate": "Answer a dataset with the base and its adapters, and score the answers.",
    "inspect": "Look into an evaluation: rows by any score, one row token by token.",
    "score": "Score predictions of a file against their references: ROUGE and BLEU.",
    "trash": "What was removed: list it, take it back, or delete it for good.",
    "help": "Read the handbook: tour, keys, commands, settings, and more.",
    "completion": "Let the tab key complete commands and names: bash, zsh, fish.",
    "doctor": "Say what this machine has, what is missing, and the remedy.",
}
COMPLETION_VARIABLE = "_WORKBENCH_COMPLETE"  # as click names it; a shell sets it at each tab
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Workbench(click.Group):
    """The group of all commands; its `main` is the one place where errors become lines and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Name the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """Import a command's module and take its `command`."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"workbench.cli.{cmd_name}").command
        found.help = found.help or COMMANDS[cmd_name]
        if COMPLETION_VARIABLE in os.environ:
            # Loads what a tab key needs and no command does.
            from workbench.cli.naming import attach

            attach(found, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        """List the commands without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer an unknown command with the nearest known one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            nearest = near(name, COMMANDS)
            meant = f"did you mean {nearest!r}?" if nearest else "known are " + ", ".join(COMMANDS)
            raise click.UsageError(f"no command {name!r}, {meant}", ctx)
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 (ends and errors are always ours)
        **extra: Any,
    ) -> NoReturn:
        """Run one command line and end the process with its exit code."""
        os.umask(0o077)  # whatever a command writes is its user's alone
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a narrow locale is no error
        words = list(sys.argv[1:] if args is None else args)
        before = list(takewhile(lambda word: word != "--", words))
        try:
            code = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except Exception as error:  # noqa: BLE001 - the door: nothing leaves as a traceback
            if "--debug" in before:
                traceback.print_exc()
            code = _tell(error, as_json="--json" in before)
        except KeyboardInterrupt:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


@click.group(
    cls=Workbench,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--store", "store_option", metavar="DIR", help="The store to work in, instead of the usual one."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Print the traceback of an error.")
@drawing_options
@click.option("--fresh", is_flag=True, help="Open the screens without what they showed when they were left.")
@click.option("--web", is_flag=True, help="Show the screens in a browser, on this machine alone.")
@click.option("--port", type=click.IntRange(1, 65535), default=8012, help="For --web.", show_default=True)
@click.version_option(package_name="finetuning-workbench", message="%(version)s")
@click.pass_context
def main(
    context: click.Context, /, store_option: str | None, fresh: bool, web: bool, port: int, **drawing: Any
) -> None:
    """Fine-tune language models on the machine where the GPU is. Without a command: open the screens."""
    ui = chosen(_ui_settings(), drawing)
    context.meta.update({ASCII: ui.ascii, COLOURLESS: ui.color == "never"})
    session = context.obj = Session(store_option, ui)
    if context.invoked_subcommand is None:
        if web:
            serve_screens(session.root(), ui, port)
        else:
            open_screens(session.root(), ui, fresh=fresh)
    elif web or fresh:
        raise click.UsageError(f"{'--web' if web else '--fresh'} shows the screens, and takes no command")


def _ui_settings() -> UiSection:
    try:
        return load_settings(Path.cwd()).ui
    except StoreError:
        return UiSection()  # a broken file is told by the command that needs the store, and by `doctor`


def _tell(error: Exception, *, as_json: bool) -> int:
    """Print an error as one line; return its exit code."""
    if isinstance(error, NoArgsIsHelpError):
        note(error.format_message())
        return error.exit_code
    if isinstance(error, click.Abort):
        return INTERRUPTED
    print_error(*_halves(error), as_json=as_json)
    return error.exit_code if isinstance(error, click.ClickException) else 1


def _halves(error: Exception) -> tuple[str, str]:
    """Say an error in the two halves of its line: what is wrong, and what to do."""
    match error:
        case StoreError():
            return error.what, error.remedy
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "workbench"
            return error.format_message().strip().rstrip("."), f"see `{path} --help`"
        case click.ClickException():
            return error.format_message(), "check that argument"
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            return f"{error.strerror or error}{where}", "check the path, its permissions and the free space"
        case MemoryError():
            return "memory is exhausted", "give it less at once, or close other programs"
    defect = "this is a defect; `workbench --debug …` shows where it happened"
    return f"unexpected {type(error).__name__}: {error}", defect
