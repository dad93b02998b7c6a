"""The process that scores the rows of evaluations for the screens: scoring many takes a processor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from store import open_store
from workbench.evaluation.row_scores import fill


def main(root: Path, ids: list[str]) -> int:
    """Score what has no scores yet."""
    # The screens, and whatever answers at the moment, come first.
    os.nice(5)
    with open_store(root, create=False) as store:
        fill(store, ids)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
