"""Numbers written short for people: bytes, counts, seconds, moments, metric values. JSON has them in full."""

from __future__ import annotations

import math
import time

from store.sizes import bytes_text

MINUTE, HOUR, DAY = 60, 3600, 86400


def size(amount: float | None) -> str:
    """Write a number of bytes: `814 B`, `12.1 kB`, `1.1 GB`; see `store.sizes`."""
    return "-" if amount is None else bytes_text(amount)


def count(amount: float | None) -> str:
    """Write a number of things: `814`, `12.4 k`, `1.1 M`, `7.2 G`."""
    if amount is None:
        return "-"
    return _scaled(amount, ("", "k", "M", "G", "T")).rstrip()


def duration(seconds: float | None) -> str:
    """Write a length of time in its two largest units: `4.2s`, `3m 05s`, `2h 10m`, `3d 4h`."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < MINUTE:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE}m {whole % MINUTE:02d}s"
    if whole < DAY:
        return f"{whole // HOUR}h {whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d {whole % DAY // HOUR}h"


def ago(moment: float | None, now: float | None = None) -> str:
    """Write how long ago a moment was: `just now`, `5m ago`, `3d ago`."""
    if moment is None:
        return "-"
    seconds = (time.time() if now is None else now) - moment
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{name} ago"
    return "just now"


def metric(name: str, number: float) -> str:
    """Write a metric's value in the unit that its name ends in."""
    return size(number) if name.endswith("_bytes") and math.isfinite(number) else value(number)


def value(number: float | None) -> str:
    """Write a number with four significant figures; NaN and infinity as what they are."""
    if number is None:
        return "-"
    if not math.isfinite(number):
        return str(number)
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    return f"{number:.4g}"


def _scaled(amount: float, units: tuple[str, ...]) -> str:
    step = 0
    while abs(amount) >= 999.95 and step < len(units) - 1:
        amount /= 1000
        step += 1
    return f"{amount:.0f} {units[step]}" if step == 0 else f"{amount:.1f} {units[step]}"
