"""The colours stay apart on terminals that have few."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem

from workbench.tui.theme import NIGHT


def shown(name: str, system: ColorSystem) -> int | None:
    value = getattr(NIGHT, name, None) or NIGHT.variables[name]
    return Color.parse(value).downgrade(system).number


@pytest.mark.parametrize("system", [ColorSystem.EIGHT_BIT, ColorSystem.STANDARD])
def test_cursor_and_borders_are_seen_on_the_background(system: ColorSystem) -> None:
    background = shown("background", system)
    for name in ("block-cursor-background", "border", "faint", "muted", "foreground", "accent", "error"):
        assert shown(name, system) != background, name
    assert shown("foreground", system) != shown("faint", system)


def test_in_256_colours_every_colour_is_its_own() -> None:
    names = ("background", "panel", "border", "muted", "accent", "success", "warning", "error", "foreground")
    assert len({shown(name, ColorSystem.EIGHT_BIT) for name in names}) == len(names)
