"""The options before the command that say how to draw, for whoever sits at this terminal just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import click

from workbench.settings import UiSection

_HELP = {each.name: each.metadata for each in fields(UiSection)}


def _choice(name: str) -> Callable[..., Any]:
    rule = _HELP[name]
    return click.option(f"--{name}", type=click.Choice(rule["choices"]), help=rule["help"])


# Those that were not typed are None: what is typed comes before the settings, a default does not.
_OPTIONS = (
    click.option("--ascii", is_flag=True, default=None, help=_HELP["ascii"]["help"]),
    _choice("color"),
    _choice("theme"),
    _choice("profile"),
    click.option("--no-sync", "sync", flag_value="never", help="Never draw by synchronized output."),
    click.option("--mouse/--no-mouse", default=None, help=_HELP["mouse"]["help"]),
)


def drawing_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of this module; `chosen` reads them."""
    for add in reversed(_OPTIONS):
        function = add(function)
    return function


def words(ui: UiSection) -> list[str]:
    """Write the choices as options, for a process that is to draw in the same way."""
    mouse = "--mouse" if ui.mouse else "--no-mouse"
    flags = [*(["--ascii"] if ui.ascii else []), *(["--no-sync"] if ui.sync == "never" else [])]
    return ["--color", ui.color, "--theme", ui.theme, "--profile", ui.profile, mouse, *flags]


def chosen(ui: UiSection, typed: dict[str, Any]) -> UiSection:
    """Put what was typed before what the settings say."""
    return replace(ui, **{name: value for name, value in typed.items() if value is not None})
