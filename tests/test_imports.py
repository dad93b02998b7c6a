"""Who imports what: the light processes stay light, and the rooms keep their walls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli import COMMANDS

HEAVY = ("torch", "transformers", "peft", "datasets", "pandas", "numpy", "bitsandbytes", "accelerate")
REPOSITORY = Path(__file__).parents[1]
REPORT = f"import sys; print('HEAVY', *[name for name in {HEAVY!r} if sys.modules.get(name)])"


def heavy_after(code: str) -> list[str]:
    """Run code in a fresh interpreter and name the heavy packages it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("module", ["store", "workbench.cli", "workbench.tui.app", "workbench.runs.queue"])
def test_a_light_process_loads_nothing_heavy(module: str) -> None:
    """What opens at once must not wait for torch."""
    assert heavy_after(f"import {module}") == []


def test_no_command_loads_anything_heavy() -> None:
    """Every command's module, all in one process."""
    assert heavy_after("\n".join(f"import workbench.cli.{noun}" for noun in COMMANDS)) == []


def test_help_loads_nothing_heavy_and_no_command() -> None:
    """`python -m workbench --help` costs its own text."""
    run_help = (
        "import runpy, sys\n"
        "sys.argv = ['workbench', '--help']\n"
        "try:\n    runpy.run_module('workbench', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'workbench.cli.run' not in sys.modules\n"
    )
    assert heavy_after(run_help) == []


def test_a_tab_key_loads_nothing_heavy_and_no_screens(tmp_path: Path) -> None:
    """It is pressed often, and must answer at once."""
    ask = (
        "import os, runpy, sys\n"
        f"line = 'workbench --store {tmp_path} model show '\n"
        "os.environ.update(_WORKBENCH_COMPLETE='bash_complete', COMP_WORDS=line, COMP_CWORD='5')\n"
        "sys.argv = ['workbench']\n"
        "try:\n    runpy.run_module('workbench', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'textual' not in sys.modules and 'workbench.cli.run' not in sys.modules\n"
    )
    assert heavy_after(ask) == []


def test_the_rooms_keep_their_walls() -> None:
    """import-linter's contracts of pyproject.toml hold."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
