"""What to do next with a run, in a line."""

from __future__ import annotations


def to_resume(run_id: str) -> str:
    """How to let a run go on."""
    return f"let it go on: workbench run resume {run_id}"
