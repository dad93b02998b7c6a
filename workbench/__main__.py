"""`python -m workbench`: the same door as the console script `workbench`."""

from __future__ import annotations

from workbench.cli import main

if __name__ == "__main__":
    main(prog_name="workbench")
