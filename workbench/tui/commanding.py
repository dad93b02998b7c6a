"""Doing what was typed on the `:` line: an action where the cursor is, or on the row that was named."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from workbench.tui import keyboard, overlays, places
from workbench.tui.command_line import NAMES_LANE, Command, CommandLine
from workbench.tui.keyboard import Place

if TYPE_CHECKING:
    from workbench.tui.actions import Action
    from workbench.tui.screen import Workbench, WorkbenchScreen

ARRIVAL_SECONDS = 3.0
"""So long an action waits for the row that it was asked for."""
LOOK_SECONDS = 0.03


def ask(app: App[Any]) -> None:
    """Open the `:` line, and do what is typed there."""
    app.push_screen(CommandLine(overlays.commands(app.screen), app.screen), partial(_perform, app))


async def _perform(app: App[Any], command: Command | None) -> None:
    if command is None:
        return
    workbench, action, line = cast("Workbench", app), command.action, command.line
    workbench.ask(keyboard.LANE, lambda store: keyboard.keep_command(store.root, line))
    if command.name:
        key_of = partial(places.key_of, action.takes, command.name)
        workbench.ask(NAMES_LANE, key_of, partial(_perform_on, app, action))
    else:
        await workbench.action_perform(action.scope, action.name)


def _perform_on(app: App[Any], action: Action, key: str) -> None:
    """Do an action on a row of the list, or go there with one that shows a screen."""
    if action.scope == "app":
        cast("Workbench", app).go_to(Place(action.name, key))
    elif action.scope == getattr(app.screen, "scope", ""):
        screen = cast("WorkbenchScreen", app.screen)
        screen.go_to(key)
        app.call_after_refresh(_perform_at, screen, action, key, time.monotonic() + ARRIVAL_SECONDS)


async def _perform_at(screen: WorkbenchScreen, action: Action, key: str, until: float) -> None:
    """Do an action once the cursor is on its row: never on another one."""
    app, workbench = screen.app, screen.workbench
    if app.screen is not screen:
        return
    if screen.is_at(key):
        await workbench.action_perform(action.scope, action.name)
    elif time.monotonic() < until:
        app.set_timer(LOOK_SECONDS, partial(_perform_at, screen, action, key, until))
    else:
        workbench.say(f"{action.label}: {key} is not in the list", "warning")
