"""What the benchmarks of the screens stand on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def terminals() -> ModuleType:
    """The pty of the screens' tests, which are no package."""
    path = Path(__file__).parents[1] / "tui" / "conftest.py"
    spec = importlib.util.spec_from_file_location("terminal_for_benchmarks", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
