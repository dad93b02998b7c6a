"""How long until a user sees the first screen, against the import of Textual in the same minute."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from store import Store

ROUNDS = 7
LIMIT = 3.0


def terminal_module() -> ModuleType:
    """The pty of the screens' tests, which are no package."""
    path = Path(__file__).parents[1] / "tui" / "conftest.py"
    spec = importlib.util.spec_from_file_location("terminal_for_benchmarks", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.benchmark
def test_the_first_paint_takes_at_most_three_times_the_import_of_textual(store: Store) -> None:
    terminals = terminal_module()
    imports, paints = [], []
    for _ in range(ROUNDS):
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
        imports.append(time.monotonic() - start)
        opened = terminals.Terminal(store.root)
        paints.append(opened.wait_for("1 Runs"))
        opened.close()
    ratio = min(paints) / min(imports)
    print(f"import textual.app {min(imports):.3f} s, first paint {min(paints):.3f} s, ratio {ratio:.2f}")
    assert ratio <= LIMIT
