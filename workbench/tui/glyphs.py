"""The signs and figures of every screen: a status glyph with its word, bars, sizes and durations. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from textual.dom import DOMNode

STATUS_STYLES: Mapping[str, str] = {
    "queued": "$muted",
    "starting": "$accent",
    "running": "$accent",
    "paused": "$warning",
    "completed": "$success",
    "failed": "$error",
    "cancelled": "$muted",
    "interrupted": "$warning",
}


@dataclass(frozen=True)
class Glyphs:
    """One set of signs; a terminal without UTF-8 gets the other."""

    statuses: Mapping[str, str] = field(
        default_factory=lambda: {
            "queued": "○",
            "starting": "◔",
            "running": "●",
            "paused": "‖",
            "completed": "✓",
            "failed": "✗",
            "cancelled": "–",
            "interrupted": "◌",
        }
    )
    bar: str = "━"
    bar_rest: str = "─"
    ellipsis: str = "…"
    mark: str = "▪"
    left: str = "‹"
    right: str = "›"
    separator: str = "·"
    ramp: str = "▁▂▃▄▅▆▇█"
    """From low to high within a cell."""
    braille: bool = True


UNICODE = Glyphs()
ASCII = Glyphs(
    statuses={
        "queued": "o",
        "starting": ">",
        "running": "*",
        "paused": "=",
        "completed": "+",
        "failed": "x",
        "cancelled": "-",
        "interrupted": "?",
    },
    bar="#",
    bar_rest="-",
    ellipsis="~",
    mark="*",
    left="<",
    right=">",
    separator="|",
    ramp="_.-=^",
    braille=False,
)


def glyphs(node: DOMNode) -> Glyphs:
    """The signs that the app of this node draws with."""
    found = getattr(node.app, "glyphs", UNICODE)
    return found if isinstance(found, Glyphs) else UNICODE


def status_text(status: str, signs: Glyphs = UNICODE) -> Content:
    """A status as glyph and word in its colour: `● running`."""
    return Content.styled(
        f"{signs.statuses.get(status, ' ')} {status}", STATUS_STYLES.get(status, "$foreground")
    )


def progress_bar(done: float, total: float, width: int, signs: Glyphs = UNICODE) -> Content:
    """A bar of `width` cells, filled by `done / total`."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    filled = round(share * width)
    return Content.assemble((signs.bar * filled, "$accent"), (signs.bar_rest * (width - filled), "$faint"))


def duration(seconds: float | None) -> str:
    """A time span in its two largest units: `42s`, `3m 12s`, `1h 04m`, `2d 3h`; `–` when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600}h"


def count_text(count: float | None) -> str:
    """A count in at most five characters: `980`, `12.3k`, `1.35M`, `7.2B`."""
    if count is None or not math.isfinite(count):
        return "–"
    value = float(count)
    for unit in ("", "k", "M", "B"):
        if abs(value) < 999.5:
            return f"{value:.0f}" if unit == "" else f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}T"


def number_text(value: float | None) -> str:
    """A measured value in four significant digits; NaN and infinity are named, never hidden."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value != 0 and (abs(value) < 0.001 or abs(value) >= 100_000):
        return f"{value:.2e}"
    return f"{value:.4g}"
