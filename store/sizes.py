"""Sizes as people read them, alike wherever they stand: on a screen, in a table, in a log."""

from __future__ import annotations

import math


def bytes_text(count: float | None) -> str:
    """A size in three or four digits: `512 B`, `1.25 GB`, `1000 MB`; `–` when unknown.

    In powers of 1024, as graphics cards are sold and `nvidia-smi` and `ls -h` count.
    """
    if count is None or not math.isfinite(count):
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 100 else f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} TB"
