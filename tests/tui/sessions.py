"""Other sessions that keep drafts in the same store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANOTHER = """
import sys
from pathlib import Path
from workbench.tui import drafts
place = drafts.new_place(Path(sys.argv[1]), sys.argv[2])
drafts.keep(place, sys.argv[3])
print(place, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_session(root: Path, name: str, text: str) -> Iterator[Path]:
    """A process that keeps a draft and lives; it is killed at the end."""
    argv = [sys.executable, "-c", ANOTHER, str(root), name, text]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Path(process.stdout.readline().strip())
        finally:
            process.kill()
