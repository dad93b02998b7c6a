"""The colours stay apart on terminals that have few."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem

from workbench.tui.theme import NIGHT, SIXTEEN


def shown(name: str, system: ColorSystem) -> int | None:
    theme = SIXTEEN if system is ColorSystem.STANDARD else NIGHT
    value = getattr(theme, name, None) or theme.variables[name]
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


def test_in_16_colours_what_means_something_has_a_colour_of_its_own() -> None:
    names = ("foreground", "accent", "success", "warning", "error", "block-cursor-background", "faint")
    assert len({shown(name, ColorSystem.STANDARD) for name in names}) == len(names)
    series = {shown(f"series-{number}", ColorSystem.STANDARD) for number in range(1, 7)}
    assert len(series) == 6


def test_no_colour_of_the_theme_was_forgotten_for_16_colours() -> None:
    drawn = [SIXTEEN.background, SIXTEEN.surface, SIXTEEN.panel, SIXTEEN.foreground]
    drawn += SIXTEEN.variables.values()
    colours = [Color.parse(each.split()[0]) for each in drawn if each is not None and each.startswith("#")]
    assert {part for colour in colours for part in colour.triplet} <= {0, 85, 170, 255}
