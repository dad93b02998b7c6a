"""Keeps what the screens show: looks at them twice a second, and writes what has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tui import state as states
from workbench.tui.state import Saved, State
from workbench.tui.theme import THEME_NAMES

if TYPE_CHECKING:
    from workbench.tui.screen import WorkbenchScreen

LOOK_SECONDS = 0.4
"""With the time that writing takes, a killed process or a closed terminal loses less than a second."""


class Memory:
    """What an earlier session showed, and what this one shows.

    Args:
        root: The store's folder.
        theme: The theme that the settings name.
        fresh: Begin without what an earlier session showed, but in its theme.
    """

    def __init__(self, root: Path, theme: str, *, fresh: bool = False) -> None:
        self._root = root
        self._theme_of_settings = theme
        self._state, self.told = states.load(root)
        """The second: what to tell of a damaged file; empty where it is sound."""
        if fresh:  # a theme is a choice, not a place to come back to
            self._state = State(theme=self._state.theme, instead_of=self._state.instead_of)

    @property
    def mode(self) -> str:
        """The screen that was in sight."""
        return self._state.mode

    @property
    def theme(self) -> str:
        """The theme that was chosen on the screens, unless the settings have named another since."""
        kept = self._state
        known = kept.theme in THEME_NAMES and kept.instead_of == self._theme_of_settings
        return kept.theme if known else self._theme_of_settings

    def choose_theme(self, name: str) -> None:
        """Keep a theme that was chosen."""
        self._state = replace(self._state, theme=name, instead_of=self._theme_of_settings)

    def of(self, scope: str) -> Saved:
        """What a screen kept."""
        return self._state.screens.get(scope, {})

    def see(self, mode: str, screens: Iterable[WorkbenchScreen]) -> None:
        """Take what the screens show now."""
        shown = {screen.scope: screen.remember() for screen in screens}
        self._state = replace(self._state, mode=mode, screens={**self._state.screens, **shown})

    @property
    def state(self) -> State:
        """All of it."""
        return self._state

    def write(self, state: State) -> None:
        """Write it; on a lane's thread, or last of all."""
        # Where the disk is full or read-only, the screens go on, and the next session begins as before.
        with contextlib.suppress(OSError):
            states.save(self._root, state)
