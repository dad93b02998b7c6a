"""`workbench completion`: what lets bash, zsh or fish complete commands, options and names by tab."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from workbench.cli import COMPLETION_VARIABLE
from workbench.cli.session import Session, json_option, pass_session

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
@pass_session
def command(session: Session, shell: str) -> None:
    """Print what a shell must read to complete by tab, names of the store too.

    For bash: eval "$(workbench completion bash)" in ~/.bashrc; see: workbench help commands.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "workbench", COMPLETION_VARIABLE).source()
    session.show({"shell": shell, "script": script}, script.rstrip("\n"))
