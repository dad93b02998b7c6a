"""How long until a user sees the first screen, against the import of Textual in the same minute."""

from __future__ import annotations

import subprocess
import sys
import time
from types import ModuleType

import pytest

from store import Store

ROUNDS = 7
LIMIT = 3.0


@pytest.mark.benchmark
def test_the_first_paint_takes_at_most_three_times_the_import_of_textual(
    store: Store, terminals: ModuleType
) -> None:
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
