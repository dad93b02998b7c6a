"""The calm settings are there before Textual reads them, and what the user has set stays."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

READ = """
import sys
from workbench.tui.start import prepare_environment
assert "textual" not in sys.modules
prepare_environment()
from textual import constants
print(constants.MAX_FPS, constants.TEXTUAL_ANIMATIONS, constants.SMOOTH_SCROLL, constants.ESCAPE_DELAY)
"""
HEAVY = """
import sys
import workbench.tui.app, workbench.tui.overlays, workbench.tui.screens.runs
print(*sorted({"torch", "transformers", "peft", "datasets", "pandas", "numpy"} & set(sys.modules)))
"""


UNSET = ("TEXTUAL", "SSH_", "ESCDELAY", "TMUX", "STY")


def output(program: str, **environment: str) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(UNSET)}
    return subprocess.run(
        [sys.executable, "-c", program], env=plain | environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, "30 none False 0.025"),
        ({"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}, "12 none False 0.1"),
        ({"TEXTUAL_FPS": "24", "ESCDELAY": "70"}, "24 none False 0.07"),
    ],
)
def test_frames_are_few_fewer_and_an_escape_is_waited_with_over_a_line(
    environment: dict[str, str], settings: str
) -> None:
    assert output(READ, **environment) == settings


def test_the_screens_start_without_a_heavy_library() -> None:
    assert output(HEAVY) == ""
